/** What only TCP has: for what every connection does see test/ports/connectionSuite.ts. */
import { spawn } from 'node:child_process';
import dns from 'node:dns';
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { firstValueFrom, lastValueFrom, take, toArray } from 'rxjs';
import { endsWithTests } from '../helpers/children.js';
import { AtomicDiskError } from '../../src/errors.js';
import { dialTcp, isConnectedToItself, tcpConnection, type TcpConnection } from '../../src/shell/tcpConnection.js';

interface Pair {
  /** The side under test. */
  readonly connection: TcpConnection;
  readonly socket: Socket;
  /** The other side, a plain socket. */
  readonly other: Socket;
}

/** A listener that hands its sockets out one by one. */
async function listen(t: ExecutionContext): Promise<{ server: Server; port: number }> {
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return { server, port: (server.address() as AddressInfo).port };
}

async function pair(t: ExecutionContext): Promise<Pair> {
  const { server, port } = await listen(t);
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const other = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  other.on('error', () => undefined);
  const socket = await accepted;
  t.teardown(() => {
    other.destroy();
    socket.destroy();
  });
  return { connection: tcpConnection(socket), socket, other };
}

/** Waits for what is sure to come, however slow the machine is. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await soon(5);
}

/** Long enough for what must not happen to have happened. */
const soon = (ms = 50) => new Promise((resolve) => setTimeout(resolve, ms));
const read = (connection: TcpConnection): string[] => {
  const seen: string[] = [];
  connection.bytes$.subscribe({
    next: (chunk) => seen.push(Buffer.from(chunk).toString()),
    complete: () => seen.push('|'),
    error: () => seen.push('#'),
  });
  return seen;
};
const closed = (connection: TcpConnection) => lastValueFrom(connection.closed$, { defaultValue: 'closed' });

test('the end of their half completes bytes$; ours can still answer', async (t) => {
  const { connection, other } = await pair(t);
  const seen = read(connection);
  const answer: string[] = [];
  other.on('data', (chunk: Buffer) => answer.push(chunk.toString()));
  other.end('question');
  await until(() => seen.length > 1);
  t.deepEqual(seen, ['question', '|']);
  t.false(connection.endedUnconfirmed);
  connection.write([Buffer.from('ans'), Buffer.from('wer')]);
  connection.end();
  await closed(connection);
  await until(() => answer.join('').length >= 6);
  t.is(answer.join(''), 'answer');
  t.false(connection.endedUnconfirmed, 'the other side said that it ended');
});

test('a reset completes bytes$ and closed$, and is known to be theirs', async (t) => {
  const { connection, other } = await pair(t);
  const seen = read(connection);
  other.resetAndDestroy();
  t.is(await closed(connection), 'closed');
  t.deepEqual(seen, ['|']);
  t.false(connection.endedUnconfirmed);
});

test('what the other side never confirmed is told apart', async (t) => {
  const { connection, socket } = await pair(t);
  const seen = read(connection);
  // What the kernel reports when keep-alive probes are not answered.
  socket.destroy(Object.assign(new Error('read ETIMEDOUT'), { code: 'ETIMEDOUT' }));
  await closed(connection);
  t.deepEqual(seen, ['|']);
  t.true(connection.endedUnconfirmed);
});

test('an error before anyone listens is kept in; a late reader gets the end', async (t) => {
  const { connection, other } = await pair(t);
  other.resetAndDestroy();
  connection.write([Buffer.alloc(100)]);
  await soon();
  connection.write([Buffer.alloc(100)]);
  await closed(connection);
  t.deepEqual(read(connection), ['|']);
  connection.write([Buffer.alloc(1)]);
  connection.end();
  connection.destroy();
  t.is(await closed(connection), 'closed', 'closed$ completes for late subscribers too');
});

test('destroyed from within an emission, it emits nothing of what the socket has read already', async (t) => {
  const { connection, socket } = await pair(t);
  socket.push('one');
  socket.push('two');
  const chunks: string[] = [];
  await new Promise<void>((resolve) => {
    connection.bytes$.subscribe({
      next: (chunk) => {
        chunks.push(Buffer.from(chunk).toString());
        connection.destroy();
      },
      complete: resolve,
    });
  });
  t.deepEqual(chunks, ['one']);
});

test('the chunks of one write leave in one piece', async (t) => {
  const { connection, socket, other } = await pair(t);
  let piecesSent = 0;
  const stream = socket as unknown as { _writev: (...args: unknown[]) => void };
  const writev = stream._writev.bind(socket);
  stream._writev = (...args) => {
    piecesSent += 1;
    writev(...args);
  };
  const received = new Promise<string>((resolve) =>
    other.once('data', (chunk: Buffer) => {
      resolve(chunk.toString());
    }),
  );
  connection.write(['a', 'b', 'c'].map((text) => new Uint8Array(Buffer.from(text))));
  t.is(await received, 'abc');
  t.is(piecesSent, 1);
});

