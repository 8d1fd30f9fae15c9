import type { OperatorFunction } from 'rxjs';
import { Observable, Subject } from 'rxjs';

/**
 * Feeds some results of a pipeline back into it. A process sends messages to itself in this way, without a socket.
 *
 * ```
 * source   -a-----d-|     pipeline: x -> X; loop: A -> [b, c], nothing for others
 * results  -(ABC)-D-|
 * ```
 *
 * A value that is fed back is handled after the one that is being handled now, never inside it. Values go through the
 * pipeline first in, first out, and no handler is entered twice. (If values were fed back on the spot, a later result
 * would overtake an earlier one.)
 *
 * Completes when the source and the pipeline have completed. An error of the source, the pipeline or the loop ends
 * everything. Bound: the values that wait to be fed in are those that the pipeline emitted within one call.
 */
export function withLoopback<I, O>(
  pipeline: OperatorFunction<I, O>,
  loop: OperatorFunction<O, I>,
): OperatorFunction<I, O> {
  return (source$) =>
    new Observable<O>((subscriber) => {
      const inputs = new Subject<I>();
      const outputs = new Subject<O>();
      const waiting: I[] = [];
      let isFeeding = false;
      const fail = (error: unknown): void => {
        subscriber.error(error);
      };
      const feed = (value: I): void => {
        waiting.push(value);
        if (isFeeding) return;
        isFeeding = true;
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          inputs.next(next);
        }
        isFeeding = false;
      };
      // Results reach the subscriber before the values that they feed back are handled.
      subscriber.add(outputs.subscribe(subscriber));
      subscriber.add(outputs.pipe(loop).subscribe({ next: feed, error: fail }));
      subscriber.add(inputs.pipe(pipeline).subscribe(outputs));
      subscriber.add(
        source$.subscribe({
          next: feed,
          error: fail,
          complete: () => {
            inputs.complete();
          },
        }),
      );
    });
}
