/**
 * Stamps that this process may send before they are on its disk: those below a bound that is on
 * its disk. Its next life begins above that, so that it never chooses one of them for another value
 * (docs/adr/0019-overlapped-flush.md).
 */
import type { Observable, SchedulerLike } from 'rxjs';
import { Subject, concat, defer, exhaustMap, ignoreElements } from 'rxjs';
import { TIMESTAMP_REFUSED } from '../../src/core/stamp.js';
import { AtomicDiskError } from '../../src/errors.js';
import type { Notes } from '../../src/ports/notes.js';
import { retryWithoutRoom } from './membership.js';

const NOTE_STAMPS = 'stamps';

/** Stamps are reserved in blocks of so many bits: half a million writes of one sector. */
const BLOCK_BITS = 36n;

export class StampReserve {
  /** Every stamp that an earlier life may have sent too early is below this. */
  readonly floor: bigint;
  #below: bigint;
  readonly #wanted = new Subject<bigint>();

  /** @throws {AtomicDiskError} ATDD_STORE_CORRUPT */
  constructor(private readonly notes: Notes) {
    this.floor = readNote(notes);
    this.#below = this.floor;
  }

  /** Stamps below this are reserved, durably. */
  get below(): bigint {
    return this.#below;
  }

  /** A stamp was chosen that is not reserved: those that follow it shall be. */
  want(timestamp: bigint): void {
    this.#wanted.next(timestamp);
  }

  /** Reserves what is wanted, while it is subscribed to. An error is one of the store. */
  keep(clock: SchedulerLike): Observable<never> {
    return this.#wanted.pipe(
      exhaustMap((timestamp) => {
        const below = ((timestamp >> BLOCK_BITS) + 2n) << BLOCK_BITS;
        const note = Buffer.from(String(below));
        return concat(
          this.notes.put(new Map([[NOTE_STAMPS, note]])).pipe(retryWithoutRoom(clock)),
          defer(() => {
            this.#below = below;
            return [];
          }),
        );
      }),
      ignoreElements(),
    );
  }
}

function readNote({ initial }: Notes): bigint {
  const bytes = initial.get(NOTE_STAMPS);
  if (bytes === undefined) return 0n;
  const text = Buffer.from(bytes).toString('latin1');
  const isNumber = /^\d{1,19}$/.test(text);
  const below = isNumber ? BigInt(text) : -1n;
  if (below >= 0n && below < TIMESTAMP_REFUSED && below % (1n << BLOCK_BITS) === 0n) return below;
  throw new AtomicDiskError(
    'ATDD_STORE_CORRUPT',
    `the note ${NOTE_STAMPS} of the store says ${JSON.stringify(text)}: that is no bound of stamps`,
  );
}
