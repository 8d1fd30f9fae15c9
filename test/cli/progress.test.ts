import { PassThrough } from 'node:stream';
import test from 'ava';
import type { Progress } from '../../src/cli/progress.js';
import { progressLine, startProgress } from '../../src/cli/progress.js';
import { startSectorProgress } from '../../src/cli/health/sectorProgress.js';

interface Shown {
  readonly progress: Progress;
  readonly text: () => string;
  readonly clock: { nowMs: number };
}

async function show(isTTY: boolean): Promise<Shown> {
  const clock = { nowMs: 0 };
  let text = '';
  // What cli-progress and a terminal's stream have to do with each other.
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 120 });
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const progress = await startProgress({
    label: 'import',
    totalBytes: 4 * 2 ** 20,
    stream,
    nowMs: () => clock.nowMs,
    lineIntervalMs: 20,
  });
  return { progress, text: () => text, clock };
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
};

test('plain lines where nobody watches a terminal', async (t) => {
  const { progress, text, clock } = await show(false);
  clock.nowMs = 1_000;
  progress.advance(2 ** 20);
  await until(() => text().includes('25%'));
  t.regex(text(), /^import: 25%, 1\.0 MiB of 4\.0 MiB, 1\.0 MiB\/s, 3\.0 s left$/m);
  t.false(text().includes('\r') || text().includes('\x1b'));
  progress.stop();
  const length = text().length;
  await new Promise((resolve) => setTimeout(resolve, 60));
  t.is(text().length, length, 'silent after the end');
});

test('a bar on a terminal, with rate and time left', async (t) => {
  const { progress, text, clock } = await show(true);
  clock.nowMs = 1_000;
  progress.advance(2 ** 20);
  progress.stop();
  t.regex(text(), /import \[=+-+\] 25% 1\.0 MiB of 4\.0 MiB, 1\.0 MiB\/s, 3\.0 s left/);
});

test('sectors, of a number that changes', async (t) => {
  const clock = { nowMs: 0 };
  let text = '';
  const stream = new PassThrough();
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const progress = await startSectorProgress({
    label: 'redundancy',
    stream,
    nowMs: () => clock.nowMs,
    lineIntervalMs: 20,
  });
  t.teardown(() => {
    progress.stop();
  });
  await until(() => text.includes('answers'));
  t.regex(text, /^redundancy: 0%, waits for answers$/m);
  progress.moveTo({ done: 0, total: 0, remark: 'process 3 is down' });
  await until(() => text.includes('down'));
  t.regex(text, /^redundancy: 0%, process 3 is down$/m);
  clock.nowMs = 1_000;
  progress.moveTo({ done: 256, total: 1_024, remark: '' });
  await until(() => text.includes('25%'));
  t.regex(text, /^redundancy: 25%, 256 of 1024 sectors, 1\.0 MiB\/s, 3\.0 s left$/m);
  // A process has started again: it goes backwards, which is no rate.
  clock.nowMs = 12_000;
  progress.moveTo({ done: 0, total: 1_024, remark: 'again' });
  await until(() => text.includes('again'));
  t.regex(text, /^redundancy: 0%, 0 of 1024 sectors, 0 B\/s, unknown left, again$/m);
});

test('the line fits whatever the width, and says last what is most important', (t) => {
  const parts = ['1023.9 GiB of 1023.9 GiB', '1023.9 MiB/s', '59 min 59 s left'];
  const at = (columns: number, fraction: number | null = 0.17) =>
    progressLine({ label: 'import', fraction, parts, columns, bar: (wide) => '='.repeat(wide) });
  for (let columns = 1; columns <= 130; columns += 1) {
    t.true(at(columns).length < Math.max(2, columns), `${columns}: ${at(columns)}`);
    t.true(at(columns, null).length < Math.max(2, columns), `${columns}: ${at(columns, null)}`);
  }
  const bar = '='.repeat(30);
  t.is(at(120), `import [${bar}] 17% 1023.9 GiB of 1023.9 GiB, 1023.9 MiB/s, 59 min 59 s left`);
  t.is(at(80), `import [${bar}] 17% 1023.9 MiB/s, 59 min 59 s left`);
  t.is(at(60), `import [${'='.repeat(15)}] 17% 1023.9 MiB/s, 59 min 59 s left`);
  t.is(at(45), `import [${'='.repeat(14)}] 17% 59 min 59 s left`);
  t.is(at(30), 'import 17% 59 min 59 s left');
  t.is(at(80, null), 'import: 1023.9 GiB of 1023.9 GiB, 1023.9 MiB/s, 59 min 59 s left');
});

test('what stands still says why, and no rate that fades', async (t) => {
  const { progress, text, clock } = await show(false);
  clock.nowMs = 1_000;
  progress.advance(2 ** 20);
  progress.stand('waiting for a majority: 1 of 3 processes answers');
  await until(() => text().includes('waiting'));
  t.regex(text(), /^import: 25%, 1\.0 MiB of 4\.0 MiB, waiting for a majority: 1 of 3 pro/m);
  progress.stand(null);
  await until(() => /1\.0 MiB\/s/.test(text()));
  progress.stop();
});

test('bytes of a pipe, of which nobody knows how many there are', async (t) => {
  let text = '';
  const stream = new PassThrough();
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  let nowMs = 0;
  const progress = await startProgress({
    ...{ label: 'import', totalBytes: null, stream, nowMs: () => nowMs, lineIntervalMs: 20 },
  });
  nowMs = 1_000;
  progress.advance(2 ** 20);
  await until(() => text.includes('MiB'));
  t.regex(text, /^import: 1\.0 MiB\/s, 1\.0 MiB$/m);
  progress.stop();
});
