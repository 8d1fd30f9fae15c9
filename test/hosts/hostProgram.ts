/** A program on a host. It ends with this one at the latest, and must not end by itself. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { endsWithTests } from '../helpers/children.js';
import { cleanEnvironment } from '../helpers/cluster.js';
import { HANG_MS } from '../helpers/hang.js';
import type { HostNetwork } from './hostNetwork.js';

const TAIL_LINES = 15;
const POLL_MS = 20;
const ERRORS_LENGTH_MAX = 20_000;

export class HostProgram {
  /** Of standard output, as it came. */
  private readonly pieces: string[] = [];
  private errors = '';
  private isExpectedToEnd = false;
  private readonly child: ChildProcess;
  private readonly closed: Promise<unknown>;

  constructor(
    network: HostNetwork,
    readonly host: number,
    private readonly name: string,
    command: readonly string[],
  ) {
    const [program, ...words] = network.commandOn(host, command);
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
    const child = endsWithTests(spawn(program, words, { env: cleanEnvironment(), stdio }));
    child.stdout.setEncoding('utf8').on('data', (text: string) => this.pieces.push(text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.errors = (this.errors + text).slice(-ERRORS_LENGTH_MAX);
    });
    this.child = child;
    this.closed = once(child, 'close');
    // Whoever waits for it hears of an error; here it must not end the program.
    this.closed.catch(() => undefined);
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  get output(): string {
    return this.pieces.join('');
  }

  /** Of lines of standard output, so far. */
  get lineCount(): number {
    return this.pieces.reduce((sum, piece) => sum + piece.split('\n').length - 1, 0);
  }

  /** @throws if it ended although nobody ended it. */
  check(): void {
    if (!this.hasEnded || this.isExpectedToEnd) return;
    const { exitCode, signalCode } = this.child;
    const lines = `${this.output}\n${this.errors}`.trimEnd().split('\n').slice(-TAIL_LINES);
    const how = `code ${exitCode}, signal ${signalCode}`;
    throw new Error(`${this.name} ended by itself (${how}):\n  ${lines.join('\n  ')}`);
  }

  /** @throws if it never comes to that, or the program ends. */
  async until(isSo: (program: HostProgram) => boolean, what: string): Promise<void> {
    const giveUpAt = performance.now() + HANG_MS;
    while (!isSo(this)) {
      this.check();
      if (performance.now() > giveUpAt) throw new Error(`${this.name}: ${what} never came:\n${this.errors}`);
      await sleep(POLL_MS);
    }
  }

  /** Without waiting for its end. */
  signal(signal: NodeJS.Signals): void {
    this.check();
    if (signal === 'SIGKILL' || signal === 'SIGTERM') this.isExpectedToEnd = true;
    this.child.kill(signal);
  }

  /** Resolves when all that it printed is here too. @throws if it had ended by itself. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.check();
    if (!this.hasEnded) this.signal(signal);
    await this.closed;
  }

  /** For a program that ends by itself: its exit code and output. @throws if it takes too long. */
  async toItsEnd(timeoutMs: number): Promise<{ code: number | null; output: string }> {
    this.isExpectedToEnd = true;
    const isLate = await Promise.race([this.closed.then(() => false), sleep(timeoutMs, true, { ref: false })]);
    if (!isLate) return { code: this.child.exitCode, output: this.output };
    await this.end('SIGKILL');
    throw new Error(`${this.name} took more than ${timeoutMs} ms:\n${this.output}${this.errors}`);
  }

  get said(): string {
    return this.errors;
  }
}
