/**
 * To be loaded with `--import`: whoever imports the library `rxjs` from now on waits for it, for ever. So a test sees
 * what a program does before it has any of its libraries.
 */
import { register } from 'node:module';

const HOOKS = `
  setInterval(() => undefined, 1_000_000);
  export const resolve = (specifier, context, next) =>
    specifier === 'rxjs' ? new Promise(() => undefined) : next(specifier, context);`;

register(`data:text/javascript,${encodeURIComponent(HOOKS)}`);
console.log('rxjs is out of reach');
