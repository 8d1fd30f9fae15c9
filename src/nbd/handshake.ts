/**
 * The server's half of the handshake, fixed newstyle: a state machine that takes bytes in any pieces, and returns
 * replies and the end. It uses no socket and no clock.
 *
 * States, in order: `flags` (4 bytes), then for each option `header` (16 bytes) and either `data` (as long as the
 * header says) or `drain` (data that is too long and is skipped). Bounds: OPTION_BYTES_MAX for the data of one option,
 * OPTIONS_MAX options.
 */
import {
  BASE_ALLOCATION,
  BASE_ALLOCATION_ID,
  BLOCK_BYTES_MIN,
  BLOCK_BYTES_PREFERRED,
  CLIENT_FLAGS_KNOWN,
  HANDSHAKE_FLAG,
  INFO,
  INIT_MAGIC,
  NAME_BYTES_MAX,
  OPTION,
  OPTION_MAGIC,
  OPTION_REPLY,
  OPTION_REPLY_MAGIC,
  PAYLOAD_BYTES_MAX,
  nameIn,
} from './constants.js';
import { bytesOf, u16, u32, u64, utf8 } from './byteWriter.js';
import type { NbdExport } from './nbdExport.js';
import { sizeBytesOf, transmissionFlagsOf } from './nbdExport.js';
import type { InfoQuery } from './optionData.js';
import { parseInfoQuery, parseMetaQuery } from './optionData.js';

/** The result of the handshake. */
export interface Negotiated {
  readonly export: NbdExport;
  readonly isStructured: boolean;
  /** Whether base:allocation was chosen, so that BLOCK_STATUS may be used. */
  readonly hasAllocation: boolean;
}

export type HandshakeEnd =
  /** `rest`: the bytes after the handshake, which belong to requests. */
  | { readonly kind: 'negotiated'; readonly negotiated: Negotiated; readonly rest: Uint8Array }
  /** The connection has to be closed once the replies have been sent. */
  | { readonly kind: 'closed'; readonly reason: string };

export interface HandshakeStep {
  readonly replies: readonly Uint8Array[];
  /** null: the handshake goes on. */
  readonly end: HandshakeEnd | null;
}

export interface Handshake {
  /** The first bytes of the server. */
  readonly greeting: Uint8Array;
  /** Takes bytes of the client. Must not be called after the end. */
  push(chunk: Uint8Array): HandshakeStep;
}

/** The longest data of an option that is parsed: room for a name and some dozens of queries. */
export const OPTION_BYTES_MAX = 65_536;
/** The longest data that is skipped. A client that announces more is disconnected. */
export const OPTION_BYTES_SKIPPED_MAX = 16_777_216;
/** The most options of one handshake. Ordinary clients send fewer than ten. */
export const OPTIONS_MAX = 1_024;

const FLAGS_BYTES = 4;
const HEADER_BYTES = 16;
const EXPORT_NAME_PADDING_BYTES = 124;

type State =
  | { readonly kind: 'flags' }
  | { readonly kind: 'header' }
  | { readonly kind: 'data'; readonly option: number; readonly length: number }
  | { readonly kind: 'drain'; readonly option: number; readonly left: number };

export function createHandshake(exports: readonly NbdExport[]): Handshake {
  return new ServerHandshake(exports);
}

class ServerHandshake implements Handshake {
  readonly greeting = bytesOf(u64(INIT_MAGIC), u64(OPTION_MAGIC), u16(CLIENT_FLAGS_KNOWN));
  private state: State = { kind: 'flags' };
  /** The bytes of the present state that have arrived. */
  private pending = Buffer.alloc(0);
  private replies: Uint8Array[] = [];
  private end: HandshakeEnd | null = null;
  private optionCount = 0;
  private omitsZeroes = false;
  private isStructured = false;
  /** The name of the export for which base:allocation was chosen; null: for none. */
  private allocationOf: string | null = null;

  constructor(private readonly exports: readonly NbdExport[]) {}

