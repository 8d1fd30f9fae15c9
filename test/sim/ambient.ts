/**
 * While a simulation runs there is no time but its own: whoever asks the world for the time, for a timer or for a
 * random number is found out. RxJS reports through a timer what nobody handles, and what comes to subscribers that have
 * ended: that happens here at once, and is thrown if it is a defect, as in the programs themselves.
 */
import type { ObservableNotification } from 'rxjs';
import { config } from 'rxjs';
import { throwLostDefect } from '../../src/shell/lostErrors.js';

type Ambient = Record<string, unknown>;

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'] as const;

export function withoutAmbientTime(run: () => void, found: (what: string) => void): void {
  const restore: (() => void)[] = [];
  let lateCount = 0;
  const replace = (holder: object, name: string, put: (...args: unknown[]) => unknown): void => {
    const fields = holder as Ambient;
    const before = fields[name];
    fields[name] = put;
    restore.push(() => {
      fields[name] = before;
    });
  };
  replace(config, 'onStoppedNotification', (notification) => {
    lateCount += 1;
    throwLostDefect(notification as ObservableNotification<unknown>);
    return undefined;
  });
  for (const name of TIMERS) {
    replace(globalThis, name, (callback) => {
      const before = lateCount;
      if (typeof callback === 'function') Reflect.apply(callback, undefined, []);
      if (lateCount === before) found(name);
      return 0;
    });
  }
  const zero = (what: string) => (): number => {
    found(what);
    return 0;
  };
  replace(process, 'nextTick', zero('process.nextTick'));
  replace(Date, 'now', zero('Date.now'));
  replace(Math, 'random', zero('Math.random'));
  replace(performance, 'now', zero('performance.now'));
  try {
    run();
  } finally {
    for (const undo of restore) undo();
  }
}
