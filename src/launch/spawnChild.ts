/** A process of the operating system as an observable: subscribing starts it. */
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Observable } from 'rxjs';
import {
  defer,
  EMPTY,
  finalize,
  fromEvent,
  ignoreElements,
  map,
  merge,
  of,
  take,
  takeUntil,
  takeWhile,
  tap,
} from 'rxjs';
import type { ChildEvent } from './keepRunning.js';
import { SUPERVISED_ENVIRONMENT } from '../serve/foreground.js';
import { splitLines } from './splitLines.js';
import type { StopRequest } from '../serve/stopRequests.js';

export interface SpawnChildOptions {
  /** Arguments of Node: the program first. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Emits when the process is to end. A request from before the start counts as well if it is replayed. */
  readonly stop$: Observable<StopRequest>;
  /** Emits each time the process is to read its configuration again. */
  readonly reload$: Observable<unknown>;
}

const LINE_LENGTH_MAX = 65_536;

const SIGNAL_OF = { terminate: 'SIGTERM', kill: 'SIGKILL' } as const;

/**
 * The process gets a session of its own, so that Ctrl-C on the terminal reaches the supervisor only. Otherwise the
 * signal of the supervisor would be the second one for the process, and end it at once. The process also gets a channel
 * that breaks when the supervisor has ended in any way: see src/serve/foreground.ts.
 *
 * Completes after `ended`; never fails. To unsubscribe kills the process.
 */
export function spawnChild(options: SpawnChildOptions): Observable<ChildEvent> {
  const { args, env, stop$, reload$ } = options;
  return defer(() => {
    const child = spawn(process.execPath, [...args], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
      env: { ...env, ...SUPERVISED_ENVIRONMENT },
    });
    const started: ChildEvent[] = child.pid === undefined ? [] : [{ kind: 'started', pid: child.pid }];
    const stopping$ = stop$.pipe(
      tap((request) => child.kill(SIGNAL_OF[request])),
      ignoreElements(),
    );
    const reloading$ = reload$.pipe(
      tap(() => child.kill('SIGHUP')),
      ignoreElements(),
    );
    // 'close' comes after the last line of output; 'error' comes instead if there is no process.
    const closed$ = fromEvent(child, 'close', (code: number | null, signal: string | null) => ({
      kind: 'ended' as const,
      exit: { code, signal },
    }));
    const failed$ = fromEvent(child, 'error', () => ({
      kind: 'ended' as const,
      exit: { code: null, signal: null },
    }));
    const ended$ = merge(closed$, failed$).pipe(take(1));
    const asked$ = merge(stopping$, reloading$);
    return merge(of(...started), lines(child.stdout), lines(child.stderr), asked$, ended$).pipe(
      takeWhile((event) => event.kind !== 'ended', true),
      finalize(() => child.kill('SIGKILL')),
    );
  });
}

/** The lines of an output; null: the process could not be started, so there is none. */
function lines(stream: Readable | null): Observable<ChildEvent> {
  if (stream === null) return EMPTY;
  stream.setEncoding('utf8');
  const text$ = fromEvent(stream, 'data', (text: string) => text).pipe(takeUntil(fromEvent(stream, 'end')));
  return text$.pipe(
    splitLines(LINE_LENGTH_MAX),
    map((text) => ({ kind: 'line', text })),
  );
}
