/** What was done to the cluster: counted, and noted with its time for whoever reads a history. */

/** Every kind of fault. A run in which one of them never happened has not tested what it says. */
export const FAULTS = {
  kill: 'kills (SIGKILL)',
  killStarting: '  while it was starting',
  killPaused: '  while it was paused',
  killUnheard: '  before anybody had heard of its last values',
  killMajority: '  of a majority at once (times)',
  killAll: '  of all at once (times)',
  restart: 'restarts',
  stop: 'stops in good order (SIGTERM)',
  pause: 'pauses (SIGSTOP, SIGCONT)',
  cut: 'connections cut',
  halfOpen: 'connections half open',
  silence: 'one-way silences',
  isolation: 'processes isolated both ways',
  slowness: 'spells of slow links',
  thinness: 'spells of links with few bytes a second',
  fullDisk: 'disk full (episodes)',
} as const;

export type Fault = keyof typeof FAULTS;

export interface Note {
  readonly at: number;
  readonly what: string;
}

/** A process was killed or stopped, and what it had under way went with it. */
export interface Death {
  readonly rank: number;
  readonly at: number;
}

export class Tally {
  readonly counts: Record<Fault, number>;
  /** In the order of time. A few for every second of the run. */
  readonly notes: Note[] = [];
  /** From the launch of each process that had died to its first answer. */
  readonly recoveryMs: number[] = [];
  readonly deaths: Death[] = [];
  /** Times that a process said that its disk is full. */
  fullDiskSaidCount = 0;

  constructor() {
    const names = Object.keys(FAULTS) as Fault[];
    this.counts = Object.fromEntries(names.map((name) => [name, 0])) as Record<Fault, number>;
  }

  count(fault: Fault, detail = '', times = 1): void {
    this.counts[fault] += times;
    this.note(`${fault} ${detail}`);
  }

  died(rank: number): void {
    this.deaths.push({ rank, at: performance.now() });
  }

  note(what: string): void {
    this.notes.push({ at: performance.now(), what });
  }

  /** Kinds of faults that never happened. */
  missing(notExpected: readonly Fault[]): Fault[] {
    const names = Object.keys(FAULTS) as Fault[];
    return names.filter((name) => this.counts[name] === 0 && !notExpected.includes(name));
  }
}
