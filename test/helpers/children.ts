/**
 * No program that a test has started outlives the tests. A teardown ends it when the test is over; this is for tests
 * that never are: AVA ends the process of a file with SIGTERM when it has waited too long, or was interrupted, and then
 * nothing of a test runs any more. If AVA itself is killed its connection to this process ends.
 */
import type { ChildProcess } from 'node:child_process';

const alive = new Set<ChildProcess>();

process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});
for (const [signal, number] of [
  ['SIGHUP', 1],
  ['SIGTERM', 15],
] as const) {
  process.once(signal, () => {
    process.exit(128 + number);
  });
}

process.once('disconnect', () => {
  process.exit();
});

/** Kills the program, by its pid, when this process ends, unless it has ended by then. */
export function endsWithTests<Child extends ChildProcess>(child: Child): Child {
  alive.add(child);
  const forget = (): void => void alive.delete(child);
  child.once('exit', forget);
  child.once('error', forget);
  return child;
}
