/** npm run test:upgrade: see docs/testing.md. */
import { parseArgs } from 'node:util';
import { ProgramScope } from '../chaos/programScope.js';
import { freshSeed, Rolling } from './rolling.js';

const USAGE = `node dist/test/upgrade/main.js --former FILE [--seed N]
  --former <file>  dist/main.js of the former version
  --seed <n>       the same random choices again (printed)`;

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const options = read(process.argv.slice(2));
if (options === null) {
  process.stderr.write(`${USAGE}\n`);
  process.exit(2);
}
let scope = new ProgramScope();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    void scope.end().finally(() => process.exit(130));
  });
}
let isGood = true;
const ROUNDS = [
  { members: 'strict', extension: 'on' },
  { members: 'open', extension: 'off' },
] as const;
for (const { members, extension } of ROUNDS) {
  scope = new ProgramScope();
  const way = members === 'open' ? 'and back' : 'until the cluster is strict';
  say(`upgrade: one process after the other ${way}, extension ${extension}, --seed ${options.seed}`);
  try {
    await Rolling.run({ scope, formerMain: options.former, extension, members, seed: options.seed, say });
  } catch (error) {
    scope.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  await scope.end();
  for (const failure of scope.failures) say(`FAILED: ${failure}`);
  isGood &&= scope.passed;
}
say(isGood ? 'upgrade: passed' : 'upgrade: FAILED');
process.exit(isGood ? 0 : 1);

function read(words: string[]): { former: string; seed: number } | null {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({ args: words, options: { former: text, seed: text } });
    const seed = Number(values.seed ?? freshSeed());
    return values.former !== undefined && Number.isInteger(seed) ? { former: values.former, seed } : null;
  } catch {
    return null;
  }
}
