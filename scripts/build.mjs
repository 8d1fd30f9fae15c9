/** npm run build: compiles everything into dist/ and writes the launcher dist/main.js. */
import { build } from './ensure.mjs';

await build();
