/**
 * The language of test/core/traces/*.txt: three processes that keep one sector. A line that begins with a word is a
 * command, one that is indented is what comes of it, `#` begins a comment.
 *
 * | command | what it does |
 * | --- | --- |
 * | `start extended`, `start plain` | three members on empty disks, with or without the peer extension |
 * | `write 1 a W`, `read 1 R` | a client asks process 1; the operation is called W or R |
 * | `abandon 1 W` | the client of W is gone |
 * | `deliver 1->2`, `deliver 1->2 ACK` | the next message of that way, or the next of that kind, arrives |
 * | `deliver all`, `deliver all among 1,2` | all messages arrive and all flushes end, until nothing is left to do |
 * | `drop 1->2` | all messages that are on that way are lost |
 * | `repeat 1` | process 1 asks again for what it has no answer to |
 * | `flush 1` | what process 1 has given to its disk is on it |
 * | `crash 1`, `restart 1` | only what is on the disk is left; HELLO says who is back |
 * | `lose-disk 1` | while it is down: its disk is a new one |
 * | `list 1` | process 1, which is joining, asks for what it has to take in |
 * | `show` | all processes, and the messages on their way |
 * | `quietly …` | that command, and nothing of what comes of it: for what is not the point |
 *
 * Of a large timestamp the step, the incarnation and the boot are shown: (4:0.1,2) is step 4 of incarnation 0, boot 1,
 * process 2.
 */
import { MODE_OPEN } from '../../src/core/membership/registerMode.js';
import type { OperationId } from '../../src/core/operation.js';
import type { Rank } from '../../src/core/rank.js';
import { SECTOR_SIZE_BYTES } from '../../src/core/sector.js';
import type { Envelope } from './traceMessage.js';
import { describeContent } from './traceMessage.js';
import { PROCESS_COUNT, TraceProcess, takeInId } from './traceProcess.js';

/** The script, with what came of each command in the place of what stood there. */
export function runScript(text: string): string {
  const script = new Script();
  const lines = text.split('\n').filter((line) => !line.startsWith(' '));
  return lines
    .flatMap((line) => (/^[a-z]/.test(line) ? [line, ...script.run(line).map((one) => one.trimEnd())] : [line]))
    .join('\n');
}

const RANKS: readonly Rank[] = Array.from({ length: PROCESS_COUNT }, (_, index) => index + 1);

class Script {
  #processes = new Map<Rank, TraceProcess>();
  #onTheWay: Envelope[] = [];
  #names = new Map<string, string>();
  #diskCount = 0;
  #output: string[] = [];

