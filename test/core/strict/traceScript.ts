/**
 * The language of test/core/strict/traces/*.txt: three replicas, and coordinators by name. A line that begins with a
 * word is a command, one that is indented is what comes of it, `#` begins a comment.
 *
 * | command | what it does |
 * | --- | --- |
 * | `start`, `start 5` | so many members on empty disks; three |
 * | `write W 0+2 7`, `read R 0+2`, `update U 0`, `heal H 0+1` | W begins; sectors as first + count, data as a byte |
 * | `handle W->1` | the next request of W to replica 1 arrives, and is answered |
 * | `answer 1->W` | the next answer of replica 1 to W arrives |
 * | `run W`, `run W among 1,2` | requests and answers of W arrive, until nothing is left to do |
 * | `drop W->3` | what is on that way is lost |
 * | `resume W`, `hedge W` | the pause, or the delay, that W has asked for is over |
 * | `crash W` | coordinator W is gone; what it has sent may still arrive |
 * | `restart 1`, `lose-disk 1` | replica 1 comes back after a crash; has an empty disk, and joins |
 * | `list 1 2` | replica 1, which is joining, takes in what replica 2 has |
 * | `show` | all replicas |
 * | `quietly …` | that command, and nothing of what comes of it: for what is not the point |
 *
 * A stamp is its counter and its coordinator, 3W; a version is stamp/origin where they differ.
 */
import type { DecidedAnswer } from '../../../src/core/strict/replica.js';
import type { ReplicaRequest } from '../../../src/core/strict/replicaMessage.js';
import type { Task } from '../../../src/core/strict/task.js';
import { Operation, bytes, contentOf, name, outcome, range, short } from './make.js';
import { TraceReplica } from './traceReplica.js';

/** The script, with what came of each command in the place of what stood there. */
export function runScript(text: string): string {
  const script = new Script();
  const lines = text.split('\n').filter((line) => !line.startsWith(' '));
  return lines.flatMap((line) => (/^[a-z]/.test(line) ? [line, ...script.run(line)] : [line])).join('\n');
}

interface Sent {
  readonly from: string;
  readonly to: number;
  readonly request: ReplicaRequest;
}

interface Answer {
  readonly from: number;
  readonly to: string;
  readonly request: ReplicaRequest;
  readonly answer: DecidedAnswer;
  readonly incarnation: number;
  readonly known: readonly number[];
}

