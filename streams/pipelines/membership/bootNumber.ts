/**
 * The number of this boot of the process among the boots of its disk. Its stamps end in the number, so they differ from
 * those of every other boot, and may be sent before they are on the disk (docs/adr/0019-overlapped-flush.md).
 */
import type { Observable, SchedulerLike } from 'rxjs';
import { Subject, concat, defer, concatMap, ignoreElements, take } from 'rxjs';
import { BOOT_MAX } from '../../../src/core/stamp.js';
import type { Notes } from '../../../src/ports/notes.js';
import { retryWithoutRoom } from '../../retryWithoutRoom.js';
import { numberNote, readNote } from '../notes.js';

const NOTE_BOOT = 'life';
const FORMAT = numberNote('a boot number', 1, BOOT_MAX);

export class BootNumber {
  /** The highest number of an earlier boot; 0: no boot has had one. */
  readonly #before: number;
  #current = 0;
  readonly #wanted = new Subject<void>();

  /** @throws {AtomicDiskError} ATDD_STORE_CORRUPT */
  constructor(private readonly notes: Notes) {
    this.#before = readNote(notes, NOTE_BOOT, FORMAT) ?? 0;
  }

  /** The number of this boot, 1 to BOOT_MAX, once it is durable; 0: this boot has no number yet, or gets none. */
  get current(): number {
    return this.#current;
  }

  /** Whether this boot or one before it has had a number. */
  get wasEverUsed(): boolean {
    return this.#before > 0 || this.#current > 0;
  }

  /** To be called when this boot writes, because it then needs a number. */
  want(): void {
    if (this.#current === 0) this.#wanted.next();
  }

  /**
   * Makes the number durable when it is wanted, while it is subscribed to. Emits nothing. An error is one of the store.
   */
  keep(clock: SchedulerLike): Observable<never> {
    const number = this.#before + 1;
    // No number is left, because so many boots have written: values are stored first, then sent.
    if (number > BOOT_MAX) return this.#wanted.pipe(ignoreElements());
    const note = FORMAT.write(number);
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
