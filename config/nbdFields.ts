/** The section `nbd` of the configuration: what the gateway serves, and where. */
import * as v from 'valibot';
import { NBD_PORT } from '../src/nbd/constants.js';
import { SECTORS_MAX, address, path, wholeNumber } from './fields.js';
import { NBD_CONNECTIONS_DEFAULT } from './limits.js';
import type { Mistake } from './mistake.js';

/** The longest name of an export, in characters. It is far below the limit of the protocol. */
const EXPORT_NAME_LENGTH_MAX = 256;

const SOCKET_MODE_EXPECTED = 'text of three octal digits such as "0660"';
const SOCKET_GROUP_EXPECTED = 'the name or the number of a group, as text';
const EXPORTS_EXPECTED = 'an object of exports by name';
const EXPORT_EXPECTED = 'an object with the fields firstSector, sectors and readOnly';
const EXPORT_NAME_EXPECTED = `a name of at most ${EXPORT_NAME_LENGTH_MAX} characters`;

export const NBD_EXPORT = {
  firstSector: v.optional(wholeNumber(0, SECTORS_MAX - 1, 'First sector of the export.'), 0),
  sectors: v.optional(wholeNumber(1, SECTORS_MAX, 'Size of the export in sectors. Default: to the end of the disk.')),
  readOnly: v.optional(
    v.pipe(
      v.boolean('true or false'),
      v.description('Whether clients may only read it. Exports that share sectors must all be.'),
    ),
    false,
  ),
};

export const NBD = {
  listen: v.optional(
    v.pipe(
      address,
      v.description(
        'Address (host:port) on which the gateway takes NBD clients. NBD has no passwords: ' +
          'whoever reaches it can read and write the disk.',
      ),
    ),
    `127.0.0.1:${NBD_PORT}`,
  ),
  socket: v.optional(
    path('the path of a socket', 'A Unix socket on which it takes them as well. Relative to this file.'),
  ),
  socketMode: v.optional(
    v.pipe(
      v.string(SOCKET_MODE_EXPECTED),
      v.regex(/^0?[0-7]{3}$/, SOCKET_MODE_EXPECTED),
      v.description(
        'Who may connect to the socket, as for chmod: to write is to connect. At no moment is it ' +
          'wider than this. Default: what the umask leaves.',
      ),
    ),
  ),
  socketGroup: v.optional(
    v.pipe(
      v.string(SOCKET_GROUP_EXPECTED),
      v.regex(/^(?:\d{1,10}|[A-Za-z_][A-Za-z0-9_.-]{0,31})$/, SOCKET_GROUP_EXPECTED),
      v.description('Group of the socket, by name or number. Default: that of the gateway.'),
    ),
  ),
  exports: v.optional(
    v.pipe(
      v.record(
        v.pipe(v.string(), v.maxLength(EXPORT_NAME_LENGTH_MAX, EXPORT_NAME_EXPECTED)),
        v.strictObject(NBD_EXPORT, EXPORT_EXPECTED),
        EXPORTS_EXPECTED,
      ),
      v.description(
        'Parts of the disk, by the name that clients ask for; "" is the one they get without ' +
          'asking. Default: the whole disk as "".',
      ),
    ),
  ),
  waitMs: v.optional(
    wholeNumber(
      1,
      2 ** 31 - 1,
      'Milliseconds after which a sector that no majority has answered for is an I/O error. ' + 'Default: it waits.',
    ),
  ),
  connections: v.optional(
    wholeNumber(
      1,
      1_024,
      'Connections taken in at once, by TCP and by the Unix socket each; more are refused. One ' +
        'may have 36 MiB of requests and replies in memory.',
    ),
    NBD_CONNECTIONS_DEFAULT,
  ),
};

export type NbdExportFields = v.InferOutput<v.ObjectSchema<typeof NBD_EXPORT, undefined>>;

/**
 * The size of an export in sectors: its own, or to the end of the disk; 0 if it begins behind the end.
 * @param sectors The size of the disk in sectors.
 */
export function sectorCountOf({ firstSector, sectors: count }: NbdExportFields, sectors: number): number {
  return count ?? Math.max(0, sectors - firstSector);
}

/**
 * Mistakes in a list of exports that would silently be read as another list. An empty one would be read as the whole
 * disk. Some names, `__proto__` for example, are left out by the library.
 * @param nbd The section as it was read, not checked yet.
 */
export function exportListMistakes(nbd: unknown, source: string): Mistake[] {
  const exports = (nbd as { readonly exports?: unknown } | null | undefined)?.exports;
  if (typeof exports !== 'object' || exports === null || Array.isArray(exports)) return [];
  const names = Object.keys(exports);
  if (names.length === 0) {
    const expected = 'at least one export; without this field the whole disk is served';
    return [{ source, field: 'nbd.exports', found: '{}', expected }];
  }
  const taken = v.parse(v.record(v.string(), v.unknown()), exports);
  return names
    .filter((name) => !Object.hasOwn(taken, name))
    .map((name) => {
      const expected = 'another name: JavaScript gives this one a meaning of its own';
      return { source, field: `nbd.exports.${name}`, found: JSON.stringify(name), expected };
    });
}

/**
 * Mistakes of exports that are not within the disk, or share sectors with another one unless both are read-only.
 * @param sectors The size of the disk in sectors.
 */
export function exportMistakes(
  exportsByName: Readonly<Record<string, NbdExportFields>>,
  sectors: number,
  source: string,
): Mistake[] {
  const exports = Object.entries(exportsByName);
  const endOf = (one: NbdExportFields): number => one.firstSector + sectorCountOf(one, sectors);
  return exports.flatMap(([name, one], index) => {
    const { firstSector, readOnly } = one;
    const field = `nbd.exports.${name}`;
    const end = endOf(one);
    const found = end > firstSector ? `sectors ${firstSector} to ${end - 1}` : `firstSector ${firstSector}`;
    if (end > sectors || end === firstSector) {
      return [{ source, field, found, expected: `sectors from 0 to ${sectors - 1}` }];
    }
    const rival = exports
      .slice(0, index)
      .find(([, other]) => firstSector < endOf(other) && other.firstSector < end && !(readOnly && other.readOnly));
    if (rival === undefined) return [];
    const expected = `sectors of its own, or readOnly in both: nbd.exports.${rival[0]} shares some`;
    return [{ source, field, found, expected }];
  });
}
