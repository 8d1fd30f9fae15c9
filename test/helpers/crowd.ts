/**
 * A program that crowds a process: `node crowd.js PORT IDLE SLOW CHURNING HELLO` opens IDLE connections that do nothing
 * but say HELLO (bytes in hexadecimal), keeps SLOW ones that send a WRITE's bytes one per second, opened again when
 * they are closed, and CHURNING ones that it closes itself as soon as they stand, now in one way, now in another. Every
 * 200 ms it prints what it did, as a line of JSON. It ends with its standard input.
 *
 * A program of its own, since a test could not hold that many connections within its own limit.
 */
import net from 'node:net';

export interface CrowdReport {
  /** Connections that were made so far. */
  connected: number;
  /** Attempts that failed at once. */
  refused: number;
  /** Connections that the process closed. */
  closed: number;
}

const CONCURRENT_ATTEMPTS_MAX = 50;

interface Orders {
  readonly port: number;
  readonly idleCount: number;
  readonly slowCount: number;
  readonly churningCount: number;
  readonly hello: Buffer;
}

function crowd({ port, idleCount, slowCount, churningCount, hello }: Orders): void {
  const report: CrowdReport = { connected: 0, refused: 0, closed: 0 };

  const open = (onConnect: (socket: net.Socket) => void, onEnd: () => void): void => {
    let isConnected = false;
    const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    socket.on('connect', () => {
      isConnected = true;
      report.connected += 1;
      onConnect(socket);
    });
    socket.on('error', () => {
      // 'close' follows and is counted.
    });
    socket.on('close', () => {
      if (isConnected) report.closed += 1;
      else report.refused += 1;
      onEnd();
    });
    socket.resume();
  };

  let idleLeft = idleCount;
  const openIdle = (): void => {
    if (idleLeft === 0) return;
    idleLeft -= 1;
    let hasMovedOn = false;
    const moveOn = (): void => {
      if (!hasMovedOn) setImmediate(openIdle);
      hasMovedOn = true;
    };
    open((socket) => {
      if (hello.length > 0) socket.write(hello);
      moveOn();
    }, moveOn);
  };
  for (let lane = 0; lane < CONCURRENT_ATTEMPTS_MAX; lane += 1) openIdle();

  // The beginning of a WRITE, whose end never comes.
  const bytes = Buffer.concat([Buffer.from('atdd\0\0\0\x02', 'latin1'), Buffer.alloc(4_144, 1)]);
  const keepSending = (): void => {
    let timer: NodeJS.Timeout | undefined;
    let at = 0;
    open(
      (socket) => {
        timer = setInterval(() => {
          socket.write(bytes.subarray(at, at + 1));
          at = (at + 1) % bytes.length;
        }, 1_000);
      },
      () => {
        clearInterval(timer);
        setTimeout(keepSending, 500);
      },
    );
  };
  for (let lane = 0; lane < slowCount; lane += 1) keepSending();

  // Closed before anything was sent, after half a message, with a reset, with half of it left open.
  const endings: readonly ((socket: net.Socket) => void)[] = [
    (socket) => socket.destroy(),
    reset,
    (socket) =>
      socket.write(bytes.subarray(0, 2_000), () => {
        reset(socket);
      }),
    (socket) => {
      socket.end(bytes.subarray(0, 5));
      setTimeout(() => socket.destroy(), 100);
    },
  ];
  let churned = 0;
  const churn = (): void => {
    churned += 1;
    open(endings[churned % endings.length], () => setImmediate(churn));
  };
  for (let lane = 0; lane < churningCount; lane += 1) churn();

  setInterval(() => process.stdout.write(`${JSON.stringify(report)}\n`), 200);
}

/** A socket that is just being shut down cannot be reset: Node would never say that it is gone. */
export function reset(socket: net.Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

if (process.argv.length === 7) {
  const [port, idleCount, slowCount, churningCount] = process.argv.slice(2, 6).map(Number);
  process.stdin.on('end', () => process.exit(0)).resume();
  const hello = Buffer.from(process.argv[6], 'hex');
  crowd({ port, idleCount, slowCount, churningCount, hello });
}
