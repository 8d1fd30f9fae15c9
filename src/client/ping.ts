/**
 * A READ of a sector that no disk has: any running process with our key refuses it at once, without asking the others.
 * So the answer shows that the process can be reached and how long a round trip takes, and nothing about a majority.
 */
import { concatMap, Observable, take } from 'rxjs';
import type { ClientCounters } from './clientEvents.js';
import type { Link } from './link.js';

export const SECTOR_NOWHERE = 2n ** 64n - 1n;

export interface PingOptions {
  nextRequestNumber(): bigint;
  nowMs(): number;
  readonly counters: ClientCounters;
}

export interface PingOverOptions extends PingOptions {
  /** The present and later connections to the process. */
  readonly link$: Observable<Link>;
}

/**
 * Emits the milliseconds between request and answer and completes. Asks again over the next connection if one breaks;
 * never fails.
 *
 * ```
 * link$   --A--------B----------
 * A         ?  x                   breaks
 * B                  ?   !
 * result  ---------------(t|)
 * ```
 */
export function pingOver(options: PingOverOptions): Observable<number> {
  return options.link$.pipe(
    concatMap((link) => pingOnce(link, options)),
    take(1),
  );
}

/** Asks once; completes without a value if no answer will come. */
export function pingOnce(link: Link, options: PingOptions): Observable<number> {
  return new Observable((subscriber) => {
    if (!link.isOpen) {
      subscriber.complete();
      return;
    }
    const sentAt = options.nowMs();
    options.counters.pingsSent += 1;
    link.send({
      kind: 'read',
      requestNumber: options.nextRequestNumber(),
      sector: SECTOR_NOWHERE,
      answered() {
        subscriber.next(options.nowMs() - sentAt);
        subscriber.complete();
      },
      lost() {
        subscriber.complete();
      },
    });
  });
}
