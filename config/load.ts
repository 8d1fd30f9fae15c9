/**
 * The only reader of configuration files, key files and environment variables. It reads everything and gathers every
 * mistake before it returns a result or fails. It writes and creates nothing.
 *
 * If a setting is in several places, the first of these counts: command line, environment, file, default.
 */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { RegisterMode } from '../src/core/membership/registerMode.js';
import type { Rank } from '../src/core/rank.js';
import { isMember } from '../src/core/rank.js';
import { currentFolder, homeFolder } from '../src/surroundings.js';
import type { Address } from './address.js';
import { describeAddress, isLoopback, parseAddress } from './address.js';
import { parseJson } from './json.js';
import type { KeyName } from './keys.js';
import { clusterIdentityOf, expectedKey, isSampleKey, parseKey } from './keys.js';
import type { LIMITS_DEFAULT, TIMEOUTS_DEFAULT } from './limits.js';
import type { Mistake } from './mistake.js';
import { ConfigInvalid, describeFound, nearest } from './mistake.js';
import type { NbdConfig } from './nbdConfig.js';
import { nbdConfigOf } from './nbdConfig.js';
import type { CheckedConfig, LogFormat, LogLevel } from './schema.js';
import { checkConfig, expectedRank, EXTENSION_SETTINGS, LOG_FORMATS, LOG_LEVELS, soundField } from './schema.js';
import { resolvePath } from './paths.js';
import { isFile, readText } from './readText.js';
import { findConfigFile } from './searchPath.js';

export type Limits = Readonly<Record<keyof typeof LIMITS_DEFAULT, number>>;
export type Timeouts = Readonly<Record<keyof typeof TIMEOUTS_DEFAULT, number>>;

/** The configuration that processes and clients need. */
export interface ClusterConfig {
  /** The absolute path of the file that was read. */
  readonly file: string;
  /** How the file was chosen: by `--config`, by ATDD_CONFIG, or by the search path. */
  readonly chosenBy: 'option' | 'env' | 'search';
  /** The addresses by rank: that of rank 1 is at index 0. */
  readonly processes: readonly Address[];
  readonly sectors: number;
  readonly clientKey: Uint8Array;
  /** How the members keep the registers. */
  readonly members: RegisterMode;
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  /** The folder of a process as an absolute path, with `{rank}` in the place of its rank. */
  readonly storagePattern: string;
  /** The NBD gateway, if there is a section for it. */
  readonly nbd: NbdConfig | null;
  /** Settings that are allowed but may surprise, described in one sentence each. */
  readonly warnings: readonly string[];
}

/** What a process needs as well. */
export interface ProcessConfig extends ClusterConfig {
  readonly rank: Rank;
  /** Whether the process uses the extension with peers that understand it. */
  readonly isExtended: boolean;
  /** The number of its workers; 0: it has none, and keeps all sectors itself. */
  readonly workers: number;
  /** The absolute path of its folder. */
  readonly storage: string;
  /** Whether the folder has to be on a disk that is mounted for it. */
  readonly storageMustBeMount: boolean;
  /** The identity of the cluster: its configured name, or that of `clusterIdentityOf`. */
  readonly cluster: string;
  readonly systemKey: Uint8Array;
}

export interface LoadOptions {
  /** The file that the command line names; null or left out: ATDD_CONFIG or the search path. */
  readonly file?: string | null;
  /** The rank of the command line; null or left out: ATDD_RANK or the file. */
  readonly rank?: string | null;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The current folder; null: it is gone. */
  readonly cwd?: string | null;
  /** The home folder; null: there is none. */
  readonly home?: string | null;
}

/**
 * Loads the configuration of one process.
 * @throws {ConfigInvalid} with every mistake, if there is any.
 */
