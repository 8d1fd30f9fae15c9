/** What the section `nbd` of a configuration comes to. */
import { resolve } from 'node:path';
import { NBD_PORT } from '../src/nbd/constants.js';
import type { NbdExport } from '../src/nbd/nbdExport.js';
import type { Address } from './address.js';
import { parseAddress } from './address.js';
import type { CheckedConfig } from './schema.js';

export interface NbdConfig {
  readonly listen: Address;
  /** Absolute path, or null: TCP only. */
  readonly socket: string | null;
  readonly exports: readonly NbdExport[];
  /** Null: operations wait until the cluster answers. */
  readonly waitMs: number | null;
}

/** What the gateway does without a section of the configuration. */
export function defaultNbdConfig(sectors: number): NbdConfig {
  return {
    listen: { host: '127.0.0.1', port: NBD_PORT },
    socket: null,
    exports: [{ name: '', firstSector: 0, sectors, isReadOnly: false }],
    waitMs: null,
  };
}

/** @param folder What its paths are relative to. @returns null if there is no such section. */
export function nbdConfigOf({ nbd, sectors }: CheckedConfig, folder: string): NbdConfig | null {
  if (nbd === undefined) return null;
  const defaults = defaultNbdConfig(sectors);
  const exports = Object.entries(nbd.exports ?? {}).map(
    ([name, { firstSector, sectors: count, readOnly: isReadOnly }]) => ({
      ...{ name, firstSector, sectors: count, isReadOnly },
    }),
  );
  return {
    listen: parseAddress(nbd.listen) ?? defaults.listen,
    socket: nbd.socket === undefined ? null : resolve(folder, nbd.socket),
    exports: exports.length === 0 ? defaults.exports : exports,
    waitMs: nbd.waitMs ?? null,
  };
}
