/** The output of `atdd cluster`: the addresses of the processes, commands to try, and the logs of all processes. */
import { fileURLToPath } from 'node:url';
import type { Address } from '../../config/address.js';
import { describeAddress } from '../../config/address.js';
import type { ClusterConfig } from '../../config/load.js';
import { assert, unreachable } from '../core/assert.js';
import type { Rank } from '../core/rank.js';
import { SECTOR_SIZE_BYTES } from '../core/sector.js';
import { describeError } from '../errors.js';
import { EXIT_FAILURE, EXIT_SUCCESS } from '../exitCodes.js';
import { pathFromHere } from '../surroundings.js';
import type { Member, MemberEvent, SupervisorEvent } from './keepRunning.js';
import type { ProcessExit, RestartDecision } from './restartPolicy.js';
import type { StopRequest } from '../serve/stopRequests.js';

export interface ClusterReportOptions {
  readonly config: ClusterConfig;
  /** The processes that run on this machine. */
  readonly ranks: readonly Rank[];
  readonly write: (line: string) => void;
  /** Whether each line is a JSON object, for programs. */
  readonly isJson: boolean;
}

export interface ClusterReport {
  readonly starting: () => void;
  readonly happened: (event: MemberEvent) => void;
  /** To be called when all processes listen. */
  readonly settled: () => void;
  readonly stopping: (request: StopRequest) => void;
  readonly failed: (error: unknown) => void;
  /** The exit code: 0 if all processes were asked to end and ended by themselves. */
  readonly exitCode: () => number;
}

export function clusterReport(options: ClusterReportOptions): ClusterReport {
  const { config, ranks } = options;
  let stopRequest: StopRequest | null = null;
  const write = (text: string): void => {
    if (!options.isJson) options.write(text);
    else if (text.trim() !== '') options.write(asJson('info', text.trim(), 'supervisor'));
  };
  /** Shows a line that a process has written. */
  const passOn = (member: Member, text: string): void => {
    if (!options.isJson) options.write(`[${member}] ${text}`);
    else options.write(isJsonObject(text) ? text : asJson('error', text, member));
  };

  const ended = ({ exit, next }: Extract<SupervisorEvent, { kind: 'ended' }>): string =>
    `${describeExit(exit)}${stopRequest === null ? describeDecision(next) : ''}`;

  return {
    starting: () => {
      introduction(config, ranks).forEach(write);
    },
    happened: ({ member, event }) => {
      switch (event.kind) {
        case 'started':
          return;
        case 'line':
          passOn(member, event.text);
          return;
        case 'listening':
          write(`${nameOf(member)} listens on ${describeAddress(addressOf(config, member))}`);
          return;
        case 'ended':
          write(`${nameOf(member)} ended ${ended(event)}`);
          return;
        default:
          unreachable(event);
      }
    },
    settled: () => {
      commandsToTry(config).forEach(write);
    },
    stopping: (request) => {
      stopRequest = request;
      const how = request === 'terminate' ? '(once more: at once)' : 'at once';
      write(`stopping ${how}`);
    },
    failed: (error) => {
      write(`the signals failed: ${describeError(error)}`);
    },
    exitCode: () => (stopRequest === 'terminate' ? EXIT_SUCCESS : EXIT_FAILURE),
  };
}

function asJson(level: 'info' | 'error', message: string, from: Member | 'supervisor'): string {
  return JSON.stringify({ level, message, from });
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}

function introduction(config: ClusterConfig, ranks: readonly Rank[]): string[] {
  const { sectors, processes } = config;
  const sizeMiB = (sectors * SECTOR_SIZE_BYTES) / 1_048_576;
  const elsewhere = processes.flatMap((_, index) =>
    ranks.includes(index + 1) ? [] : [`process ${index + 1} runs elsewhere: not started here`],
  );
  return [
    `a disk of ${sectors} sectors (${sizeMiB} MiB), kept by ${processes.length} processes`,
    `configuration ${config.file}`,
    `data in ${config.storagePattern}`,
    ...elsewhere,
  ];
}

function nameOf(member: Member): string {
  return member === 'nbd' ? 'the NBD gateway' : `process ${member}`;
}

/** The address at which that member listens. */
export function addressOf({ processes, nbd }: ClusterConfig, member: Member): Address {
  if (member !== 'nbd') return processes[member - 1];
  assert(nbd !== null, 'a gateway runs only if it is configured');
  return nbd.listen;
}

const PROGRAM = fileURLToPath(new URL('../../main.js', import.meta.url));

function commandsToTry({ file, nbd }: ClusterConfig): string[] {
  const program = fromHere(PROGRAM);
  const start = program === PROGRAM ? 'atdd' : `node ${program}`;
  const atdd = (command: string): string => `  ${start} ${command} --config ${fromHere(file)}`;
  return [
    '',
    'All are up. In another terminal, try',
    atdd('status'),
    atdd('import README.md'),
    atdd('export copy.md --bytes $(wc -c < README.md)'),
    ...(nbd === null ? [] : [`  nbdinfo nbd://${describeAddress(nbd.listen)}`]),
    'Ctrl-C stops all of it.',
    '',
  ];
}

/** The path for a command line: relative if that is shorter, and quoted if a shell would split it. */
function fromHere(path: string): string {
  const below = pathFromHere(path);
  const shown = below.startsWith('..') ? path : below;
  return /^[\w./@+-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", "'\\''")}'`;
}

function describeExit({ code, signal }: ProcessExit): string {
  if (signal !== null) return `by ${signal}`;
  return code === null ? 'before it began' : `with exit code ${code}`;
}

function describeDecision(decision: RestartDecision): string {
  if (decision.kind === 'restart') return `, starts again in ${decision.delayMs} ms`;
  return ', and stays down: see what it said';
}
