/** A peer that cannot be reached: what of it is told, and when. */
import test from 'ava';
import { AbsenceReports } from '../../streams/pipelines/repair/absence.js';

/** Seconds at which it is told, of an attempt each 100 ms. */
function toldWithin(absences: AbsenceReports, fromMs: number, seconds: number): number[] {
  const told: number[] = [];
  for (let ms = 0; ms < seconds * 1_000; ms += 100) {
    const sinceMs = absences.failed(2, fromMs + ms);
    if (sinceMs === null) continue;
    if (sinceMs !== fromMs) throw new Error(`since ${sinceMs}`);
    told.push(ms / 1_000);
  }
  return told;
}

test('after a while, then less and less often', (t) => {
  const absences = new AbsenceReports();
  t.deepEqual(toldWithin(absences, 5_000, 100), [2, 12, 32, 72]);
  const later = new AbsenceReports();
  const hours = toldWithin(later, 0, 7_200);
  t.deepEqual(hours.slice(-2), [hours[hours.length - 2], hours[hours.length - 2] + 600]);
});

test('who was reached meanwhile begins anew, and others are others', (t) => {
  const absences = new AbsenceReports();
  t.false(absences.reached(2));
  toldWithin(absences, 0, 1);
  t.false(absences.reached(2), 'a moment is not told of');
  toldWithin(absences, 10_000, 3);
  t.is(absences.failed(3, 13_000), null);
  t.true(absences.reached(2));
  t.deepEqual(toldWithin(absences, 20_000, 5), [2]);
});