  push(chunk: Uint8Array): HandshakeStep {
    this.replies = [];
    let rest = asBuffer(chunk);
    for (;;) {
      if (this.state.kind === 'drain') {
        const skipped = Math.min(this.state.left, rest.length);
        rest = rest.subarray(skipped);
        this.state = { ...this.state, left: this.state.left - skipped };
        if (this.state.left > 0) break;
        this.refuse(this.state.option, OPTION_REPLY.ERR_TOO_BIG, 'too long');
        this.state = { kind: 'header' };
      }
      const taken = Math.min(this.neededBytes() - this.pending.length, rest.length);
      this.pending = Buffer.concat([this.pending, rest.subarray(0, taken)]);
      rest = rest.subarray(taken);
      if (this.pending.length < this.neededBytes()) break;
      const bytes = this.pending;
      this.pending = Buffer.alloc(0);
      this.take(bytes, rest);
      if (this.end !== null) break;
    }
    return { replies: this.replies, end: this.end };
  }

  private neededBytes(): number {
    switch (this.state.kind) {
      case 'flags':
        return FLAGS_BYTES;
      case 'header':
        return HEADER_BYTES;
      case 'data':
        return this.state.length;
      case 'drain':
        return 0;
    }
  }

  private take(bytes: Buffer, rest: Buffer): void {
    switch (this.state.kind) {
      case 'flags':
        this.takeFlags(bytes.readUInt32BE());
        return;
      case 'header':
        this.takeHeader(bytes);
        return;
      case 'data': {
        const { option } = this.state;
        this.state = { kind: 'header' };
        this.takeOption(option, bytes, rest);
        return;
      }
      case 'drain':
        return;
    }
  }

  private takeFlags(flags: number): void {
    if ((flags & ~CLIENT_FLAGS_KNOWN) !== 0) {
      this.close(`unknown client flags 0x${flags.toString(16)}`);
      return;
    }
    this.omitsZeroes = (flags & HANDSHAKE_FLAG.NO_ZEROES) !== 0;
    this.state = { kind: 'header' };
  }

  private takeHeader(header: Buffer): void {
    if (header.readBigUInt64BE() !== OPTION_MAGIC) {
      this.close('an option without its magic');
      return;
    }
    this.optionCount += 1;
    const option = header.readUInt32BE(8);
    const length = header.readUInt32BE(12);
    if (this.optionCount > OPTIONS_MAX) {
      this.close(`more than ${OPTIONS_MAX} options`);
    } else if (length <= OPTION_BYTES_MAX) {
      this.state = { kind: 'data', option, length };
    } else if (length > OPTION_BYTES_SKIPPED_MAX || option === OPTION.EXPORT_NAME) {
      this.close(`option ${nameIn(OPTION, option)} of ${length} bytes`);
    } else {
      this.state = { kind: 'drain', option, left: length };
    }
  }

  private takeOption(option: number, data: Buffer, rest: Buffer): void {
    switch (option) {
      case OPTION.EXPORT_NAME:
        this.exportName(data, rest);
        return;
      case OPTION.ABORT:
        this.reply(option, OPTION_REPLY.ACK);
        this.close('the client has aborted the handshake');
        return;
      case OPTION.LIST:
        this.list(data);
        return;
      case OPTION.INFO:
      case OPTION.GO:
        this.infoOrGo(option, data, rest);
        return;
      case OPTION.STRUCTURED_REPLY:
        if (data.length > 0) {
          this.refuse(option, OPTION_REPLY.ERR_INVALID, 'this option has no data');
          return;
        }
        this.isStructured = true;
        this.reply(option, OPTION_REPLY.ACK);
        return;
      case OPTION.LIST_META_CONTEXT:
      case OPTION.SET_META_CONTEXT:
        this.metaContext(option, data);
        return;
      default:
        this.refuse(option, OPTION_REPLY.ERR_UNSUP, 'this server does not have that option');
    }
  }

  /** The old way to choose an export. It has no error replies, so an unknown export ends the connection. */
  private exportName(data: Buffer, rest: Buffer): void {
    const found = data.length > NAME_BYTES_MAX ? undefined : this.find(data.toString('utf8'));
    if (found === undefined) {
      this.close('no such export');
      return;
    }
    const flags = transmissionFlagsOf(found, this.isStructured);
    const padding = new Uint8Array(this.omitsZeroes ? 0 : EXPORT_NAME_PADDING_BYTES);
    this.replies.push(bytesOf(u64(sizeBytesOf(found)), u16(flags), padding));
    this.negotiate(found, rest);
  }

