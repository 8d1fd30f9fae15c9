/** Parses the data of options that have any. null: the data is malformed. */
import { NAME_BYTES_MAX } from './constants.js';

/** The data of INFO and GO. */
export interface InfoQuery {
  readonly name: string;
  /** Kinds of information that the client wants. It may get others. */
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

/** The data of LIST_META_CONTEXT and SET_META_CONTEXT. */
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
  // Each query takes at least four bytes, so a count that is too high is noticed soon.
  for (let index = 0; index < count; index += 1) {
    const query = parseName(data, at);
    if (query === null) return null;
    queries.push(query.text);
    at = query.end;
  }
  return at === data.length ? { name: named.text, queries } : null;
}

/** A text after its length (u32). `end` is the offset behind it. */
function parseName(data: Buffer, at: number): { readonly text: string; readonly end: number } | null {
  if (data.length < at + 4) return null;
  const length = data.readUInt32BE(at);
  const end = at + 4 + length;
  if (length > NAME_BYTES_MAX || data.length < end) return null;
  return { text: data.toString('utf8', at + 4, end), end };
}
