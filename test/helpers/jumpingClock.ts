/**
 * To be loaded into a process before anything else (`node --import`): sets its time of day back and forth by up to a
 * day, several times a second, as an administrator or a broken NTP server would. What JavaScript can ask for is
 * changed, Date; performance.now() and timers are not, as they would not be. Writes a line to standard error with the
 * first jump.
 */
import { chooseSeed, dice } from './seed.js';

const JUMP_MS_MAX = 86_400_000;
const BETWEEN_MS = 150;

const RealDate = Date;
let offsetMs = 0;

class JumpingDate extends RealDate {
  constructor(...values: [] | [number | string | Date]) {
    if (values.length === 0) super(RealDate.now() + offsetMs);
    else super(values[0]);
  }

  static override now(): number {
    return RealDate.now() + offsetMs;
  }
}

globalThis.Date = JumpingDate as DateConstructor;

const random = dice(chooseSeed());
let jumpCount = 0;
setInterval(() => {
  offsetMs = random.below(2 * JUMP_MS_MAX) - JUMP_MS_MAX;
  jumpCount += 1;
  if (jumpCount === 1) process.stderr.write('the time of day jumps\n');
}, BETWEEN_MS).unref();
