/** The configuration of the gateway, from the section `nbd`. */
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
  /** The absolute path of the Unix socket; null: TCP only. */
  readonly socket: string | null;
  /** The permissions of the socket; null: those that the umask leaves. */
  readonly socketMode: number | null;
  /** The name or number of its group; null: that of the gateway. */
  readonly socketGroup: string | null;
  readonly exports: readonly NbdExport[];
  /** How long an operation waits for a majority (milliseconds); null: until the cluster answers. */
  readonly waitMs: number | null;
  /** The most clients that may be attached at a time, by TCP and by the socket each. */
  readonly connections: number;
}

/**
 * The configuration of the gateway without such a section.
 * @param sectors The size of the disk in sectors.
 */
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

/**
 * @param socket The absolute path of the socket, if there is one.
 * @returns null if there is no such section.
 */
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