export function loadProcessConfig(options: LoadOptions = {}): ProcessConfig {
  const reading = new Reading(options);
  const rank = reading.rank(options.rank ?? null);
  const extension = reading.extension();
  const common = reading.common();
  const systemKey = reading.key('system');
  reading.refuseSamples();
  if (common === null || rank === null || systemKey === null) throw reading.failure();
  reading.failOnMistakes();
  return {
    ...common.config,
    rank,
    isExtended: extension === 'on',
    workers: common.workers,
    storageMustBeMount: common.storageMustBeMount,
    storage: common.config.storagePattern.replaceAll('{rank}', String(rank)),
    cluster: common.cluster ?? clusterIdentityOf(systemKey),
    systemKey,
    warnings: [...reading.warnings, ...evenNumberWarning(common.config.processes.length)],
  };
}

/**
 * A warning for an even number of processes: it is allowed, but tolerates no more failures than with one process fewer.
 */
export function evenNumberWarning(processCount: number): string[] {
  if (processCount % 2 === 1) return [];
  return [
    `${processCount} processes survive the loss of ${processCount / 2 - 1}, as ` +
      `${processCount - 1} would: with ${processCount + 1} it would be one more`,
  ];
}

/**
 * Loads the configuration of a client, for which the system key may be missing.
 * @throws {ConfigInvalid} with every mistake, if there is any.
 */
export function loadClusterConfig(options: LoadOptions = {}): ClusterConfig {
  const reading = new Reading(options);
  const common = reading.common();
  reading.refuseSamples();
  if (common === null) throw reading.failure();
  reading.failOnMistakes();
  return { ...common.config, warnings: reading.warnings };
}

/** What both kinds of configuration share, and the other settings of the file. `cluster`: null if it names none. */
interface Common {
  readonly config: ClusterConfig;
  readonly workers: number;
  readonly storageMustBeMount: boolean;
  readonly cluster: string | null;
}

/** The variables that this program uses. The supervisor sets the last one for its children. */
const ENV_NAMES = [
  'ATDD_CONFIG',
  'ATDD_RANK',
  'ATDD_CLIENT_KEY',
  'ATDD_SYSTEM_KEY',
  'ATDD_EXTENSION',
  'ATDD_LOG_LEVEL',
  'ATDD_LOG_FORMAT',
  'ATDD_SUPERVISED',
];

const ENV_OF_KEY: Readonly<Record<KeyName, string>> = {
  client: 'ATDD_CLIENT_KEY',
  system: 'ATDD_SYSTEM_KEY',
};

/** One reading of everything that configures a program, with the mistakes found so far. */
class Reading {
  readonly warnings: string[] = [];
  private readonly mistakes: Mistake[] = [];
  private readonly env: Readonly<Record<string, string | undefined>>;
  private readonly home: string | null;
  private readonly file: string | null;
  private readonly chosenBy: ClusterConfig['chosenBy'];
  /** The content of the file, not checked; undefined: it could not be read. */
  private readonly raw: unknown;
  private readonly checked: CheckedConfig | null;
  private readonly keysRead = new Map<KeyName, Uint8Array>();

  constructor(options: LoadOptions) {
    const { file = null, env = process.env, cwd = currentFolder(), home = homeFolder() } = options;
    this.env = env;
    this.home = home;
    const search = findConfigFile({ file, env, cwd, home, isFile });
    this.file = search.kind === 'found' ? search.file : null;
    this.chosenBy = search.kind === 'found' ? search.by : 'search';
    if (search.kind === 'none') {
      this.mistake('--config', '', 'nothing', expectedFile(search.searched));
    } else if (search.kind === 'adrift') {
      const source = search.by === 'option' ? '--config' : 'ATDD_CONFIG';
      const found = `${describeFound(search.file)}, relative to a current folder that is gone`;
      this.mistake(source, '', found, 'an absolute path');
    }
    this.raw = this.file === null ? undefined : this.readJson(this.file);
    this.checked = this.file === null ? null : this.check(this.raw, this.file);
    this.warnOfUnknownVariables();
  }

