/**
 * The reader of the output may go away (`| head`); that alone does not end the program. Without this, an error of these
 * streams ends it with a stack trace, even an error that `writeStdout` reports.
 */
export function ignoreOutputErrors(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}
