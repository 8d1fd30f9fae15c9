/** The number of the last commit: what is in the file when, and when it is flushed. */
import fs from 'node:fs';
import { mkdirSync, readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import test from 'ava';
import { VirtualTimeScheduler } from 'rxjs';
import { createAcknowledgedFile, openAcknowledgedFile } from '../../src/shell/acknowledgedFile.js';
import { freshFolder } from './realStore.js';

/** One for each flush that was begun: to be called when it is to end; resolves when it has. */
const flushes: (() => Promise<void>)[] = [];
const flush = fs.fdatasync;
fs.fdatasync = ((descriptor: number, ended: (error: Error | null) => void) => {
  flushes.push(
    () =>
      new Promise((resolve) => {
        flush(descriptor, (error) => {
          ended(error);
          resolve();
        });
      }),
  );
}) as typeof fs.fdatasync;
syncBuiltinESMExports();

test.serial('it says what was noted last, at once, and is flushed a little later', async (t) => {
  const file = join(await freshFolder(t), 'acknowledged');
  mkdirSync(dirname(file), { recursive: true });
  createAcknowledgedFile(file);
  const clock = new VirtualTimeScheduler();
  const open = () => openAcknowledgedFile(file, clock);
  const noted = open();
  t.is(noted.countAtOpen, 0);
  flushes.length = 0;
  for (let count = 1; count <= 7; count += 1) {
    noted.record(count);
    t.is(readFileSync(file).readBigUInt64BE((count % 2) * 512), BigInt(count));
  }
  t.is(flushes.length, 0, 'not with each one');
  clock.flush();
  t.is(flushes.length, 1, 'once for all of them');
  noted.record(8);
  clock.flush();
  t.is(flushes.length, 1, 'the disk stalls: one at a time');
  await flushes[0]?.();
  clock.flush();
  t.is(flushes.length, 2, 'what came meanwhile is flushed then');
  // While it is being flushed.
  noted.close();
  const again = open();
  t.is(again.countAtOpen, 8);
  await flushes[1]?.();
  again.record(9);
  again.close();
  clock.flush();
  t.is(flushes.length, 2, 'what is closed is flushed by that');
  t.is(open().countAtOpen, 9);
});
