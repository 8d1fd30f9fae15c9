/**
 * Measures how the events of sectors can be serialised (docs/adr/0003-stripes.md): a fixed number of stripes, against
 * one group for each sector that is closed when it is idle and quiescent.
 *
 *     npm run build && node scripts/measure/stripes.mjs
 *
 * Every operation is four events of its sector, as in a process; `open` operations are under way at any time, on
 * sectors chosen at random. Prints microseconds per event, the best of three rounds.
 */
import { Subject, concatMap, filter, groupBy, mergeMap, take } from 'rxjs';
import { serializeByKey } from '../../dist/streams/serializeByKey.js';

const EVENTS_PER_OPERATION = 4;
const SECTORS = 1_000_000;

/** One group a sector; its worker closes it when the operation, and so its state, is over. */
function groupPerSector() {
  const closed$ = new Subject();
  const pending = new Map();
  const handle = (event) => {
    const left = (pending.get(event.sector) ?? 0) + event.delta;
    if (left > 0) pending.set(event.sector, left);
    else {
      pending.delete(event.sector);
      closed$.next(event.sector);
    }
    return [event];
  };
  const duration = (group$) =>
    closed$.pipe(
      filter((sector) => sector === group$.key),
      take(1),
    );
  return (event$) =>
    event$.pipe(
      groupBy((event) => event.sector, { duration }),
      mergeMap((group$) => group$.pipe(concatMap(handle))),
    );
}

function groupPerSectorForEver() {
  return serializeByKey({ keyOf: (event) => event.sector, handle: (event) => [event] });
}

function stripes(count) {
  return serializeByKey({ keyOf: (event) => event.sector % count, handle: (event) => [event] });
}

function round(operator, open, operations) {
  const event$ = new Subject();
  let handled = 0;
  event$.pipe(operator).subscribe(() => (handled += 1));
  let seed = 12345;
  const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648);
  const running = Array.from({ length: open }, () => null);
  const started = process.hrtime.bigint();
  for (let n = 0; n < operations * EVENTS_PER_OPERATION; n += 1) {
    const place = n % open;
    const now = running[place] ?? { sector: random() % SECTORS, left: EVENTS_PER_OPERATION };
    now.left -= 1;
    const delta = now.left === EVENTS_PER_OPERATION - 1 ? 1 : now.left === 0 ? -1 : 0;
    running[place] = now.left === 0 ? null : now;
    event$.next({ sector: now.sector, delta });
  }
  const took = Number(process.hrtime.bigint() - started) / 1000;
  if (handled === 0) throw new Error('nothing was handled');
  return took / (operations * EVENTS_PER_OPERATION);
}

const rows = [];
for (const open of [16, 256, 4096]) {
  const row = { 'operations under way': open };
  const measure = (name, make, operations) => {
    let best = Infinity;
    for (let n = 0; n < 3; n += 1) best = Math.min(best, round(make(), open, operations));
    row[name] = best.toFixed(2);
  };
  for (const count of [64, 256, 1024, 4096]) measure(`S = ${count}`, () => stripes(count), 100_000);
  measure('closed when quiescent', groupPerSector, open > 1000 ? 4_000 : 40_000);
  measure('never closed', groupPerSectorForEver, 40_000);
  rows.push(row);
}
console.log('microseconds per event');
console.table(rows);
