/**
 * Asks one process for its status, or to start a scrub. Only newer processes of the own implementation answer. Others
 * ignore the question, so the caller needs a time limit.
 */
import { concatMap, Observable, take } from 'rxjs';
import type { Inquiry } from '../core/membership/memberMessage.js';
import { AtomicDiskError } from '../errors.js';
import type { Link } from './link.js';

export interface InquireOptions {
  /** The present and later connections to the process. */
  readonly link$: Observable<Link>;
  readonly inquiry: Inquiry;
  nextRequestNumber(): bigint;
}

/**
 * Emits the text of the answer, unchecked, and completes. Asks again over the next connection if one breaks. To
 * unsubscribe withdraws the question. Fails with ATDD_AUTH_FAILURE if the process rejects the tag of the question.
 *
 * ```
 * link$   --A--------B----------
 * A         ?  x                   breaks
 * B                  ?   !
 * result  ---------------(t|)
 * ```
 */
export function inquireOver(options: InquireOptions): Observable<string> {
  return options.link$.pipe(
    concatMap((link) => inquireOnce(link, options)),
    take(1),
  );
}

/** Asks once; completes without a value if no answer will come. */
export function inquireOnce(link: Link, options: Omit<InquireOptions, 'link$'>): Observable<string> {
  return new Observable((subscriber) => {
    if (!link.isOpen) {
      subscriber.complete();
      return undefined;
    }
    return link.ask({
      inquiry: options.inquiry,
      requestNumber: options.nextRequestNumber(),
      answered(status, data) {
        if (data === null) {
          const text = `process ${link.rank} answered a question about itself with ${status}`;
          subscriber.error(new AtomicDiskError('ATDD_AUTH_FAILURE', text));
          return;
        }
        subscriber.next(textOf(data));
        subscriber.complete();
      },
      lost() {
        subscriber.complete();
      },
    });
  });
}

/** The text, without the zeros that pad the message. */
function textOf(data: Uint8Array): string {
  const end = data.indexOf(0);
  return new TextDecoder().decode(end === -1 ? data : data.subarray(0, end));
}
