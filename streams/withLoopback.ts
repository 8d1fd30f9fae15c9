import type { OperatorFunction } from 'rxjs';
import { Observable, Subject } from 'rxjs';

/**
 * Feeds some of a pipeline's results back into it: the one cycle of a process, by which it reaches itself without a
 * socket.
 *
 * ```
 * source   -a-----d-|     pipeline: x -> X; loop: A -> [b, c], nothing for others
 * results  -(ABC)-D-|
 * ```
 *
 * What is fed back is handled after what is being handled now, never inside it: values go through the pipeline first
 * in, first out, and no handler is entered twice. (Fed back on the spot, a later result would overtake an earlier one.)
 *
 * Completes when the source and the pipeline have; an error of any of the three ends all. What waits to be fed in is
 * what the pipeline itself emitted within one call: bounded by it.
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
      // Results reach the subscriber before what they feed back is handled.
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
