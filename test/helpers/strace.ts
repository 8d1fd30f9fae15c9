/** Runs a process under strace and reads what strace wrote. Linux only. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { HANG_MS } from './hang.js';

export interface SystemCall {
  readonly name: string;
  /** Place in the trace at which it began and at which it ended. No two places are the same. */
  readonly beganAt: number;
  readonly endedAt: number;
  /** What the first argument, a descriptor, stands for: a path, or both ends of a connection. */
  readonly target: string;
  /** The bytes that went in or out. */
  readonly data: Buffer;
  readonly result: number;
}

const CALLS = 'fdatasync,fsync,pwrite64,pwritev,write,writev,sendmsg,sendto,read,recvfrom,recvmsg';

/** The command under strace; its process keeps its pid (-D) and its signals. */
export function underStrace(command: readonly string[], traceFile: string): readonly string[] {
  const options = ['-D', '-f', '-tt', '-yy', '-xx', '-s', '100000', '-e', `trace=${CALLS}`];
  return ['strace', ...options, '-o', traceFile, ...command];
}

/** Waits until the traced process `pid` has ended and strace has written everything. */
export async function readTrace(traceFile: string, pid: number): Promise<SystemCall[]> {
  const last = new RegExp(`^${pid} .*\\+\\+\\+ (exited with|killed by) `, 'm');
  for (const giveUpAt = performance.now() + HANG_MS; performance.now() < giveUpAt;) {
    const text = await readFile(traceFile, 'latin1');
    if (last.test(text.slice(-10_000))) return parseTrace(text);
    await sleep(50);
  }
  throw new Error(`the trace in ${traceFile} has no end`);
}

export function parseTrace(text: string): SystemCall[] {
  const calls: SystemCall[] = [];
  /** By thread: a call that another thread's line came in between of. */
  const unfinished = new Map<string, { text: string; beganAt: number }>();
  for (const [place, line] of text.split('\n').entries()) {
    const parts = /^(\d+) +[\d:.]+ (.*)$/.exec(line);
    if (parts === null) continue;
    const [, thread, what] = parts;
    const cut = what.indexOf(' <unfinished ...>');
    if (cut !== -1) {
      unfinished.set(thread, { text: what.slice(0, cut), beganAt: place });
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(what);
    const begun = unfinished.get(thread);
    if (resumed !== null && begun !== undefined) {
      unfinished.delete(thread);
      const call = parseCall(begun.text + resumed[1], begun.beganAt, place);
      if (call !== null) calls.push(call);
    } else if (resumed === null) {
      const call = parseCall(what, place, place);
      if (call !== null) calls.push(call);
    }
  }
  return calls;
}

function parseCall(text: string, beganAt: number, endedAt: number): SystemCall | null {
  const head = /^(\w+)\(\d+<(.*?)>(?=[,)])/.exec(text);
  const tail = /\) += (-?\d+)[^)]*$/.exec(text) ?? /\) += (-?\d+) E.*$/.exec(text);
  if (head === null || tail === null) return null;
  const result = Number(tail[1]);
  const strings = text.slice(head[0].length).match(/"((?:\\x[0-9a-f]{2})*)"/g) ?? [];
  const hexadecimal = strings.join('').replaceAll(/"|\\x/g, '');
  const data = Buffer.from(hexadecimal, 'hex').subarray(0, Math.max(0, result));
  return { name: head[1], beganAt, endedAt, target: readable(head[2]), data, result };
}

/** Paths come out in hexadecimal too. */
function readable(target: string): string {
  return target.replaceAll(/\\x([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
}
