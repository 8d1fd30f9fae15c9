/**
 * What happened in a run, as a hash that tells whether two runs are the same, and, if asked for, as lines of text. The
 * hash takes in times, names and numbers only, so that it is the same on every machine and version of Node.
 */

const PRIME_A = 0x01000193;
const PRIME_B = 0x85eb_ca6b;

export interface TraceLine {
  readonly atUs: number;
  readonly text: string;
}

export class Trace {
  readonly lines: TraceLine[] = [];
  private a = 0x811c_9dc5 | 0;
  private b = 0x9747_b28c | 0;
  private readonly kindHashes = new Map<string, number>();

  constructor(
    private readonly nowUs: () => number,
    readonly isRecording: boolean,
  ) {}

  /** @param text What the line says; called only if lines are kept. */
  note(kind: string, first: number, second: number, text: () => string): void {
    const atUs = this.nowUs();
    this.mix(atUs | 0);
    this.mix(this.hashOf(kind));
    this.mix(first | 0);
    this.mix(second | 0);
    if (this.isRecording) this.lines.push({ atUs, text: `${kind} ${text()}` });
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
    return hex(this.a) + hex(this.b);
  }

  private mix(value: number): void {
    this.a = Math.imul(this.a ^ value, PRIME_A);
    this.a ^= this.a >>> 15;
    this.b = Math.imul(this.b ^ value, PRIME_B);
    this.b ^= this.b >>> 13;
  }

  private hashOf(kind: string): number {
    let hash = this.kindHashes.get(kind);
    if (hash === undefined) {
      hash = hashText(kind);
      this.kindHashes.set(kind, hash);
    }
    return hash;
  }
}

/** FNV-1a, 32 bits. */
export function hashText(text: string): number {
  let hash = 0x811c_9dc5 | 0;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), PRIME_A);
  }
  return hash;
}
