/** Standard input and output. They may fail like any file: for example the reader goes away, or the disk is full. */
import { constants, fstatSync, readFileSync, readlinkSync, write } from 'node:fs';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';
import { AtomicDiskError } from '../errors.js';
import { EXIT_BROKEN_PIPE } from '../exitCodes.js';
import { describeFileError } from './fileError.js';

const STDIN = 0;
const STDOUT = 1;

const { O_RDWR } = constants;

/**
 * Writes data to standard output. Resolves when all of it is written, which may take long for a pipe.
 * @throws {AtomicDiskError} ATDD_FILE_FAILED if not all of it can be written. If the reader has closed the pipe, the
 *   program ends without a message.
 */
export async function writeStdout(data: Uint8Array | string): Promise<void> {
  try {
    await (isStream() ? writeToStream(data) : writeToFile(Buffer.from(data)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(EXIT_BROKEN_PIPE);
    throw failed('standard output', error);
  }
}

/**
 * Checks that a standard stream is open. If a program is started with a closed one (`>&-`), Node opens /dev/null for
 * reading and writing in its place, and data would be lost without a message. The `> /dev/null` of a shell is opened
 * for writing only, and is allowed.
 * @throws {AtomicDiskError} ATDD_FILE_FAILED
 */
export function assertStandardStream(which: 'input' | 'output'): void {
  const descriptor = which === 'input' ? STDIN : STDOUT;
  if (!isPlaceholder(descriptor)) return;
  const text = `standard ${which} is closed (or /dev/null, opened for reading and writing)`;
  throw new AtomicDiskError('ATDD_FILE_FAILED', text);
}

function isPlaceholder(descriptor: number): boolean {
  try {
    if (readlinkSync(`/proc/self/fd/${descriptor}`) !== '/dev/null') return false;
    const info = readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1');
    const flags = /^flags:\s+([0-7]+)$/m.exec(info)?.[1] ?? '0';
    return (Number.parseInt(flags, 8) & 3) === O_RDWR;
  } catch {
    // Only Linux shows how a descriptor was opened.
    return false;
  }
}

/** All of standard input, in pieces of any length. @throws {AtomicDiskError} ATDD_FILE_FAILED */
export async function* readStdin(): AsyncGenerator<Buffer, void> {
  try {
    yield* process.stdin as AsyncIterable<Buffer>;
  } catch (error) {
    throw failed('standard input', error);
  }
}

/** Whether process.stdout writes all data and reports every error. */
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
 * process.stdout writes to a file once and does not check how much was written, which is not all if the disk fills up.
 * For a block device it drops the data.
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
