/** Unix sockets leave a file behind when their program is killed; it keeps the next one out. */
import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';

/** Removes the socket at that path if nobody listens there any more. Leaves all else alone. */
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
