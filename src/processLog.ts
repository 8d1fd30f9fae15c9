/** The log entries of a process about its peers and clients. */
import { describeDifference } from './core/membership/describe.js';
import type { Rank } from './core/rank.js';
import type { Log, LogFields } from './ports/log.js';
import { RateLimitedLog } from './rateLimitedLog.js';
import type { DropReason } from './wire/verdict.js';
import type { ProcessOutput } from '../streams/pipelines/process.js';
import { AbsenceReports } from '../streams/pipelines/repair/absence.js';

/** The same complaint about a peer or client is logged at most this often (milliseconds). */
const COMPLAINT_INTERVAL_MS = 10_000;

/** Texts for the reasons that the operator can do something about. */
const DROPPED: Readonly<Partial<Record<DropReason, string>>> = {
  badTag: 'dropped a process message: its tag is wrong; if a member sends it, its system key is another one',
};

export interface ProcessLogOptions {
  readonly rank: Rank;
  readonly log: Log;
  readonly clock: { now(): number };
  /** Whether it logs which peers cannot be reached. */
  readonly isOfPeers: boolean;
}

export class ProcessLog {
  readonly #limited: RateLimitedLog;
  readonly #absences = new AbsenceReports();
  /** The peers that were said to speak the protocol of the open mode. */
  readonly #refused = new Set<Rank>();

  constructor(private readonly options: ProcessLogOptions) {
    const { log, clock } = options;
    this.#limited = new RateLimitedLog({ log, clock, intervalMs: COMPLAINT_INTERVAL_MS });
  }

  write(output: Exclude<ProcessOutput, { kind: 'write' }>): void {
    const { log, rank: self } = this.options;
    switch (output.kind) {
      case 'dropped': {
        const { remote, reason, detail, peer } = output;
        if (peer !== undefined) {
          this.#refuse(peer, remote);
          break;
        }
        const fields = { remote, reason, ...(detail !== undefined && { detail }) };
        this.#complain(reason, 'warn', DROPPED[reason] ?? 'dropped a process message', fields);
        break;
      }
      case 'differs': {
        const { rank, remote, difference } = output;
        const { field, own, peer } = difference;
        const level = field === 'addresses' ? 'warn' : 'error';
        const text = describeDifference(self, rank, difference);
        this.#complain(`differs ${rank} ${field}`, level, text, { event: 'differs', remote, own, peer });
        break;
      }
      case 'peer': {
        const { rank, isConnected } = output;
        // A peer that reconnects all the time is logged from time to time only.
        if (!isConnected) this.#complain(`lost ${rank}`, 'warn', 'lost a peer', { peer: rank });
        else if (this.#absences.reached(rank)) log.info('connected to a peer', { peer: rank });
        else this.#complain(`connected ${rank}`, 'info', 'connected to a peer', { peer: rank });
        break;
      }
      case 'left': {
        const { rank, trouble } = output;
        this.#complain(`left ${rank}`, 'warn', 'gave up the connection to a peer', { peer: rank, trouble });
        break;
      }
      case 'unreachable':
        this.#unreachable(output.rank, output.trouble);
        break;
    }
  }

  /** Once for each peer: it sends such messages all the time. */
  #refuse(peer: Rank, remote: string): void {
    if (this.#refused.has(peer)) return;
    this.#refused.add(peer);
    const text =
      'dropped a message of the open mode: this cluster is strict, and neither a foreign member, ' +
      'nor an older program, nor a process with members open can take part in it';
    this.options.log.warn(text, { peer, remote });
  }

  #unreachable(rank: Rank, trouble: string): void {
    const { log, clock, isOfPeers } = this.options;
    const nowMs = clock.now();
    const sinceMs = isOfPeers ? this.#absences.failed(rank, nowMs) : null;
    if (sinceMs === null) return;
    const seconds = Math.round((nowMs - sinceMs) / 1_000);
    log.warn('cannot reach a peer', { peer: rank, trouble, seconds });
  }

  #complain(kind: string, level: 'info' | 'warn' | 'error', message: string, fields: LogFields): void {
    this.#limited.write({
      kind,
      level,
      message,
      fields: (suppressed) => (suppressed === 0 ? fields : { ...fields, suppressed }),
    });
  }
}
