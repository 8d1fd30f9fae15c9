/**
 * Limits that are there to catch what hangs. What a test shows must not depend on how fast the machine is, and one that
 * is busy with other work may be twenty times slower than it is alone.
 */

/** How long a test waits for one thing that has to happen. */
export const HANG_MS = 600_000;

/** For t.timeout, from one assertion to the next: longer, so that the test says what hangs. */
export const TEST_HANG_MS = HANG_MS + 60_000;