  private list(data: Buffer): void {
    if (data.length > 0) {
      this.refuse(OPTION.LIST, OPTION_REPLY.ERR_INVALID, 'this option has no data');
      return;
    }
    for (const { name } of this.exports) {
      const text = utf8(name);
      this.reply(OPTION.LIST, OPTION_REPLY.SERVER, bytesOf(u32(text.length), text));
    }
    this.reply(OPTION.LIST, OPTION_REPLY.ACK);
  }

  private infoOrGo(option: number, data: Buffer, rest: Buffer): void {
    const query = parseInfoQuery(data);
    if (query === null) {
      this.refuse(option, OPTION_REPLY.ERR_INVALID, 'malformed');
      return;
    }
    const found = this.find(query.name);
    if (found === undefined) {
      this.refuse(option, OPTION_REPLY.ERR_UNKNOWN, 'no such export');
      return;
    }
    for (const info of informationOf(found, this.isStructured, query)) {
      this.reply(option, OPTION_REPLY.INFO, info);
    }
    this.reply(option, OPTION_REPLY.ACK);
    if (option === OPTION.GO) this.negotiate(found, rest);
  }

  private metaContext(option: number, data: Buffer): void {
    const isSetting = option === OPTION.SET_META_CONTEXT;
    // An earlier choice is void, even if this one fails.
    if (isSetting) this.allocationOf = null;
    const query = parseMetaQuery(data);
    if (query === null || !this.isStructured) {
      const text = query === null ? 'malformed' : 'structured replies come first';
      this.refuse(option, OPTION_REPLY.ERR_INVALID, text);
      return;
    }
    if (this.find(query.name) === undefined) {
      this.refuse(option, OPTION_REPLY.ERR_UNKNOWN, 'no such export');
      return;
    }
    const isListed = !isSetting && (query.queries.length === 0 || query.queries.includes('base:'));
    if (isListed || query.queries.includes(BASE_ALLOCATION)) {
      const id = u32(isSetting ? BASE_ALLOCATION_ID : 0);
      this.reply(option, OPTION_REPLY.META_CONTEXT, bytesOf(id, utf8(BASE_ALLOCATION)));
      if (isSetting) this.allocationOf = query.name;
    }
    this.reply(option, OPTION_REPLY.ACK);
  }

  private find(name: string): NbdExport | undefined {
    return this.exports.find((candidate) => candidate.name === name);
  }

  private negotiate(found: NbdExport, rest: Uint8Array): void {
    const { isStructured } = this;
    const hasAllocation = this.allocationOf === found.name;
    this.end = {
      kind: 'negotiated',
      negotiated: { export: found, isStructured, hasAllocation },
      rest,
    };
  }

  private close(reason: string): void {
    this.end = { kind: 'closed', reason };
  }

  private refuse(option: number, type: number, text: string): void {
    this.reply(option, type, utf8(text));
  }

  private reply(option: number, type: number, data: Uint8Array = new Uint8Array(0)): void {
    const header = bytesOf(u64(OPTION_REPLY_MAGIC), u32(option), u32(type), u32(data.length));
    this.replies.push(bytesOf(header, data));
  }
}

/** The size and abilities of the export, the sizes of requests, and the texts that the client wants. */
function informationOf(found: NbdExport, isStructured: boolean, query: InfoQuery): Uint8Array[] {
  const flags = transmissionFlagsOf(found, isStructured);
  const sizes = [BLOCK_BYTES_MIN, BLOCK_BYTES_PREFERRED, PAYLOAD_BYTES_MAX].map(u32);
  const described =
    `Atomic Disk Drive, sectors ${found.firstSector} to ` +
    `${found.firstSector + found.sectors - 1}${found.isReadOnly ? ', read-only' : ''}`;
  const texts: readonly [number, string][] = [
    [INFO.NAME, found.name],
    [INFO.DESCRIPTION, described],
  ];
  return [
    bytesOf(u16(INFO.EXPORT), u64(sizeBytesOf(found)), u16(flags)),
    bytesOf(u16(INFO.BLOCK_SIZE), ...sizes),
    ...texts.filter(([kind]) => query.wanted.includes(kind)).map(([kind, text]) => bytesOf(u16(kind), utf8(text))),
  ];
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
