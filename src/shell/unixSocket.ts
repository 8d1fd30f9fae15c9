/** A Unix socket leaves its file behind when its program is killed, and the next program cannot bind the path then. */
import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';

/** Removes the socket at that path if no program listens there any more. Leaves anything else alone. */
export async function removeStaleSocket(path: string): Promise<void> {
  const status = await lstat(path).catch(() => null);
  if (status?.isSocket() === true && !(await isListening(path))) await unlink(path);
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code !== 'ECONNREFUSED');
    });
  });
}