  /** The settings that are the same for all ranks; null after a mistake. */
  common(): Common | null {
    const level = this.variable('ATDD_LOG_LEVEL', LOG_LEVELS);
    const format = this.variable('ATDD_LOG_FORMAT', LOG_FORMATS);
    const clientKey = this.key('client');
    const { checked, file, chosenBy, warnings } = this;
    if (checked === null || file === null) return null;
    const storagePattern = this.path('storage', checked.storage);
    const socket = checked.nbd?.socket;
    const nbdSocket = socket === undefined ? null : this.path('nbd.socket', socket);
    if (clientKey === null || storagePattern === null) return null;
    const { sectors, members, limits, timeouts, workers, storageMustBeMount, cluster = null } = checked;
    const log = { level: level ?? checked.log.level, format: format ?? checked.log.format };
    const processes = checked.processes.flatMap((written) => parseAddress(written) ?? []);
    const config: ClusterConfig = {
      ...{ file, chosenBy, processes, sectors, clientKey, members, log, limits, timeouts },
      ...{ storagePattern, nbd: nbdConfigOf(checked, nbdSocket), warnings },
    };
    return { config, workers, storageMustBeMount, cluster };
  }

  extension(): CheckedConfig['extension'] | null {
    const variable = this.variable('ATDD_EXTENSION', EXTENSION_SETTINGS);
    return variable ?? this.checked?.extension ?? null;
  }

  /** The rank of the process to start, or null after a mistake. */
  rank(option: string | null): Rank | null {
    const processes = soundField(this.raw, 'processes');
    const written = option ?? this.env['ATDD_RANK'] ?? '';
    // An empty option is a mistake: a script may have used a variable that was not set.
    if (option === null && written === '') return this.rankOfFile(processes);
    const source = option === null ? 'ATDD_RANK' : '--rank';
    const rank = /^\d+$/.test(written) ? Number(written) : NaN;
    // Without a valid list of processes it is only known that a rank is a number.
    const processCount = processes?.length ?? Infinity;
    if (isMember(rank, processCount)) return rank;
    const expected = processes === null ? 'a whole number from 1' : expectedRank(processCount);
    this.mistake(source, '', describeFound(written), expected);
    return null;
  }

  /** The key from the environment, else from its file; null after a mistake. */
  key(name: KeyName): Uint8Array | null {
    const read = this.keysRead.get(name) ?? this.keyFromVariable(name) ?? this.keyFromFile(name);
    if (read !== null) this.keysRead.set(name, read);
    return read;
  }

  /**
   * Refuses the sample keys unless all processes are on this machine, because anyone who knows the keys can forge every
   * message.
   */
  refuseSamples(): void {
    const addresses = (soundField(this.raw, 'processes') ?? []).flatMap((written) => parseAddress(written) ?? []);
    const exposed = addresses.find(({ host }) => !isLoopback(host));
    if (exposed === undefined) return;
    for (const [name, key] of this.keysRead) {
      if (!isSampleKey(key)) continue;
      const found = 'the sample key, which everybody knows';
      const address = describeAddress(exposed);
      const expected = `a key of your own (atdd keygen), since ${address} is not loopback`;
      this.mistake(this.keySource(name), this.keyField(name), found, expected);
    }
  }

  failure(): ConfigInvalid {
    return new ConfigInvalid(this.mistakes);
  }

  failOnMistakes(): void {
    if (this.mistakes.length > 0) throw this.failure();
  }

  /** Makes a path of the file absolute; null after a mistake. */
  private path(field: string, written: string): string | null {
    const path = resolvePath(written, { folder: dirname(this.file ?? '/'), home: this.home });
    if (path !== null) return path;
    const found = `${describeFound(written)}, and this user has no home folder`;
    this.mistake(this.file ?? '', field, found, 'a path without "~", or the variable HOME');
    return null;
  }

  private mistake(source: string, field: string, found: string, expected: string): void {
    this.mistakes.push({ source, field, found, expected });
  }

  private readJson(file: string): unknown {
    const content = readText(file);
    if (content.kind === 'fault') {
      this.mistake(file, '', content.found, 'a readable file with the configuration');
      return undefined;
    }
    const result = parseJson(content.text);
    if (result.kind === 'value') return result.value;
    const { line, column, found, expected } = result.fault;
    this.mistake(`${file}:${line}:${column}`, '', found, `${expected} (this is not JSON)`);
    return undefined;
  }

