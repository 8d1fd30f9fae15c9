/**
 * What the users of a simulated strict cluster see, as a history: reads, writes, updates, and the crashes of clients.
 * A range is an operation on each of its sectors.
 */
import type { Operation, Pending, Value } from '../../linearizability/history.js';
import { HistoryRecorder } from '../../linearizability/history.js';
import type { Counts } from '../counts.js';
import type { World } from '../world.js';
import { DAMAGED, describeWrite, type WriteName } from './strictData.js';

export interface Observed {
  /** @param name of a sector of a read, counted from 0. */
  answered(name?: (sector: number) => WriteName): void;
}

export interface ObservedUpdate {
  /** It may write this, having found that. */
  tries(found: WriteName, written: WriteName): void;
  answered(): void;
  /** It is over, and it is unknown whether it took effect. */
  unknown(): void;
}

interface Update {
  readonly client: string;
  readonly sector: number;
  readonly invoke: number;
  readonly tries: { readonly found: Value; readonly written: Value }[];
  end: Pick<Operation, 'return' | 'crash'>;
  isOver: boolean;
}

export class StrictObservations {
  private readonly recorder: HistoryRecorder;
  private readonly updates: Update[] = [];

  constructor(
    private readonly world: World,
    private readonly counts: Counts,
    /** Told of each write whose user has its answer. */
    private readonly onWritten: (sector: number, value: Value) => void,
  ) {
    this.recorder = new HistoryRecorder(() => world.instantMs());
  }

  beginRead(client: string, first: number, count: number): Observed {
    const pendings = this.begin(client, first, count, 'read', null);
    return {
      answered: (name = () => DAMAGED) => {
        this.counts.add('reads answered');
        for (const [index, pending] of pendings.entries()) {
          const found = name(index);
          if (found === DAMAGED) this.world.report('values', `${client} read a damaged sector ${first + index}`);
          pending.answered(describeWrite(found));
        }
      },
    };
  }

  beginWrite(client: string, first: number, count: number, written: WriteName): Observed {
    const pendings = this.begin(client, first, count, 'write', describeWrite(written));
    return {
      answered: () => {
        this.counts.add('writes answered');
        for (const [index, pending] of pendings.entries()) {
          pending.answered();
          this.onWritten(first + index, describeWrite(written));
        }
      },
    };
  }

  beginUpdate(client: string, sector: number): ObservedUpdate {
    const invoke = this.world.instantMs();
    const update: Update = { client, sector, invoke, tries: [], end: { return: null }, isOver: false };
    this.updates.push(update);
    const end = (how: Update['end']): void => {
      update.isOver = true;
      update.end = how;
    };
    return {
      tries: (found, written) => {
        if (found === DAMAGED) this.world.report('values', `${client} updates a damaged sector ${sector}`);
        update.tries.push({ found: describeWrite(found), written: describeWrite(written) });
      },
      answered: () => {
        this.counts.add('updates answered');
        end({ return: this.world.instantMs() });
      },
      unknown: () => {
        // Whatever it did, it has done: nothing of it happens later.
        this.counts.add('updates with unknown outcome');
        end({ return: null, crash: this.world.instantMs() });
      },
    };
  }

  /** Nothing that the client has under way gets an answer. */
  crash(client: string): void {
    this.recorder.crash(client);
    const crash = this.world.instantMs();
    for (const update of this.updates) {
      if (update.isOver || update.client !== client) continue;
      update.isOver = true;
      update.end = { return: null, crash };
    }
  }

  /** To be called when nothing is asked any more. What is still open then never ended. */
  history(): Operation[] {
    this.recorder.closeAll();
    return [...this.recorder.operations, ...this.judgedUpdates()];
  }

  /** Of each update the write that took effect, as far as anybody can tell. */
  private judgedUpdates(): Operation[] {
    const seen = new Set(
      this.recorder.operations.flatMap(({ kind, sector, value }) => (kind === 'read' ? [`${sector} ${value}`] : [])),
    );
    const left = new Set(this.updates);
    const judged: Operation[] = [];
    for (let isNew = true; isNew;) {
      isNew = false;
      for (const update of left) {
        const { client, sector, invoke, end, tries } = update;
        const effective = tries.filter(({ written }) => seen.has(`${sector} ${written}`));
        if (effective.length > 1) this.world.report('updates', `an update of ${client} took effect twice`);
        const isSure = effective.length === 0 && tries.length === 1 && end.return !== null;
        const effect = effective.at(0) ?? (isSure ? tries[0] : undefined);
        if (effect === undefined) continue;
        left.delete(update);
        isNew = true;
        const { found, written } = effect;
        seen.add(`${sector} ${found}`);
        judged.push({ client, sector, kind: 'write', value: written, found, invoke, ...end });
      }
    }
    for (const { client, sector, invoke, end, tries } of left) {
      if (end.return === null) continue;
      // Nobody has seen which of them it was, so it does not matter which is in the history.
      const last = tries.at(-1);
      if (last === undefined) this.world.report('updates', `an update of ${client} ended without a change`);
      else judged.push({ client, sector, kind: 'write', value: last.written, invoke, ...end });
    }
    return judged;
  }

  private begin(client: string, first: number, count: number, kind: 'read' | 'write', value: Value): Pending[] {
    return Array.from({ length: count }, (_, index) => this.recorder.begin(client, first + index, kind, value));
  }
}
