/**
 * A process that may have to go on in the other mode while it runs (docs/strict-register.md, "From open to strict"):
 * one `startProcess` after the other, over the same store and the same listening socket.
 *
 * ```
 * open     ====d|            d: it begins no operations, finishes what it has, and ends its connections
 * folder        --n          the format, then the notes with the mode
 * strict           s======
 * ```
 *
 * Which mode it is in is a fact of the note of its identity. If it ends at any moment of this, the next start goes on
 * from there: with the mode that the note names.
 */
import type { Observable, Subscription } from 'rxjs';
import { BehaviorSubject, EMPTY, Subject, concatMap, defer, distinctUntilChanged, endWith, ignoreElements } from 'rxjs';
import { merge, of, switchMap, tap } from 'rxjs';
import type { RegisterMode } from './core/membership/registerMode.js';
import type { StrictStore } from './ports/strictStore.js';
import { RememberedNotes } from './rememberedNotes.js';
import type { ProcessOfOneMode, ProcessOptions, Retired, RunningProcess, StartPorts } from './startProcess.js';
import { startProcess } from './startProcess.js';
import { destroyLater } from '../streams/pipelines/draining.js';
import { noteOfMode } from '../streams/pipelines/membership/identityNotes.js';
import { retryWithoutRoom } from '../streams/retryWithoutRoom.js';

export interface ModesPorts extends StartPorts {
  /** Makes the folder one of the strict mode, once all puts of the open mode have ended: see OpenedSectorStore. */
  openStrict(): Observable<StrictStore>;
}

/** How long a process waits for operations of the open mode to end, its own and those of the others (milliseconds). */
const DRAIN_MS = 1_000;
/** How long clients have to take what was sent to them before (milliseconds). */
const FAREWELL_MS = 1_000;

/** @param options `mode` is that of the folder; `canChange`: the configuration says strict. */
export function startModes(options: ProcessOptions, ports: ModesPorts): RunningProcess {
  const { schedulers, log } = ports;
  const { clock } = schedulers;
  const notes = new RememberedNotes(ports.notes);
  const start = (mode: RegisterMode, canChange: boolean, strictStore = ports.strictStore): ProcessOfOneMode => {
    const stores = strictStore === undefined ? {} : { strictStore };
    return startProcess({ ...options, mode, canChange }, { ...ports, ...stores, notes });
  };
  const running$ = new BehaviorSubject(start(options.mode ?? 'open', options.canChange === true));
  const failure$ = new Subject<never>();
  /** Whether the process of `running$` has been retired, and the next one is not there yet. */
  let isBetween = false;

  /** What comes after the process of the former mode. Emits nothing. */
  const goOn = (mode: RegisterMode, { connections }: Retired, begunMs: number): Observable<never> => {
    const store$: Observable<StrictStore | undefined> =
      mode === 'strict' ? ports.openStrict().pipe(retryWithoutRoom(clock)) : of(undefined);
    const startNext = (strictStore: StrictStore | undefined): void => {
      isBetween = false;
      // A strict process that was open has heard of strict members, or that all can be: it stays strict.
      const next = start(mode, mode === 'open', strictStore);
      running$.next(next);
      log.info(`${mode} from now on`, { event: 'mode', mode, pausedMs: Math.round(clock.now() - begunMs) });
      // What a replica has missed of the open mode is on record nowhere: a scrub finds it.
      if (mode === 'strict') next.inquire('scrub');
    };
    const next$ = store$.pipe(
      concatMap((strictStore) => {
        const noted$ = notes.putAll(noteOfMode(notes, mode)).pipe(retryWithoutRoom(clock));
        return noted$.pipe(endWith(strictStore), tap(startNext));
      }),
      ignoreElements(),
    );
    return merge(next$, destroyLater(connections, FAREWELL_MS, clock));
  };

  const change = (mode: RegisterMode): Observable<never> =>
    defer(() => {
      const begunMs = clock.now();
      log.info(
        mode === 'strict'
          ? `this cluster becomes strict: all ${options.processCount} members can`
          : 'this process joins as an open one: the members that it hears are open, and have yet to become strict',
        { event: 'becomes', mode },
      );
      // What is part of no cluster has nothing that could be finished.
      return running$.value.retire(mode === 'strict' ? DRAIN_MS : 0).pipe(
        tap(() => {
          isBetween = true;
        }),
        concatMap((retired) => goOn(mode, retired, begunMs)),
      );
    });

  const changes: Subscription = running$
    .pipe(
      switchMap(({ modeWanted$ }) => modeWanted$),
      concatMap(change),
      ignoreElements(),
    )
    .subscribe({
      error: (error: unknown) => {
        failure$.error(error);
      },
    });

  return {
    failure$: merge(failure$, running$.pipe(switchMap((running) => running.failure$))),
    memberState$: running$.pipe(
      switchMap(({ memberState$ }) => memberState$),
      distinctUntilChanged(),
    ),
    ready$: running$.value.ready$,
    stats: () => running$.value.stats(),
    inquire: (inquiry) => running$.value.inquire(inquiry),
    close: () =>
      defer(() => {
        changes.unsubscribe();
        return isBetween ? EMPTY : running$.value.close();
      }),
  };
}
