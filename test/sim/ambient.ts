/**
 * While a simulation runs there is no time but its own: whoever asks the world for the time, for a
 * timer or for a random number is found out. (RxJS reports an error that nobody handles through a
 * timer: that error is thrown here at once.)
 */

type Ambient = Record<string, unknown>;

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'] as const;

export function withoutAmbientTime(run: () => void, found: (what: string) => void): void {
  const restore: (() => void)[] = [];
  const replace = (holder: object, name: string, put: (...args: unknown[]) => unknown): void => {
    const fields = holder as Ambient;
    const before = fields[name];
    fields[name] = put;
    restore.push(() => {
      fields[name] = before;
    });
  };
  for (const name of TIMERS) {
    replace(globalThis, name, (callback) => {
      found(name);
      if (typeof callback === 'function') Reflect.apply(callback, undefined, []);
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