class Script {
  #replicas: TraceReplica[] = [];
  readonly #operations = new Map<string, Operation>();
  #sent: Sent[] = [];
  #answers: Answer[] = [];
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
    return this.#output.length === 0 ? ['  nothing'] : this.#output.map((one) => `  ${one}`);
  }

  #perform(command: string, words: readonly string[]): void {
    const [first, second] = words;
    switch (command) {
      case 'start':
        this.#start(Number(words.at(0) ?? 3));
        break;
      case 'write':
        this.#begin(first, { kind: 'write', data: bytes(Number(words[2]), rangeOf(second).count) }, second);
        break;
      case 'read':
      case 'heal':
        this.#begin(first, { kind: command }, second);
        break;
      case 'update':
        this.#begin(first, { kind: 'update', change: (current) => bytes(current[0] + 1) }, `${second}+1`);
        break;
      case 'handle':
        this.#handle(this.#nextSent(first));
        break;
      case 'answer':
        this.#take(this.#nextAnswer(first));
        break;
      case 'run':
        this.#run(first, words.at(2)?.split(',').map(Number) ?? this.#replicas.map(({ rank }) => rank));
        break;
      case 'drop': {
        const lost = this.#sent.filter(({ from, to }) => first === `${from}->${to}`);
        for (const { request } of lost) this.#output.push(`lost ${short(request)}`);
        this.#sent = this.#sent.filter((one) => !lost.includes(one));
        break;
      }
      case 'resume':
        this.#note(first, this.#at(first).resume());
        break;
      case 'hedge':
        this.#note(first, this.#at(first).hedge());
        break;
      case 'crash':
        this.#operations.delete(first);
        this.#output.push(`${first} is gone`);
        break;
      case 'restart':
        this.#replica(first).restart();
        this.#output.push(`${first} ${this.#replica(first).describe()}`);
        break;
      case 'lose-disk':
        this.#replica(first).loseDisk();
        this.#output.push(`${first} ${this.#replica(first).describe()}`);
        break;
      case 'list':
        this.#replica(first).list(this.#replica(second), Math.ceil(this.#replicas.length / 2));
        this.#output.push(`${first} ${this.#replica(first).describe()}`);
        break;
      case 'show':
        for (const replica of this.#replicas) this.#output.push(`${replica.rank} ${replica.describe()}`);
        break;
      default:
        throw new Error('no such command');
    }
  }

  #start(processCount: number): void {
    this.#replicas = Array.from({ length: processCount }, (_, index) => new TraceReplica(index + 1, processCount));
    for (const replica of this.#replicas) this.#output.push(`${replica.rank} ${replica.describe()}`);
  }

  #begin(who: string, task: Task, where: string): void {
    const options = { processCount: this.#replicas.length, counter: 0, coordinator: who };
    const operation = new Operation(task, rangeOf(where), options);
    this.#operations.set(who, operation);
    this.#note(who, operation);
  }

  #run(who: string, ranks: readonly number[]): void {
    for (;;) {
      const answer = this.#answers.find(({ from, to }) => to === who && ranks.includes(from));
      const sent = this.#sent.find(({ from, to }) => from === who && ranks.includes(to) && this.#isMember(to));
      if (answer !== undefined) this.#take(answer);
      else if (sent !== undefined) this.#handle(sent);
      else return;
    }
  }

  #isMember(rank: number): boolean {
    return this.#replicas[rank - 1].listed === null;
  }

  #handle(sent: Sent): void {
    const { from, to, request } = sent;
    this.#sent = this.#sent.filter((one) => one !== sent);
    const replica = this.#replicas[to - 1];
    if (request.kind === 'concluded' || request.kind === 'list') return;
    if (replica.listed !== null) {
      this.#output.push(`${to} <- ${short(request)} of ${from}: silent, it is joining`);
      return;
    }
    const answer = replica.handle(request);
    const { incarnation, known } = replica;
    this.#answers.push({ from: to, to: from, request, answer, incarnation, known: [...known] });
    this.#output.push(`${to} <- ${short(request)} of ${from}: ${describeAnswer(answer)}`);
  }

  /** E4: incarnations come with each answer, before it. */
  #take(one: Answer): void {
    this.#answers = this.#answers.filter((other) => other !== one);
    const { from, to, request, answer, incarnation, known } = one;
    const operation = this.#operations.get(to);
    this.#output.push(`${to} <- ${describeAnswer(answer)} of ${from}`);
    if (operation === undefined) {
      this.#output.push('  it is gone');
      return;
    }
    for (const run of answer.runs) {
      if ('promised' in run) operation.hear(run.promised);
      if ('version' in run && run.version !== null) operation.hear(run.version.stamp);
    }
    const before = operation.incarnations;
    operation.incarnations = before.map((highest, index) => Math.max(highest, known[index]));
    const isNew = operation.incarnations.some((highest, index) => highest > before[index]);
    if (isNew) this.#note(to, operation.feed({ kind: 'incarnations', known: operation.incarnations }));
    if (isNew) this.#output.push(`  it knows incarnations ${operation.incarnations.join()}`);
    this.#note(to, operation.feed({ kind: 'answer', from, request, answer, incarnation }));
  }

  #note(who: string, operation: Operation): void {
    for (const { range: where, effect } of operation.effects) {
      if (effect.kind === 'hedgeLater') continue;
      if (effect.kind === 'send') {
        this.#sent.push({ from: who, to: effect.to, request: effect.request });
        this.#output.push(`  ${who}->${effect.to} ${short(effect.request)}`);
      } else this.#output.push(`  ${who}: ${where.first}+${where.count} ${outcome(effect)}`);
    }
  }

  #nextSent(way: string): Sent {
    const next = this.#sent.find(({ from, to }) => way === `${from}->${to}`);
    if (next === undefined) throw new Error('nothing is on that way');
    return next;
  }

  #nextAnswer(way: string): Answer {
    const next = this.#answers.find(({ from, to }) => way === `${from}->${to}`);
    if (next === undefined) throw new Error('nothing is on that way');
    return next;
  }

  #at(who: string): Operation {
    const operation = this.#operations.get(who);
    if (operation === undefined) throw new Error(`there is no ${who}`);
    return operation;
  }

  #replica(rank: string): TraceReplica {
    const replica = this.#replicas.at(Number(rank) - 1);
    if (replica === undefined) throw new Error(`there is no replica ${rank}`);
    return replica;
  }
}

function rangeOf(text: string): ReturnType<typeof range> {
  const [first, count] = text.split('+').map(Number);
  return range(first, count);
}

function describeAnswer({ kind, runs }: DecidedAnswer): string {
  const texts = runs.map((run) => {
    const parts: string[] = [];
    if ('outcome' in run && run.outcome !== 'granted' && run.outcome !== 'stored') parts.push(run.outcome);
    if ('version' in run && run.version !== null) {
      const { stamp, origin } = run.version;
      parts.push(`${name(stamp)}${name(origin) === name(stamp) ? '' : `/${name(origin)}`}`);
    }
    if ('data' in run && run.data !== null) parts.push(contentOf(run.data));
    if ('promised' in run) parts.push(`promised ${name(run.promised)}`);
    return [...parts, ...(runs.length > 1 ? [`x${run.count}`] : [])].join(' ');
  });
  return `${kind.toUpperCase()} ${texts.join(', ')}`.trimEnd();
}
