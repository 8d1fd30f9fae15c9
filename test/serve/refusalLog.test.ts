/** How often a process, or a gateway, says that it refuses connections. */
import test from 'ava';
import { VirtualAction, VirtualTimeScheduler } from 'rxjs';
import { refusalLog } from '../../src/serve/refusalLog.js';
import type { Log } from '../../src/ports/log.js';

test('the first refusal is told at once, those that follow every five seconds, counted', (t) => {
  const clock = new VirtualTimeScheduler(VirtualAction, Infinity);
  const told: unknown[] = [];
  const log = { warn: (_: string, fields: unknown) => told.push(fields) } as unknown as Log;
  const refused = refusalLog({ places: 7, option: 'limits.connections', log, clock });
  for (let count = 0; count < 100; count += 1) clock.schedule(refused, count * 100);
  clock.flush();
  const same = { places: 7, option: 'limits.connections' };
  t.deepEqual(told, [
    { ...same, refused: 1 },
    { ...same, refused: 50 },
  ]);
});
