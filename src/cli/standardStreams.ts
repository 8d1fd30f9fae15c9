/** Standard input and output, which may fail like any file: a reader goes away, a disk is full. */
import { fstatSync, write } from 'node:fs';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';
import { AtomicDiskError } from '../errors.js';
import { describeFileError } from './fileError.js';

const STDOUT = 1;

/** What SIGPIPE gives. */
const EXIT_BROKEN_PIPE = 141;

/**
 * Whoever reads what is shown may go away (`| head`): that alone ends nothing. Without this, an
 * error of these streams ends the program with a stack trace, also one that `writeStdout` reports.
 */
export function ignoreOutputErrors(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

/**
 * Writes data to standard output and waits until it is taken: a pipe may be slow.
 * @throws {AtomicDiskError} ATDD_FILE_FAILED if not all of it is. If the reader has seen enough,
 * the program ends: no news to anybody.
 */
export async function writeStdout(data: Uint8Array | string): Promise<void> {
  try {
    await (isStream() ? writeToStream(data) : writeToFile(Buffer.from(data)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(EXIT_BROKEN_PIPE);
    throw failed('standard output', error);
  }
}

/** All of standard input, piece by piece. @throws {AtomicDiskError} ATDD_FILE_FAILED */
export async function* readStdin(): AsyncGenerator<Buffer, void> {
  try {
    yield* process.stdin as AsyncIterable<Buffer>;
  } catch (error) {
    throw failed('standard input', error);
  }
}

/** Whether process.stdout can be trusted. */
function isStream(): boolean {
  const stat = fstatSync(STDOUT);
  return stat.isFIFO() || stat.isSocket() || isatty(STDOUT);
}

function writeToStream(data: Uint8Array | string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(data, (error) => {
      if (error == null) resolve();
      else reject(error);
    });
  });
}

/**
 * Into a file process.stdout writes once and does not look how much was taken, which is not all if
 * the disk fills up; and it drops what is meant for a block device.
 */
async function writeToFile(data: Uint8Array): Promise<void> {
  for (let at = 0; at < data.length;) {
    const { bytesWritten } = await writeOnce(STDOUT, data, at, data.length - at, null);
    at += bytesWritten;
  }
}

const writeOnce = promisify(write);

function failed(name: string, error: unknown): AtomicDiskError {
  return new AtomicDiskError('ATDD_FILE_FAILED', describeFileError(name, error), { cause: error });
}
