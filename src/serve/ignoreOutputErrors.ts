/**
 * Whoever reads what is shown may go away (`| head`): that alone ends nothing. Without this, an error of these streams
 * ends the program with a stack trace, also one that `writeStdout` reports.
 */
export function ignoreOutputErrors(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}