  run(line: string): string[] {
    this.#output = [];
    const isQuiet = line.startsWith('quietly ');
    const [command, ...words] = line.replace(/^quietly /, '').split(' ');
    try {
      this.#perform(command, words);
    } catch (error) {
      throw new Error(`${line}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    if (isQuiet) return [];
    return this.#output.length === 0 ? ['  nothing'] : this.#output.map((one) => this.#readable(one));
  }

  #perform(command: string, words: readonly string[]): void {
    const [first, second, third] = words;
    switch (command) {
      case 'start':
        this.#start(first === 'extended');
        break;
      case 'write': {
        const data = new Uint8Array(SECTOR_SIZE_BYTES).fill(second.charCodeAt(0));
        this.#at(first).begin({ kind: 'begin', operation: { kind: 'write', id: this.#idOf(third), data } });
        break;
      }
      case 'read':
        this.#at(first).begin({ kind: 'begin', operation: { kind: 'read', id: this.#idOf(second) } });
        break;
      case 'abandon':
        this.#at(first).begin({ kind: 'abandon', id: this.#idOf(second) });
        break;
      case 'deliver':
        if (first === 'all') this.#deliverAll(words.at(2)?.split(',').map(Number) ?? RANKS);
        else this.#deliver(this.#next(first, words.at(1)));
        break;
      case 'drop': {
        const isDropped = ({ from, to }: Envelope): boolean => first === `${from}->${to}`;
        for (const one of this.#onTheWay.filter(isDropped)) this.#output.push(`  lost ${describeContent(one.content)}`);
        this.#onTheWay = this.#onTheWay.filter((one) => !isDropped(one));
        break;
      }
      case 'repeat': {
        const before = this.#onTheWay.length;
        this.#at(first).repeat();
        for (const one of this.#onTheWay.slice(before)) this.#output.push(`  ${describeEnvelope(one)}`);
        break;
      }
      case 'flush':
        this.#at(first).flush();
        break;
      case 'crash':
        this.#at(first).crash();
        // What it was sent is lost with its connections.
        this.#onTheWay = this.#onTheWay.filter(({ to }) => to !== Number(first));
        this.#output.push(`  ${first} is down`);
        break;
      case 'lose-disk':
        this.#down(first).loseDisk();
        this.#output.push(`  ${first} has another disk, which is empty`);
        break;
      case 'restart':
        this.#restart(this.#down(first));
        break;
      case 'list':
        this.#at(first).list();
        break;
      case 'show':
        this.#show();
        for (const one of this.#onTheWay) this.#output.push(`  ${describeEnvelope(one)}`);
        break;
      default:
        throw new Error('no such command');
    }
  }

  #start(isExtended: boolean): void {
    const disks = new Map(RANKS.map((rank) => [rank, this.#draw(rank)]));
    for (const rank of RANKS) {
      const storage = disks.get(rank) ?? '';
      const own = {
        storage,
        incarnation: 0,
        memberState: 'member',
        founding: disks.get(1) ?? '',
        mode: MODE_OPEN,
        isVouched: false,
      } as const;
      const others = RANKS.filter((other) => other !== rank);
      const remembered = new Map(others.map((other) => [other, { storage: disks.get(other) ?? '', incarnation: 0 }]));
      const outside = {
        note: (text: string): void => void this.#output.push(text),
        send: (envelope: Envelope): void => {
          // Nobody is connected with a process that is down.
          if (this.#processes.get(envelope.to)?.isUp === true) this.#onTheWay.push(envelope);
        },
        draw: () => this.#draw(rank),
      };
      this.#processes.set(rank, new TraceProcess(rank, isExtended, outside, own, remembered));
      this.#names.set(hexOf(takeInId(rank)), `T${rank}`);
    }
    this.#show();
  }

  #restart(process: TraceProcess): void {
    process.restart();
    for (const other of this.#processes.values()) {
      if (other === process || !other.isUp) continue;
      process.sayHello(other.rank);
      other.sayHello(process.rank);
    }
    this.#output.push(`  ${process.rank} is ${process.describe()}`);
  }

  #next(way: string, kind: string | undefined): Envelope {
    for (const one of this.#onTheWay) {
      if (way !== `${one.from}->${one.to}`) continue;
      if (kind === undefined || describeContent(one.content).startsWith(kind)) return one;
      if (one.content.kind === 'hello') throw new Error('a HELLO comes first');
    }
    throw new Error('nothing is on that way');
  }

  #deliver(envelope: Envelope): void {
    this.#onTheWay = this.#onTheWay.filter((one) => one !== envelope);
    this.#at(String(envelope.to)).receive(envelope);
  }

  #deliverAll(ranks: readonly Rank[]): void {
    const processes = ranks.map((rank) => this.#processes.get(rank)).filter((one) => one?.isUp === true);
    for (;;) {
      const next = this.#onTheWay.find(
        ({ from, to }) => ranks.includes(from) && processes.some((one) => one?.rank === to),
      );
      const flushing = processes.find((one) => one?.isFlushing === true);
      if (next !== undefined) this.#deliver(next);
      else if (flushing !== undefined) flushing.flush();
      else return;
    }
  }

  #show(): void {
    for (const [rank, process] of this.#processes) this.#output.push(`  ${rank} is ${process.describe()}`);
  }

  #at(rank: string): TraceProcess {
    const process = this.#processes.get(Number(rank));
    if (process?.isUp !== true) throw new Error(`process ${rank} is not up`);
    return process;
  }

  #down(rank: string): TraceProcess {
    const process = this.#processes.get(Number(rank));
    if (process?.isUp !== false) throw new Error(`process ${rank} is not down`);
    return process;
  }

  #idOf(name: string): OperationId {
    const id = name.padStart(16, '\0');
    this.#names.set(hexOf(id), name);
    return id;
  }

  #draw(rank: Rank): string {
    this.#diskCount += 1;
    return `${rank}${String.fromCharCode(96 + this.#diskCount)}`.padEnd(16);
  }

  /** Names for ids and values, and the parts of timestamps. */
  #readable(line: string): string {
    return line
      .replace(/ \+0/, '')
      .replaceAll(/(\d+)\.\1\.\1\.\1…/g, (_, byte: string) =>
        byte === '0' ? 'zeros' : String.fromCharCode(Number(byte)),
      )
      .replaceAll(/\b[0-9a-f]{8}\b/g, (hex) => this.#names.get(hex) ?? hex)
      .replaceAll(/\((\d{8,}),(\d)\)/g, (_, timestamp: string, rank: string) => {
        const bits = BigInt(timestamp);
        return `(${bits >> 24n}:${(bits >> 16n) & 0xffn}.${bits & 0xffffn},${rank})`;
      });
  }
}

/** As src/core/register/describe.ts shows an id. */
const hexOf = (id: OperationId): string => Buffer.from(id, 'latin1').toString('hex').slice(-8);

const describeEnvelope = ({ from, to, content }: Envelope): string => `${from}->${to} ${describeContent(content)}`;
