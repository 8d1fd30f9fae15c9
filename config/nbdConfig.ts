/** What the section `nbd` of a configuration comes to. */
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
  /** Permissions of the socket; null: what the umask leaves. */
  readonly socketMode: number | null;
  /** Name or number of its group; null: that of the gateway. */
  readonly socketGroup: string | null;
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
    socketMode: null,
    socketGroup: null,
    exports: [{ name: '', firstSector: 0, sectors, isReadOnly: false }],
    waitMs: null,
    connections: NBD_CONNECTIONS_DEFAULT,
  };
}

/** @param socket Its absolute path, if there is one. @returns null if there is no such section. */
export function nbdConfigOf({ nbd, sectors }: CheckedConfig, socket: string | null): NbdConfig | null {
  if (nbd === undefined) return null;
  const defaults = defaultNbdConfig(sectors);
  const exports = nbd.exports === undefined ? defaults.exports : exportsOf(nbd.exports, sectors);
  return {
    listen: parseAddress(nbd.listen) ?? defaults.listen,
    socket,
    socketMode: nbd.socketMode === undefined ? null : Number.parseInt(nbd.socketMode, 8),
    socketGroup: nbd.socketGroup ?? null,
    exports,
    waitMs: nbd.waitMs ?? null,
    connections: nbd.connections,
  };
}

function exportsOf(byName: Readonly<Record<string, NbdExportFields>>, sectors: number): NbdExport[] {
  return Object.entries(byName).map(([name, fields]) => ({
    name,
    firstSector: fields.firstSector,
    sectors: sectorCountOf(fields, sectors),
    isReadOnly: fields.readOnly,
  }));
}
