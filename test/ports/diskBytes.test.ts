/** Byte ranges of two disks, one of which takes sectors together, beside a plain array of bytes. */
import test from 'ava';
import fc from 'fast-check';
import type { Observable } from 'rxjs';
import { EMPTY, defer, firstValueFrom, lastValueFrom, of } from 'rxjs';
import type { Disk } from '../../src/ports/disk.js';
import { readBytes, writeBytes } from '../../src/ports/diskBytes.js';
import type { RangeData } from '../../src/core/strict/replicaMessage.js';

const SECTORS = 6;
const SECTOR = 4096;
const WINDOW = 2;

class ArrayDisk implements Disk {
  readonly bytes = new Uint8Array(SECTORS * SECTOR);
  calls: string[] = [];

  read(sector: number): Observable<Uint8Array> {
    return defer(() => of(this.at(`read ${sector}`, sector, 1)));
  }
  map(): Observable<[]> {
    return of([]);
  }
  write(sector: number, data: Uint8Array): Observable<never> {
    return this.put(`write ${sector}`, sector, data);
  }
  update(sector: number, change: (current: Uint8Array) => Uint8Array): Observable<never> {
    return defer(() => this.put(`update ${sector}`, sector, change(this.at('', sector, 1))));
  }
  protected at(call: string, first: number, count: number): Uint8Array {
    if (call !== '') this.calls.push(call);
    return this.bytes.slice(first * SECTOR, (first + count) * SECTOR);
  }
  protected put(call: string, first: number, data: Uint8Array): Observable<never> {
    return defer(() => {
      this.calls.push(call);
      if (data.length % SECTOR !== 0) throw new Error(`${data.length} bytes are no sectors`);
      this.bytes.set(data, first * SECTOR);
      return EMPTY;
    });
  }
}

class TogetherDisk extends ArrayDisk {
  readSectors(first: number, count: number): Observable<Uint8Array> {
    return defer(() => of(this.at(`read ${first}+${count}`, first, count)));
  }
  writeSectors(first: number, count: number, data: RangeData): Observable<never> {
    return this.put(`write ${first}+${count}`, first, data === 'zeros' ? new Uint8Array(count * SECTOR) : data);
  }
}

const edge = fc.oneof(
  fc.integer({ min: 0, max: SECTORS }).map((sector) => sector * SECTOR),
  fc.integer({ min: 0, max: SECTORS * SECTOR }),
);
const ranges = fc.array(fc.tuple(edge, edge), { maxLength: 8 });

for (const [name, createDisk] of [
  ['sector by sector', () => new ArrayDisk()],
  ['together', () => new TogetherDisk()],
] as const) {
  test(`byte ranges are written and read: ${name}`, async (t) => {
    await fc.assert(
      fc.asyncProperty(ranges, async (steps) => {
        const disk = createDisk();
        const model = new Uint8Array(SECTORS * SECTOR);
        for (const [index, [a, b]] of steps.entries()) {
          const [from, to] = [Math.min(a, b), Math.max(a, b)];
          const data = new Uint8Array(to - from).fill(index + 1);
          model.set(data, from);
          await lastValueFrom(writeBytes(disk, WINDOW, BigInt(from), data), { defaultValue: null });
          const read = await firstValueFrom(readBytes(disk, WINDOW, BigInt(from), to - from));
          t.true(Buffer.from(read).equals(Buffer.from(model.subarray(from, to))));
        }
        t.true(Buffer.from(disk.bytes).equals(Buffer.from(model)));
      }),
      { numRuns: 200 },
    );
  });
}

test('a disk that takes sectors together gets one call, and an update for each edge', async (t) => {
  const disk = new TogetherDisk();
  await lastValueFrom(writeBytes(disk, WINDOW, 100n, new Uint8Array(4 * SECTOR)), { defaultValue: null });
  t.deepEqual(disk.calls.splice(0).toSorted(), ['update 0', 'update 4', 'write 1+3']);
  await lastValueFrom(writeBytes(disk, WINDOW, BigInt(SECTOR), new Uint8Array(2 * SECTOR)), { defaultValue: null });
  t.deepEqual(disk.calls.splice(0), ['write 1+2']);
  await lastValueFrom(writeBytes(disk, WINDOW, 10n, new Uint8Array(20)), { defaultValue: null });
  t.deepEqual(disk.calls.splice(0), ['update 0']);
  await firstValueFrom(readBytes(disk, WINDOW, 100n, 4 * SECTOR));
  t.deepEqual(disk.calls, ['read 0+5']);
});
