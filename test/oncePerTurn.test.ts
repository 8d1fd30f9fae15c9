import test from 'ava';
import { VirtualTimeScheduler } from 'rxjs';
import { oncePerTurn } from '../src/oncePerTurn.js';

test('a task runs once at the end of the turn, however often it was asked for, and again in the next', (t) => {
  const turn = new VirtualTimeScheduler();
  let runs = 0;
  const ask = oncePerTurn(turn, () => {
    runs += 1;
  });
  ask();
  ask();
  t.is(runs, 0);
  turn.flush();
  t.is(runs, 1);
  ask();
  turn.flush();
  t.is(runs, 2);
});

test('a task that asks for itself runs again, in a turn of its own', (t) => {
  const turn = new VirtualTimeScheduler();
  let runs = 0;
  const ask = oncePerTurn(turn, () => {
    runs += 1;
    if (runs < 3) ask();
  });
  ask();
  turn.flush();
  t.is(runs, 3);
});
