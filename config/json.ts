/**
 * Reads JSON and says where it is wrong. JSON.parse of Node 20 gives a position only for some mistakes, and silently
 * accepts a field that is given twice. So the text is scanned here first. If the scan finds no mistake, JSON.parse
 * reads it.
 */

export interface JsonFault {
  /** Both counted from 1. */
  readonly line: number;
  readonly column: number;
  readonly found: string;
  readonly expected: string;
}

export type JsonResult =
  { readonly kind: 'value'; readonly value: unknown } | { readonly kind: 'fault'; readonly fault: JsonFault };

const DEPTH_MAX = 64;

export function parseJson(text: string): JsonResult {
  const scan = new Scan(text);
  try {
    scan.document();
  } catch (error) {
    if (!(error instanceof Unexpected)) throw error;
    return { kind: 'fault', fault: locate(text, error) };
  }
  return { kind: 'value', value: JSON.parse(text) as unknown };
}

/** Thrown and caught in this file only. */
class Unexpected extends Error {
  constructor(
    readonly offset: number,
    readonly expected: string,
    readonly found: string | null = null,
  ) {
    super(expected);
  }
}

function locate(text: string, { offset, expected, found }: Unexpected): JsonFault {
  const before = text.slice(0, offset).split('\n');
  const column = (before.at(-1) ?? '').length + 1;
  return { line: before.length, column, found: found ?? describeAt(text, offset), expected };
}

/** Describes only the character there, because the file may contain secrets. */
function describeAt(text: string, offset: number): string {
  const codePoint = text.codePointAt(offset);
  if (codePoint === undefined) return 'the end of the file';
  if (codePoint === 0x0a) return 'the end of the line';
  return JSON.stringify(String.fromCodePoint(codePoint));
}

const SPACE = /[ \t\n\r]*/y;
// The control characters are those that JSON forbids in strings.
/* eslint-disable no-control-regex */
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
/** The valid beginning of a string, to find where an invalid one goes wrong. */
const STRING_START = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;
/* eslint-enable no-control-regex */
const PRIMITIVE = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

class Scan {
  private offset = 0;

  constructor(private readonly text: string) {}

  document(): void {
    this.value(0);
    if (this.offset < this.text.length) {
      throw new Unexpected(this.offset, 'nothing after the end of the value');
    }
  }

  private value(depth: number): void {
    if (depth > DEPTH_MAX) throw new Unexpected(this.offset, `at most ${DEPTH_MAX} levels`);
    this.take(SPACE);
    const first = this.text[this.offset];
    if (first === '{') this.object(depth);
    else if (first === '[') this.array(depth);
    else if (first === '"') this.string('a string');
    else if (this.take(PRIMITIVE) === null) throw new Unexpected(this.offset, 'a value');
    this.take(SPACE);
  }

  private object(depth: number): void {
    const names = new Set<string>();
    this.offset += 1;
    this.take(SPACE);
    if (this.skip('}')) return;
    do {
      this.take(SPACE);
      const start = this.offset;
      const name = this.string('the name of a field in double quotes');
      if (names.has(name)) throw new Unexpected(start, 'each field once', `${name} again`);
      names.add(name);
      this.take(SPACE);
      if (!this.skip(':')) throw new Unexpected(this.offset, '":"');
      this.value(depth + 1);
    } while (this.skip(','));
    if (!this.skip('}')) throw new Unexpected(this.offset, '"," or "}"');
  }

  private array(depth: number): void {
    this.offset += 1;
    this.take(SPACE);
    if (this.skip(']')) return;
    do this.value(depth + 1);
    while (this.skip(','));
    if (!this.skip(']')) throw new Unexpected(this.offset, '"," or "]"');
  }

  private string(expected: string): string {
    const text = this.take(STRING);
    if (text !== null) return text;
    if (this.take(STRING_START) === null) throw new Unexpected(this.offset, expected);
    throw new Unexpected(this.offset, 'the rest of a string, ended by a double quote');
  }

  private skip(character: string): boolean {
    if (this.text[this.offset] !== character) return false;
    this.offset += 1;
    return true;
  }

  private take(pattern: RegExp): string | null {
    pattern.lastIndex = this.offset;
    const match = pattern.exec(this.text);
    if (match === null) return null;
    this.offset = pattern.lastIndex;
    return match[0];
  }
}
