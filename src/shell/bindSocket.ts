/**
 * Binds the listening socket of a process. This is the first step after launch, before anything that takes time to
 * load, so this file needs nothing but node:net. Connections that come before `tcpServer` takes over are kept, and not
 * read.
 */
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { AtomicDiskError, describeError } from '../errors.js';
import { describeUser } from '../surroundings.js';
import type { SocketAccess } from './socketAccess.js';
import { bindWithAccess } from './socketAccess.js';

/** The most connections that the system completes on its own before the process takes them in. */
const LISTEN_BACKLOG = 1_024;

/** An address of TCP, or the path of a Unix socket and who may connect to it. */
export type ListenAddress =
  { readonly host: string; readonly port: number } | { readonly path: string; readonly access?: SocketAccess };

export type BindOptions = ListenAddress & {
  /** Connections kept at once before the takeover; more are refused. */
  readonly connections: number;
};

export interface BoundSocket {
  readonly server: Server;
  /** From now on connections go to `take`, the kept ones first. */
  takeOver(take: (socket: Socket) => void): void;
}

/** @throws {AtomicDiskError} ATDD_LISTEN_FAILED */
export function bindSocket(options: BindOptions): Promise<BoundSocket> {
  return new Promise((resolve, reject) => {
    let kept: Socket[] = [];
    let deliver = (socket: Socket): void => {
      if (kept.length >= options.connections) {
        socket.resetAndDestroy();
        return;
      }
      // An error without a listener would end the process.
      socket.on('error', () => socket.destroy());
      kept.push(socket);
    };
    // Half-open, because a client that has ended its half may still wait for answers.
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    server.on('connection', (socket) => {
      deliver(socket);
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(listenError(options, error));
    });
    const listening = (): void => {
      resolve({
        server,
        takeOver: (take) => {
          deliver = take;
          for (const socket of kept) if (!socket.destroyed) take(socket);
          kept = [];
        },
      });
    };
    try {
      listen(server, options, listening);
    } catch (error) {
      server.close();
      reject(listenError(options, error as NodeJS.ErrnoException));
    }
  });
}

/** Node binds the path of a Unix socket at once, and looks up a name of TCP first. */
function listen(server: Server, options: ListenAddress, listening: () => void): void {
  if (!('path' in options)) {
    const { host, port } = options;
    server.listen({ host, port, backlog: LISTEN_BACKLOG }, listening);
    return;
  }
  const { path, access = { mode: null, group: null } } = options;
  bindWithAccess(path, access, () => {
    server.listen({ path, backlog: LISTEN_BACKLOG }, listening);
  });
}

function listenError(address: ListenAddress, error: NodeJS.ErrnoException): Error {
  const why: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another program listens there already',
    EADDRNOTAVAIL: 'this machine does not have that address',
    ENOENT: 'there is no such folder',
    EACCES: `${describeUser()} may not listen there`,
    ENOTFOUND: 'there is no host of that name',
  };
  const reason = why[error.code ?? ''] ?? describeError(error);
  const where = 'path' in address ? address.path : `${address.host}:${address.port}`;
  const text = `cannot listen on ${where}: ${reason}`;
  return new AtomicDiskError('ATDD_LISTEN_FAILED', text, { cause: error });
}
