/** A network between processes that passes everything on, and on which somebody listens. */
import { once } from 'node:events';
import net from 'node:net';
import { freeAddresses } from '../helpers/ports.js';
import type { Address } from '../helpers/rawClient.js';
import type { TestScope } from '../helpers/testScope.js';

/** Told of what is sent, in pieces; what comes back over the same connection is not of interest. */
export type Listener = (connection: net.Socket, chunk: Buffer) => void;

/** A relay in front of each of the first processes, for all of the others; those behind them are reached directly. */
export async function overhear(
  t: TestScope,
  addresses: readonly Address[],
  relayedCount: number,
  listener: Listener,
): Promise<{ addressesSeenBy(rank: number): readonly Address[] }> {
  const seen = [...addresses];
  for (const [index, destination] of addresses.slice(0, relayedCount).entries()) {
    const [entrance] = await freeAddresses(1);
    seen[index] = entrance;
    await relay(t, entrance, destination, listener);
  }
  return {
    addressesSeenBy: (rank) => seen.with(rank - 1, addresses[rank - 1]),
  };
}

async function relay(t: TestScope, entrance: Address, destination: Address, listener: Listener): Promise<void> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ noDelay: true }, (incoming) => {
    const outgoing = net.connect({ ...destination, noDelay: true });
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ]) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
    incoming.on('data', (chunk) => {
      listener(incoming, chunk);
    });
  });
  server.listen(entrance);
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
}
