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
 * Which mode it is in is a fact of the note of its identity (G1). If it ends at any moment of this, the next start goes
 * on from there: with the mode that the note names.
 */
import type { Observable, Subscription } from 'rxjs';
import { BehaviorSubject, EMPTY, Subject, concatMap, defer, distinctUntilChanged, endWith, ignoreElements } from 'rxjs';
import { merge, of, switchMap, tap } from 'rxjs';
import type { MemberState } from './core/membership/identity.js';
import type { Inquiry } from './core/membership/memberMessage.js';
import type { RegisterMode } from './core/membership/registerMode.js';
import type { StrictStore } from './ports/strictStore.js';
import { RememberedNotes } from './rememberedNotes.js';
import type { ProcessOfOneMode, ProcessOptions, Retired, RunningProcess, StartPorts } from './startProcess.js';
import { startProcess } from './startProcess.js';
import { destroyLater } from '../streams/pipelines/draining.js';
import { noteOfMode } from '../streams/pipelines/membership/identityNotes.js';
import type { ProcessStats } from '../streams/pipelines/processState.js';
import type { StatusReport } from '../streams/pipelines/status/statusReport.js';
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
  return new ModesProcess(options, ports);
}

class ModesProcess implements RunningProcess {
  readonly failure$: Observable<never>;
  readonly memberState$: Observable<MemberState>;
  readonly ready$: Observable<never>;
  readonly #notes: RememberedNotes;
  readonly #running$: BehaviorSubject<ProcessOfOneMode>;
  readonly #changes: Subscription;
  /** The process of `#running$` has been retired, and the next one is not there yet. */
  #isBetween = false;

  constructor(
    private readonly options: ProcessOptions,
    private readonly ports: ModesPorts,
  ) {
    const failure$ = new Subject<never>();
    this.#notes = new RememberedNotes(ports.notes);
    this.#running$ = new BehaviorSubject(this.#start(options.mode ?? 'open', options.canChange === true));
    this.failure$ = merge(failure$, this.#running$.pipe(switchMap((running) => running.failure$)));
    this.memberState$ = this.#running$.pipe(
      switchMap(({ memberState$ }) => memberState$),
      distinctUntilChanged(),
    );
    this.ready$ = this.#running$.value.ready$;
    this.#changes = this.#running$
      .pipe(
        switchMap(({ modeWanted$ }) => modeWanted$),
        concatMap((mode) => this.#change(mode)),
      )
      .subscribe({
        error: (error: unknown) => {
          failure$.error(error);
        },
      });
  }

  stats(): ProcessStats {
    return this.#running$.value.stats();
  }

  inquire(inquiry: Inquiry): StatusReport {
    return this.#running$.value.inquire(inquiry);
  }

  close(): Observable<never> {
    return defer(() => {
      this.#changes.unsubscribe();
      return this.#isBetween ? EMPTY : this.#running$.value.close();
    });
  }

  #start(mode: RegisterMode, canChange: boolean, strictStore = this.ports.strictStore): ProcessOfOneMode {
    const stores = strictStore === undefined ? {} : { strictStore };
    const notes = this.#notes;
    return startProcess({ ...this.options, mode, canChange }, { ...this.ports, ...stores, notes });
  }

  #change(mode: RegisterMode): Observable<never> {
    const { log, schedulers } = this.ports;
    return defer(() => {
      const begunMs = schedulers.clock.now();
      const text =
        mode === 'strict'
          ? `this cluster becomes strict: all ${this.options.processCount} members can`
          : 'this process joins as an open one: the members that it hears are open, and have yet to become strict';
      log.info(text, { event: 'becomes', mode });
      // What is part of no cluster has nothing that could be finished.
      return this.#running$.value.retire(mode === 'strict' ? DRAIN_MS : 0).pipe(
        tap(() => {
          this.#isBetween = true;
        }),
        concatMap((retired) => this.#goOn(mode, retired, begunMs)),
      );
    });
  }

  /** What comes after the process of the former mode. Emits nothing. */
  #goOn(mode: RegisterMode, { connections }: Retired, begunMs: number): Observable<never> {
    const { clock } = this.ports.schedulers;
    const store$: Observable<StrictStore | undefined> =
      mode === 'strict' ? this.ports.openStrict().pipe(retryWithoutRoom(clock)) : of(undefined);
    const next$ = store$.pipe(
      concatMap((strictStore) =>
        this.#notes.putAll(noteOfMode(this.#notes, mode)).pipe(
          retryWithoutRoom(clock),
          endWith(null),
          tap(() => {
            this.#startNext(mode, strictStore, begunMs);
          }),
        ),
      ),
      ignoreElements(),
    );
    return merge(next$, destroyLater(connections, FAREWELL_MS, clock));
  }

  #startNext(mode: RegisterMode, strictStore: StrictStore | undefined, begunMs: number): void {
    const { log, schedulers } = this.ports;
    this.#isBetween = false;
    // A strict process that was open has heard of strict members, or that all can be: it stays strict.
    const next = this.#start(mode, mode === 'open', strictStore);
    this.#running$.next(next);
    const pausedMs = Math.round(schedulers.clock.now() - begunMs);
    log.info(`${mode} from now on`, { event: 'mode', mode, pausedMs });
    // What a replica has missed of the open mode is on record nowhere: a scrub finds it.
    if (mode === 'strict') next.inquire('scrub');
  }
}
