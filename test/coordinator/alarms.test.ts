import test from 'ava';
import { VirtualAction, VirtualTimeScheduler } from 'rxjs';
import { Alarms } from '../../src/coordinator/alarms.js';
import { Deadlines } from '../../src/coordinator/deadlines.js';
import { dice } from '../helpers/seed.js';

function world() {
  const scheduler = new VirtualTimeScheduler(VirtualAction, Infinity);
  const alarms = new Alarms(scheduler);
  const rung: [string, number][] = [];
  const ring = (name: string) => () => {
    rung.push([name, scheduler.now()]);
  };
  return { scheduler, alarms, rung, ring };
}

test('alarms ring when they are due, in order, those of one instant as they were set', (t) => {
  const { scheduler, alarms, rung, ring } = world();
  const { below } = dice(3);
  const delays = Array.from({ length: 200 }, (_, index) => [below(50), index] as const);
  for (const [delay, index] of delays) alarms.after(delay, ring(`${index}`));
  scheduler.flush();
  const expected = delays.toSorted(([a, i], [b, j]) => a - b || i - j);
  t.deepEqual(
    rung,
    expected.map(([delay, index]): [string, number] => [`${index}`, delay]),
  );
});

test('an alarm may set another, which may be due before all others', (t) => {
  const { scheduler, alarms, rung, ring } = world();
  alarms.after(10, ring('late'));
  alarms.after(2, () => {
    ring('first')();
    alarms.after(3, ring('inner'));
  });
  scheduler.flush();
  t.deepEqual(rung, [
    ['first', 2],
    ['inner', 5],
    ['late', 10],
  ]);
});

test('nothing rings after clear, and the scheduler has nothing left', (t) => {
  const { scheduler, alarms, rung, ring } = world();
  alarms.after(10, ring('never'));
  alarms.clear();
  scheduler.flush();
  t.deepEqual(rung, []);
  alarms.after(1, ring('later'));
  scheduler.flush();
  t.is(rung.length, 1);
});

test('deadlines: each item after the same delay, unless it is taken out', (t) => {
  const { scheduler, alarms } = world();
  const due: [string, number][] = [];
  const deadlines = new Deadlines<string>(alarms, 10, (item) => {
    due.push([item, scheduler.now()]);
  });
  deadlines.add('a');
  alarms.after(4, () => {
    deadlines.add('b');
    deadlines.add('c');
  });
  alarms.after(6, () => {
    t.true(deadlines.delete('b'));
    t.is(deadlines.first, 'a');
  });
  alarms.after(30, () => {
    t.is(deadlines.first, undefined);
    deadlines.add('d');
  });
  scheduler.flush();
  t.deepEqual(due, [
    ['a', 10],
    ['c', 14],
    ['d', 40],
  ]);
  t.is(deadlines.size, 0);
  t.false(deadlines.delete('a'));
});
