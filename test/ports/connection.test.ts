/** All implementations of Connection keep its contract, the test double too. */
import { createServer, connect as connectSocket, type AddressInfo, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { VirtualTimeScheduler, lastValueFrom } from 'rxjs';
import { dialTcp, tcpConnection } from '../../src/shell/tcpConnection.js';
import { TAKEN_STEP_BYTES } from '../../src/workers/threadBatch.js';
import { FakeConnection } from '../helpers/fakeConnection.js';
import { dice as diceOf } from '../helpers/seed.js';
import { newActor } from '../sim/actor.js';
import { connectedPair, type Host } from '../sim/endpoint.js';
import { Network } from '../sim/network.js';
import { World } from '../sim/world.js';
import { joinThreads, unwatched } from '../workers/threads.js';
import type { ConnectedPair, OtherSide } from './connectionSuite.js';
import { connectionSuite } from './connectionSuite.js';

connectionSuite('dialled by TCP', async (t, first) => {
  const { port, accepted } = await listen(t);
  const connection = await lastValueFrom(dialTcp({ host: '127.0.0.1', port }));
  t.teardown(() => {
    connection.destroy();
  });
  return { connection, other: otherSocket(await accepted, first), settle: () => setTimeout(50) };
});

connectionSuite('accepted by TCP', async (t, first) => {
  const { port, accepted } = await listen(t);
  const other = connectSocket({ host: '127.0.0.1', port, allowHalfOpen: true });
  t.teardown(() => other.destroy());
  const connection = tcpConnection(await accepted);
  return { connection, other: otherSocket(other, first), settle: () => setTimeout(50) };
});

connectionSuite('a worker’s', async (_t, first) => {
  const { accept, seen, settle } = joinThreads(1, {}, unwatched);
  const socket = accept();
  socket.receive(first);
  await settle();
  const { connection } = seen[0][0];
  const isHeldUp = (): boolean => socket.isPaused;
  return { connection, other: { ...otherOf(socket), isHeldUp }, settle, untoldBytesMax: TAKEN_STEP_BYTES - 1 };
});

connectionSuite('simulated', (_t, first) => {
  const world = new World(false);
  const dice = diceOf(1);
  const network = new Network(world, dice, { onMessage: () => undefined });
  const [a, b] = ['a', 'b'].map((name) => {
    const actor = newActor(name);
    return { host: hostOf(name, actor), actor };
  });
  const { dialled, accepted } = connectedPair(network, a, b, dice);
  const received: Uint8Array[] = [];
  accepted.bytes$.subscribe((chunk) => received.push(chunk));
  const other: OtherSide = {
    send: (bytes) => {
      accepted.write([bytes]);
    },
    end: () => {
      accepted.end();
    },
    reset: () => {
      dialled.onBroken(true);
    },
    stopReading: () => {
      accepted.pause();
    },
    goOnReading: () => {
      accepted.resume();
    },
    isHeldUp: () => accepted.bufferedBytes > 0,
    received: () => Buffer.concat(received),
  };
  const settle = (): Promise<void> => {
    world.run(world.nowUs + 1_000_000);
    if (world.finding !== null) throw new Error(world.finding.text);
    return Promise.resolve();
  };
  other.send(first);
  return Promise.resolve({ connection: dialled, other, settle });
});

connectionSuite('fake', (_t, first) => {
  const soon = new VirtualTimeScheduler();
  const connection = new FakeConnection('a test', soon);
  connection.receive(first);
  const settle = (): Promise<void> => {
    soon.flush();
    return Promise.resolve();
  };
  return Promise.resolve<ConnectedPair>({ connection, other: otherOf(connection), settle });
});

/** A listener for one connection. */
async function listen(t: ExecutionContext): Promise<{ port: number; accepted: Promise<Socket> }> {
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  t.teardown(async () => {
    (await accepted).destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, accepted };
}

function otherSocket(socket: Socket, first: Uint8Array): OtherSide {
  const received: Buffer[] = [];
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  socket.write(first);
  return {
    send: (bytes) => socket.write(bytes),
    end: () => socket.end(),
    reset: () => socket.resetAndDestroy(),
    stopReading: () => socket.pause(),
    goOnReading: () => socket.resume(),
    isHeldUp: () => socket.writableLength > 0,
    received: () => Buffer.concat(received),
  };
}

function otherOf(connection: FakeConnection): OtherSide {
  return {
    send: (bytes) => {
      connection.receive(bytes);
    },
    end: () => {
      connection.endReading();
    },
    reset: () => {
      connection.close();
    },
    stopReading: () => {
      connection.isStuck = true;
    },
    goOnReading: () => {
      connection.drain();
    },
    isHeldUp: () => connection.waitingBytes > 0,
    received: () => Buffer.concat(connection.written),
  };
}

/** A machine that nothing happens to. */
function hostOf(name: string, actor: Host['actor']): Host {
  return {
    name,
    rank: 0,
    isForeign: false,
    isPowered: true,
    listener: null,
    actor,
    lives: () => true,
    step: () => true,
  };
}