test('drained$ also tells of a small write', async (t) => {
  const { connection } = await pair(t);
  const drained = firstValueFrom(connection.drained$.pipe(take(1), toArray()));
  connection.write([Buffer.from('x')]);
  t.is((await drained).length, 1);
});

test('dialTcp opens a connection that works both ways', async (t) => {
  const { server, port } = await listen(t);
  server.once('connection', (socket) => socket.pipe(socket));
  const connection = await lastValueFrom(dialTcp({ host: '127.0.0.1', port }));
  t.teardown(() => {
    connection.destroy();
  });
  t.is(connection.remote, `127.0.0.1:${String(port)}`);
  const seen = read(connection);
  connection.write([Buffer.from('echo')]);
  await until(() => seen.length > 0);
  t.deepEqual(seen, ['echo']);
  connection.end();
  await closed(connection);
  t.deepEqual(seen, ['echo', '|']);
});

test('dialTcp fails when nobody listens', async (t) => {
  const { server, port } = await listen(t);
  await new Promise((resolve) => server.close(resolve));
  await t.throwsAsync(lastValueFrom(dialTcp({ host: '127.0.0.1', port })), {
    code: 'ECONNREFUSED',
  });
});

/**
 * The port of a program that listens and takes in nobody: it is stopped, and what the system takes in for it is full.
 * Further attempts get no answer, as from a machine that is gone.
 */
async function silentPort(t: ExecutionContext): Promise<number> {
  const script =
    "const s = require('net').createServer();" +
    "s.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => console.log(s.address().port));";
  const child = endsWithTests(spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] }));
  t.teardown(() => child.kill('SIGKILL'));
  const port = await new Promise<number>((resolve) => {
    child.stdout.once('data', (text: Buffer) => {
      resolve(Number(text.toString()));
    });
  });
  child.kill('SIGSTOP');
  for (let n = 0; n < 4; n += 1) {
    const filler = connect({ host: '127.0.0.1', port });
    filler.on('error', () => undefined);
    t.teardown(() => filler.destroy());
    await soon(20);
  }
  return port;
}

test('dialTcp gives up after its time-out', async (t) => {
  const port = await silentPort(t);
  await t.throwsAsync(lastValueFrom(dialTcp({ host: '127.0.0.1', port, timeoutMs: 50 })), {
    instanceOf: AtomicDiskError,
    code: 'ATDD_TIMEOUT',
  });
});

test('dialTcp that is unsubscribed leaves nothing open', async (t) => {
  const { server, port } = await listen(t);
  const seen: string[] = [];
  dialTcp({ host: '127.0.0.1', port })
    .subscribe({ next: () => seen.push('next'), error: () => seen.push('error') })
    .unsubscribe();
  await soon();
  const count = await new Promise<number>((resolve, reject) => {
    server.getConnections((error, value) => {
      if (error === null) resolve(value);
      else reject(error);
    });
  });
  t.is(count, 0);
  t.deepEqual(seen, []);
});

test('a socket that met itself is told from one that met a listener', async (t) => {
  const { connection, socket } = await pair(t);
  t.false(isConnectedToItself(socket));
  connection.destroy();
  const { server, port } = await listen(t);
  await new Promise((resolve) => server.close(resolve));
  // Dialling from the very port that is dialled: how TCP's simultaneous open comes about by chance.
  const itself = connect({ host: '127.0.0.1', port, localPort: port, localAddress: '127.0.0.1' });
  await new Promise((resolve, reject) => itself.once('connect', resolve).once('error', reject));
  t.true(isConnectedToItself(itself));
  itself.destroy();
});

test('a connection that was reset at once is not taken for a local one', async (t) => {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const other = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  const socket = await accepted;
  // Until the system knows; asking for the address would make the socket remember it.
  const isReset = new Promise((resolve) => other.once('close', resolve));
  other.resetAndDestroy();
  await isReset;
  await soon();
  t.is(tcpConnection(socket).remote, 'a closed connection');
  socket.destroy();
});

test.serial('a name with several addresses fails with the reason of each', async (t) => {
  const { server, port } = await listen(t);
  server.close();
  const { lookup } = dns;
  const two = [
    { address: '127.0.0.1', family: 4 },
    { address: '127.0.0.2', family: 4 },
  ];
  const found = (_name: string, _options: unknown, done: (error: null, all: unknown) => void) => {
    done(null, two);
  };
  Object.assign(dns, { lookup: found });
  try {
    const dialled = lastValueFrom(dialTcp({ host: 'two.example', port }));
    const refused = (address: string): string => `connect ECONNREFUSED ${address}:${port}`;
    await t.throwsAsync(dialled, {
      message: `${refused('127.0.0.1')}; ${refused('127.0.0.2')}`,
    });
  } finally {
    Object.assign(dns, { lookup });
  }
});
