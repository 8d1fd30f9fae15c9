/** Who gets a place, and who loses it, on real sockets. */
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstValueFrom, mergeMap, tap } from 'rxjs';
import { AtomicDiskError } from '../../src/errors.js';
import type { Connection } from '../../src/ports/connection.js';
import { bindSocket } from '../../src/shell/bindSocket.js';
import type { TcpServer } from '../../src/shell/tcpServer.js';
import { tcpServer } from '../../src/shell/tcpServer.js';

const HOST = '127.0.0.1';

interface Setup {
  readonly server: TcpServer;
  readonly taken: Connection[];
  readonly dial: () => Promise<Socket>;
}

async function start(t: ExecutionContext, placeCount: number): Promise<Setup> {
  const bound = await bindSocket({ host: HOST, port: 0, connections: placeCount });
  const { port } = bound.server.address() as AddressInfo;
  const server = tcpServer(bound, placeCount);
  const taken: Connection[] = [];
  const subscription = server.connections$
    .pipe(
      tap((connection) => taken.push(connection)),
      mergeMap((connection) => connection.bytes$),
    )
    .subscribe({ error: t.fail });
  const sockets: Socket[] = [];
  t.teardown(() => {
    subscription.unsubscribe();
    server.stopListening();
    for (const connection of taken) connection.destroy();
    for (const socket of sockets) socket.destroy();
  });
  const dial = async (): Promise<Socket> => {
    const socket = connect({ host: HOST, port });
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.resume();
    const before = taken.length + server.refusedCount;
    while (taken.length + server.refusedCount === before) await sleep(1);
    return socket;
  };
  return { server, taken, dial };
}

const gone = async (socket: Socket): Promise<void> => {
  while (!socket.closed) await sleep(1);
};

test('strangers make room for newcomers, longest there first', async (t) => {
  const { server, dial } = await start(t, 2);
  const first = await dial();
  const second = await dial();
  const third = await dial();
  await gone(first);
  t.false(second.closed);
  t.false(third.closed);
  t.is(server.connectionCount, 2);
  t.is(server.refusedCount, 1);
});

test('who has shown a key keeps the place; when all have, newcomers are refused', async (t) => {
  const { server, taken, dial } = await start(t, 2);
  const first = await dial();
  server.trust(taken[0]);
  const second = await dial();
  const third = await dial();
  await gone(second);
  server.trust(taken[2]);
  const fourth = await dial();
  await gone(fourth);
  t.false(first.closed);
  t.false(third.closed);
  t.is(server.connectionCount, 2);
});

test('a place is free again when its connection has closed', async (t) => {
  const { server, taken, dial } = await start(t, 1);
  const first = await dial();
  server.trust(taken[0]);
  first.destroy();
  while (server.connectionCount > 0) {
    for (const connection of taken) connection.end();
    await sleep(1);
  }
  const second = await dial();
  t.false(second.closed);
  t.is(server.refusedCount, 0);
});

test('who connects before the takeover is served after it', async (t) => {
  const bound = await bindSocket({ host: HOST, port: 0, connections: 4 });
  const { port } = bound.server.address() as AddressInfo;
  const socket = connect({ host: HOST, port });
  t.teardown(() => {
    socket.destroy();
    bound.server.close();
  });
  socket.write('early');
  await sleep(50);
  const server = tcpServer(bound, 4);
  await sleep(20);
  const bytes = await firstValueFrom(server.connections$.pipe(mergeMap((connection) => connection.bytes$)));
  t.is(Buffer.from(bytes).toString(), 'early');
});

test('an address in use is told as such', async (t) => {
  const bound = await bindSocket({ host: HOST, port: 0, connections: 4 });
  t.teardown(() => bound.server.close());
  const { port } = bound.server.address() as AddressInfo;
  const error = await t.throwsAsync(bindSocket({ host: HOST, port, connections: 4 }), {
    instanceOf: AtomicDiskError,
  });
  t.is(error.code, 'ATDD_LISTEN_FAILED');
  t.regex(error.message, new RegExp(`${port}.*another program`));
});
