/**
 * What the users of a simulated cluster see: the history for the checker, and what is known of each attempt to write.
 */
import type { Operation, Pending, Value } from '../linearizability/history.js';
import { HistoryRecorder } from '../linearizability/history.js';
import type { Counts } from './counts.js';
import { DAMAGED, describeName, ZEROS, type NameWord } from './sectorName.js';
import type { World } from './world.js';

/** One attempt to write: it has a value of its own. */
export interface Attempt {
  readonly word: NameWord;
  readonly answered: () => void;
  /** There will be no answer; it may have taken effect, or still do so. */
  readonly lost: () => void;
  /** It can no longer begin to take effect: its process has let go of it, as the protocol says. */
  readonly letGo: () => void;
  /** Lost, but the operation that it was made for is answered: what was to happen has happened. */
  readonly over: () => void;
}

export interface Reading {
  readonly answered: (word: NameWord) => void;
  readonly lost: () => void;
}

export class Observations {
  private readonly recorder: HistoryRecorder;
  private readonly open = new Set<Pending>();
  /** Sectors that somebody has written zeros to, which can be done once. */
  private readonly zeroed = new Set<number>();
  /** Values that have a stamp. */
  private readonly stamped = new Set<NameWord>();
  private readonly sent = new Set<NameWord>();
  private readonly lettingGo = new Map<NameWord, string>();
  /**
   * Beside a foreign member, which counts by one, a lost attempt may come back later
   * (docs/adr/0019-overlapped-flush.md).
   */
  mayAttemptsComeBack = false;
  /** When the operations of lost attempts were answered, by what these wrote. */
  private readonly over = new Map<Value, number>();

  constructor(
    private readonly world: World,
    private readonly counts: Counts,
  ) {
    this.recorder = new HistoryRecorder(() => world.instantMs());
  }

  /**
   * A lost attempt that somebody has seen took effect before its operation was answered: nothing that is acknowledged
   * afterwards may be undone by it.
   */
  get operations(): readonly Operation[] {
    const { operations } = this.recorder;
    const read = new Set(operations.flatMap(({ kind, value }) => (kind === 'read' ? [value] : [])));
    return operations.map((operation) => {
      const { kind, value } = operation;
      const overAt = kind === 'write' && read.has(value) ? this.over.get(value) : undefined;
      return overAt === undefined ? operation : { ...operation, return: overAt };
    });
  }

  /** Operations that are not over. */
  get openCount(): number {
    return this.open.size;
  }

  /** Whether zeros may be written to the sector: then they are a value like others. */
  claimZeros(sector: number): boolean {
    if (this.zeroed.has(sector)) return false;
    this.zeroed.add(sector);
    return true;
  }

  beginRead(user: string, sector: number): Reading {
    const pending = this.begin(user, sector, 'read', null);
    const wasZeroed = this.zeroed.has(sector);
    return {
      answered: (word) => {
        this.open.delete(pending);
        // Zeros that were written meanwhile, or those that were there in the beginning: who knows.
        if (word === ZEROS && wasZeroed !== this.zeroed.has(sector)) {
          pending.unknown();
          return;
        }
        this.counts.add('reads answered');
        if (word === DAMAGED) {
          this.world.report('values', `${user} read a damaged sector ${sector}`);
        }
        pending.answered(this.valueOf(word, sector));
      },
      lost: () => {
        this.open.delete(pending);
        this.counts.add('outcomes unknown');
        pending.unknown();
      },
    };
  }

  beginWrite(user: string, sector: number, word: NameWord): Attempt {
    const pending = this.begin(user, sector, 'write', this.valueOf(word, sector));
    return {
      word,
      answered: () => {
        this.open.delete(pending);
        this.counts.add('writes answered');
        pending.answered();
      },
      lost: () => {
        this.open.delete(pending);
        this.counts.add('outcomes unknown');
        pending.unknown();
      },
      letGo: () => {
        if (word === ZEROS || this.stamped.has(word)) return;
        this.lettingGo.set(word, user);
      },
      over: () => {
        if (this.mayAttemptsComeBack) return;
        this.over.set(this.valueOf(word, sector), this.world.instantMs());
      },
    };
  }

  /** A process gives a value its stamp: from here on it may take effect at any time. */
  onStamped(word: NameWord, rank: number): void {
    if (word === ZEROS || this.stamped.has(word)) return;
    this.stamped.add(word);
    const user = this.lettingGo.get(word);
    if (user === undefined) return;
    const value = describeName(word);
    this.world.report(
      'letting go',
      `process ${rank} begins to write ${value} of ${user}, who was told that it never would`,
    );
  }

  /** A process sends a value under a stamp of its own: that cannot be undone. */
  onSent(word: NameWord, rank: number): void {
    this.onStamped(word, rank);
    this.sent.add(word);
  }

  /** There was no room: the process has forgotten the stamp, unless it was sent. */
  onStampForgotten(word: NameWord): void {
    if (!this.sent.has(word)) this.stamped.delete(word);
  }

  /** What is still open never ended: their outcomes are unknown. */
  closeAll(): void {
    for (const pending of this.open) pending.unknown();
    this.open.clear();
  }

  private begin(user: string, sector: number, kind: 'read' | 'write', value: Value): Pending {
    const pending = this.recorder.begin(user, sector, kind, value);
    this.open.add(pending);
    return pending;
  }

  private valueOf(word: NameWord, sector: number): Value {
    if (word === ZEROS) return this.zeroed.has(sector) ? 'zeros' : null;
    return describeName(word);
  }
}
