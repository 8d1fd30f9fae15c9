/** What the section `nbd` of a configuration comes to. */
import { resolve } from 'node:path';
import { NBD_PORT } from '../src/nbd/constants.js';
import type { NbdExport } from '../src/nbd/nbdExport.js';
import type { Address } from './address.js';
import { parseAddress } from './address.js';
import { NBD_CONNECTIONS_DEFAULT } from './limits.js';
import type { NbdExportFields } from './nbdFields.js';
import { sectorCountOf } from './nbdFields.js';
import type { CheckedConfig } from './schema.js';

export interface NbdConfig {
  readonly listen: Address;
  /** Absolute path, or null: TCP only. */
  readonly socket: string | null;
  readonly exports: readonly NbdExport[];
  /** Null: operations wait until the cluster answers. */
  readonly waitMs: number | null;
  /** Clients that may be attached at once to each of the two. */
  readonly connections: number;
}

/** What the gateway does without a section of the configuration. */
export function defaultNbdConfig(sectors: number): NbdConfig {
  return {
    listen: { host: '127.0.0.1', port: NBD_PORT },
    socket: null,
    exports: [{ name: '', firstSector: 0, sectors, isReadOnly: false }],
    waitMs: null,
    connections: NBD_CONNECTIONS_DEFAULT,
  };
}

/** @param folder What its paths are relative to. @returns null if there is no such section. */
export function nbdConfigOf({ nbd, sectors }: CheckedConfig, folder: string): NbdConfig | null {
  if (nbd === undefined) return null;
  const defaults = defaultNbdConfig(sectors);
  const exports = nbd.exports === undefined ? defaults.exports : exportsOf(nbd.exports, sectors);
  return {
    listen: parseAddress(nbd.listen) ?? defaults.listen,
    socket: nbd.socket === undefined ? null : resolve(folder, nbd.socket),
    exports,
    waitMs: nbd.waitMs ?? null,
    connections: nbd.connections,
  };
}

function exportsOf(
  byName: Readonly<Record<string, NbdExportFields>>,
  sectors: number,
): NbdExport[] {
  return Object.entries(byName).map(([name, fields]) => ({
    name,
    firstSector: fields.firstSector,
    sectors: sectorCountOf(fields, sectors),
    isReadOnly: fields.readOnly,
  }));
}
