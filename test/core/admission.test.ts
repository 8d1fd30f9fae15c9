import test from 'ava';
import type { Admission, AdmissionEvent, Load } from '../../src/core/admission.js';
import { ADMISSION_INITIAL, admit } from '../../src/core/admission.js';

const ROOM: Load = { isFull: false, isIdle: false };
const FULL: Load = { isFull: true, isIdle: false };
const IDLE: Load = { isFull: false, isIdle: true };

/** The effects of each event, one after the other. */
function effectsOf(...steps: [AdmissionEvent, Load][]): (string | null)[] {
  let state: Admission = ADMISSION_INITIAL;
  return steps.map(([event, load]) => {
    const [after, effect] = admit(state, event, load);
    state = after;
    return effect;
  });
}

test('a connection that is full is paused once, and read from again once there is room', (t) => {
  t.deepEqual(
    effectsOf(['entered', ROOM], ['entered', FULL], ['entered', FULL], ['handled', ROOM], ['drained', ROOM]),
    [null, 'pause', null, 'resume', null],
  );
});

test('one that has ended is ended once nothing of it is under way, and only once', (t) => {
  t.deepEqual(effectsOf(['ended', ROOM], ['handled', FULL], ['answered', IDLE], ['drained', IDLE]), [
    null,
    null,
    'end',
    null,
  ]);
  t.deepEqual(effectsOf(['ended', IDLE]), ['end'], 'at once');
  t.deepEqual(effectsOf(['ended', IDLE], ['entered', ROOM], ['handled', IDLE]), ['end', null, null]);
});

test('one that has ended while it was paused is not resumed', (t) => {
  t.deepEqual(effectsOf(['entered', FULL], ['ended', FULL], ['handled', ROOM], ['answered', IDLE]), [
    'pause',
    null,
    null,
    'end',
  ]);
});
