/** The data of options that have any. Null: it is not what the option should carry. */
import { NAME_BYTES_MAX } from './constants.js';

/** What INFO and GO ask for. */
export interface InfoQuery {
  readonly name: string;
  /** Kinds of information that the client would like; it may get others. */
  readonly wanted: readonly number[];
}

export function parseInfoQuery(data: Buffer): InfoQuery | null {
  const named = parseName(data, 0);
  if (named === null || data.length < named.end + 2) return null;
  const count = data.readUInt16BE(named.end);
  const start = named.end + 2;
  if (data.length !== start + 2 * count) return null;
  const wanted = Array.from({ length: count }, (_, index) => data.readUInt16BE(start + 2 * index));
  return { name: named.text, wanted };
}

/** What LIST_META_CONTEXT and SET_META_CONTEXT ask for. */
export interface MetaQuery {
  readonly name: string;
  readonly queries: readonly string[];
}

export function parseMetaQuery(data: Buffer): MetaQuery | null {
  const named = parseName(data, 0);
  if (named === null || data.length < named.end + 4) return null;
  const count = data.readUInt32BE(named.end);
  const queries: string[] = [];
  let at = named.end + 4;
  // Each query takes four bytes at least, so a count that lies is found out soon.
  for (let index = 0; index < count; index += 1) {
    const query = parseName(data, at);
    if (query === null) return null;
    queries.push(query.text);
    at = query.end;
  }
  return at === data.length ? { name: named.text, queries } : null;
}

/** Text that its length precedes. */
function parseName(data: Buffer, at: number): { readonly text: string; readonly end: number } | null {
  if (data.length < at + 4) return null;
  const length = data.readUInt32BE(at);
  const end = at + 4 + length;
  if (length > NAME_BYTES_MAX || data.length < end) return null;
  return { text: data.toString('utf8', at + 4, end), end };
}
