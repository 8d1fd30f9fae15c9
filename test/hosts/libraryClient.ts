/**
 * A program of `npm run chaos:hosts`: a client of the library, in a process of its own, until SIGTERM; it then waits a
 * while for what is under way. One argument, JSON: ClientOrder. It prints a line for each operation (operationLine.ts).
 */
import { openClient } from '../../src/client/client.js';
import { nameOf, sectorNamed } from '../helpers/sectorValue.js';
import type { Address } from '../helpers/rawClient.js';
import type { Seen } from './operationLine.js';
import { lineOf, nowMs } from './operationLine.js';

export interface ClientOrder {
  readonly processes: readonly Address[];
  /** Hexadecimal. */
  readonly clientKey: string;
  readonly kind: 'read' | 'write' | 'mixed';
  readonly depth: number;
  readonly sectors: number;
  readonly name: string;
  readonly graceMs: number;
}

const order = JSON.parse(process.argv[2]) as ClientOrder;
const disk = openClient({ processes: order.processes, clientKey: Buffer.from(order.clientKey, 'hex') });
const underWay = new Set<Seen>();
let count = 0;
let isStopping = false;

process.once('SIGTERM', () => {
  isStopping = true;
  setTimeout(finish, order.graceMs).unref();
});
await Promise.all(Array.from({ length: order.depth }, () => loop()));
finish();

async function loop(): Promise<void> {
  while (!isStopping) {
    count += 1;
    const kind = order.kind === 'mixed' ? (Math.random() < 0.5 ? 'read' : 'write') : order.kind;
    const sector = Math.floor(Math.random() * order.sectors);
    const name = kind === 'write' ? `${order.name}:${count}` : null;
    const begun: Seen = { kind, sector, beganAt: nowMs(), endedAt: null, error: null, name };
    underWay.add(begun);
    const ended = await perform(begun);
    underWay.delete(begun);
    tell(ended);
  }
}

async function perform(begun: Seen): Promise<Seen> {
  try {
    if (begun.name !== null) {
      await disk.writeSector(begun.sector, sectorNamed(begun.name));
      return { ...begun, endedAt: nowMs() };
    }
    const data = await disk.readSector(begun.sector);
    const endedAt = nowMs();
    return { ...begun, endedAt, name: nameOf(Buffer.from(data.buffer, data.byteOffset, data.byteLength)) };
  } catch (error) {
    return { ...begun, error: (error as { code?: string }).code ?? 'error' };
  }
}

function tell(seen: Seen): void {
  process.stdout.write(`${lineOf(seen)}\n`);
}

function finish(): void {
  underWay.forEach(tell);
  process.exit();
}