  private check(raw: unknown, file: string): CheckedConfig | null {
    if (raw === undefined) return null;
    const result = checkConfig(raw, file);
    if (result.kind === 'checked') return result.config;
    this.mistakes.push(...result.mistakes);
    return null;
  }

  private rankOfFile(processes: readonly string[] | null): Rank | null {
    const rank = soundField(this.raw, 'rank');
    // null: there is a rank, and the schema has reported what is wrong with it.
    if (this.file === null || this.raw === undefined || rank === null) return null;
    if (rank !== undefined) return processes !== null && rank > processes.length ? null : rank;
    const range = processes === null ? 'a whole number from 1' : expectedRank(processes.length);
    this.mistake(this.file, 'rank', 'nothing', `${range} (or --rank, or ATDD_RANK)`);
    return null;
  }

  private variable<const Option extends string>(name: string, options: readonly Option[]): Option | null {
    const written = this.env[name] ?? '';
    if (written === '') return null;
    const option = options.find((candidate) => candidate === written);
    if (option === undefined) {
      this.mistake(name, '', describeFound(written), `one of ${options.join(', ')}`);
    }
    return option ?? null;
  }

  private keyFromVariable(name: KeyName): Uint8Array | null {
    const written = this.env[ENV_OF_KEY[name]] ?? '';
    if (written === '') return null;
    const result = parseKey(name, written);
    if (result.kind === 'key') return result.key;
    this.mistake(ENV_OF_KEY[name], '', result.found, expectedKey(name));
    return null;
  }

  private keyFromFile(name: KeyName): Uint8Array | null {
    // A wrong variable was reported already. The file must not be used in its place.
    if ((this.env[ENV_OF_KEY[name]] ?? '') !== '') return null;
    const keys = soundField(this.raw, 'keys');
    if (this.file === null || this.raw === undefined || keys === null) return null;
    const field = `keys.${name}`;
    const written = keys[name];
    if (written === undefined) {
      const expected = `the path of a file with ${expectedKey(name)} (or ${ENV_OF_KEY[name]})`;
      this.mistake(this.file, field, 'nothing', expected);
      return null;
    }
    const path = this.path(field, written);
    if (path === null) return null;
    const content = readText(path);
    const result = content.kind === 'fault' ? content : parseKey(name, content.text);
    if (result.kind === 'fault') {
      // The path is not shown if it may be the key itself in the wrong place.
      const shown = describeFound(written);
      this.mistake(this.file, field, `${shown}: ${result.found}`, `a file with ${expectedKey(name)}`);
      return null;
    }
    this.warnOfReaders(path, result.key);
    return result.key;
  }

  private keySource(name: KeyName): string {
    const fromVariable = (this.env[ENV_OF_KEY[name]] ?? '') !== '';
    return fromVariable ? ENV_OF_KEY[name] : (this.file ?? '');
  }

  private keyField(name: KeyName): string {
    return this.keySource(name) === ENV_OF_KEY[name] ? '' : `keys.${name}`;
  }

  private warnOfReaders(path: string, key: Uint8Array): void {
    if (process.platform === 'win32' || isSampleKey(key)) return;
    const mode = statSync(path).mode & 0o777;
    if ((mode & 0o066) === 0) return;
    const shown = mode.toString(8).padStart(4, '0');
    this.warnings.push(`others can read or write the key file ${path} (mode ${shown}): chmod 600 it`);
  }

  private warnOfUnknownVariables(): void {
    for (const name of Object.keys(this.env)) {
      if (!name.startsWith('ATDD_') || ENV_NAMES.includes(name)) continue;
      const near = nearest(name, ENV_NAMES);
      const hint = near === null ? '' : `; did you mean ${near}?`;
      this.warnings.push(`the environment variable ${name} means nothing to this program${hint}`);
    }
  }
}

function expectedFile(searched: readonly string[]): string {
  return `a configuration file, named here or in ATDD_CONFIG, or one of ${searched.join(', ')}`;
}
