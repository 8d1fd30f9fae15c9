/**
 * The number of this boot of the process among those of its disk, by which its stamps differ from those of every other
 * boot: they may be sent before they are on its disk (docs/adr/0019-overlapped-flush.md).
 */
import type { Observable, SchedulerLike } from 'rxjs';
import { Subject, concat, defer, concatMap, ignoreElements, take } from 'rxjs';
import { BOOT_MAX } from '../../../src/core/stamp.js';
import { AtomicDiskError } from '../../../src/errors.js';
import type { Notes } from '../../../src/ports/notes.js';
import { retryWithoutRoom } from './membershipState.js';

const NOTE_BOOT = 'life';

export class BootNumber {
  /** The highest number of an earlier boot; 0: none has had one. */
  readonly #before: number;
  #current = 0;
  readonly #wanted = new Subject<void>();

  /** @throws {AtomicDiskError} ATDD_STORE_CORRUPT */
  constructor(private readonly notes: Notes) {
    this.#before = readNote(notes);
  }

  /** 1 to BOOT_MAX, and durable; 0: this boot has none, yet or at all. */
  get current(): number {
    return this.#current;
  }

  /** Whether this boot or one before it has had a number. */
  get wasEverUsed(): boolean {
    return this.#before > 0 || this.#current > 0;
  }

  /** This boot writes: it shall have a number. */
  want(): void {
    if (this.#current === 0) this.#wanted.next();
  }

  /** Takes the number when it is wanted, while it is subscribed to. An error is the store's. */
  keep(clock: SchedulerLike): Observable<never> {
    const number = this.#before + 1;
    // So many have written that there is none left: values are stored first, then sent.
    if (number > BOOT_MAX) return this.#wanted.pipe(ignoreElements());
    const note = Buffer.from(String(number));
    return this.#wanted.pipe(
      take(1),
      concatMap(() =>
        concat(
          this.notes.put(new Map([[NOTE_BOOT, note]])).pipe(retryWithoutRoom(clock)),
          defer(() => {
            this.#current = number;
            return [];
          }),
        ),
      ),
      ignoreElements(),
    );
  }
}

function readNote({ initial }: Notes): number {
  const bytes = initial.get(NOTE_BOOT);
  if (bytes === undefined) return 0;
  const text = Buffer.from(bytes).toString('latin1');
  const number = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : 0;
  if (number > 0 && number <= BOOT_MAX) return number;
  throw new AtomicDiskError(
    'ATDD_STORE_CORRUPT',
    `the note ${NOTE_BOOT} of the store says ${JSON.stringify(text)}: ` + `that is no number from 1 to ${BOOT_MAX}`,
  );
}
