import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { firstValueFrom, tap } from 'rxjs';
import { slotReader } from '../../src/shell/slotReader.js';

const SLOTS = 3;

/** A reader of a file of three slots of 1, 2 and 3, in which each read takes as long as it says. */
function open(t: ExecutionContext, readMs: () => number) {
  const file = path.join(tmpdir(), `atdd-slots-${process.pid}-${Math.random()}`);
  const slots = Array.from({ length: SLOTS }, (_, index) => Buffer.alloc(4096, index + 1));
  writeFileSync(file, Buffer.concat([...slots, Buffer.alloc(100, 9)]));
  const descriptor = openSync(file, 'r');
  t.teardown(() => {
    closeSync(descriptor);
    rmSync(file);
  });
  let clockMs = 0;
  let looks = 0;
  const { read, readAll } = slotReader({
    descriptor,
    failure: (slot, cause) => new Error(`slot ${slot}: ${String(cause)}`),
    nowMs: () => {
      looks += 1;
      if (looks % 2 === 0) clockMs += readMs();
      return clockMs;
    },
  });
  /** Whether the slot was there when the call returned. */
  const isAtOnce = (slot: number): boolean => {
    let byte = 0;
    read(slot).subscribe((data) => (byte = data[4095]));
    if (byte !== 0) t.is(byte, slot + 1);
    return byte !== 0;
  };
  return { read, readAll, isAtOnce };
}

test('what the cache has is read on the spot', (t) => {
  const { isAtOnce } = open(t, () => 0.002);
  t.true([0, 1, 2, 0].every(isAtOnce));
});

test('a slow read now and then is the wait for a core', (t) => {
  let count = 0;
  const { isAtOnce } = open(t, () => (count++ % 8 === 0 ? 5 : 0.002));
  for (let index = 0; index < 100; index += 1) t.true(isAtOnce(index % SLOTS));
});

test('after slow reads the pool reads, and one in a while is tried on the spot', async (t) => {
  const times = [5, 0.002, 5, 5];
  const { read, isAtOnce } = open(t, () => times.shift() ?? 0.002);
  t.true(isAtOnce(0) && isAtOnce(1) && isAtOnce(2), 'they were slow, but they were read');
  const pooled = (): boolean => {
    let isPooled = true;
    for (let index = 0; index < 128; index += 1) isPooled &&= !isAtOnce(index % SLOTS);
    return isPooled;
  };
  t.true(pooled());
  t.true(isAtOnce(0), 'one that is slow again');
  t.true(pooled());
  for (let index = 0; index < 20; index += 1) t.true(isAtOnce(index % SLOTS));
  t.deepEqual(await firstValueFrom(read(1)), new Uint8Array(4096).fill(2));
});

test('both ways read whole slots, and say what was wrong', async (t) => {
  for (const readMs of [0.002, 5]) {
    const { read } = open(t, () => readMs);
    for (const slot of [0, 1, 2, 0]) {
      t.deepEqual(await firstValueFrom(read(slot)), new Uint8Array(4096).fill(slot + 1));
    }
    await t.throwsAsync(firstValueFrom(read(SLOTS)), { message: /slot 3: .*the file ends/ });
  }
});

test('slots are read one behind the other, in any order, on the spot or through the pool', async (t) => {
  for (const readMs of [0.002, 5]) {
    const { readAll } = open(t, () => readMs);
    for (const slots of [
      [0, 1, 2],
      [2, 0, 1],
      [1, 1],
      [],
      [2],
      Array.from({ length: 99 }, (_, index) => index % SLOTS),
    ]) {
      const expected = Buffer.concat(slots.map((slot) => Buffer.alloc(4096, slot + 1)));
      t.is(Buffer.compare(await firstValueFrom(readAll(slots)), expected), 0);
    }
    await t.throwsAsync(firstValueFrom(readAll([0, 2, SLOTS])), { message: /slot 2: .*before the end of slot 3/ });
  }
});

test('a long piece goes through the pool, and is whole', async (t) => {
  const file = path.join(tmpdir(), `atdd-long-${process.pid}-${Math.random()}`);
  const bytes = Buffer.alloc(40 * 4096, 'some data in a row ');
  writeFileSync(file, bytes);
  const descriptor = openSync(file, 'r');
  t.teardown(() => {
    closeSync(descriptor);
    rmSync(file);
  });
  const { readAll } = slotReader({ descriptor, failure: (_, cause) => cause as Error, nowMs: () => 0 });
  const slots = Array.from({ length: 40 }, (_, slot) => slot);
  let isRead = false;
  const read = firstValueFrom(readAll(slots).pipe(tap(() => (isRead = true))));
  t.false(isRead);
  t.is(Buffer.compare(await read, bytes), 0);
  await t.throwsAsync(firstValueFrom(readAll([...slots, 40])), { message: /before the end of slot 40/ });
});
