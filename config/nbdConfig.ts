/** What the section `nbd` of a configuration comes to. */
import { NBD_PORT } from '../src/nbd/constants.js';
import type { NbdExport } from '../src/nbd/nbdExport.js';
import type { Address } from './address.js';
import { parseAddress } from './address.js';
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
  };
}

/** @param socket Its absolute path, if there is one. @returns null if there is no such section. */
export function nbdConfigOf(
  { nbd, sectors }: CheckedConfig,
  socket: string | null,
): NbdConfig | null {
  if (nbd === undefined) return null;
  const defaults = defaultNbdConfig(sectors);
  const exports = Object.entries(nbd.exports ?? {}).map(
    ([name, { firstSector, sectors: count, readOnly: isReadOnly }]) => ({
      ...{ name, firstSector, sectors: count, isReadOnly },
    }),
  );
  return {
    listen: parseAddress(nbd.listen) ?? defaults.listen,
    socket,
    socketMode: nbd.socketMode === undefined ? null : Number.parseInt(nbd.socketMode, 8),
    socketGroup: nbd.socketGroup ?? null,
    exports: exports.length === 0 ? defaults.exports : exports,
    waitMs: nbd.waitMs ?? null,
  };
}
