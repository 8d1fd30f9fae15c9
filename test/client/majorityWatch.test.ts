/** What is said of operations that stand still, and when. */
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { Observable } from 'rxjs';
import { VirtualTimeScheduler, map } from 'rxjs';
import type { MajorityNews, Trouble } from '../../src/client/majorityWatch.js';
import { watchMajority } from '../../src/client/majorityWatch.js';
import { WRONG_TAGS } from '../../src/client/link.js';

interface World {
  troubles: Trouble[];
  isWaiting: boolean;
  answers: number;
}

/** Follows it in virtual time; `at` changes the world at seconds. */
async function follow(
  world: World,
  seconds: number,
  at: Readonly<Record<number, Partial<World>>> = {},
): Promise<string[]> {
  const scheduler = new VirtualTimeScheduler(undefined, Infinity);
  const said: string[] = [];
  const news$: Observable<MajorityNews> = watchMajority({
    ranks: [1, 2, 3],
    isWaiting: () => world.isWaiting,
    answers: () => world.answers,
    ask: (rank) => Promise.resolve(world.troubles[rank - 1]),
    scheduler,
  });
  const subscription = news$
    .pipe(map((news) => (news.kind === 'moves' ? 'moves' : news.text)))
    .subscribe((text) => said.push(`${Math.floor(scheduler.now() / 1_000)}: ${text}`));
  for (let ms = 0; ms < seconds * 1_000; ms += 250) {
    Object.assign(world, at[ms / 1_000]);
    scheduler.maxFrames = ms;
    scheduler.flush();
    // What was asked is answered between two looks.
    await new Promise(setImmediate);
  }
  subscription.unsubscribe();
  return said;
}

const DOWN = 'connect ECONNREFUSED';
const stuck = (t: ExecutionContext, troubles: Trouble[], answers = 1): World => {
  t.is(troubles.length, 3);
  return { troubles, isWaiting: true, answers };
};

test('said after a few seconds, again now and then, and when it moves', async (t) => {
  const said = await follow(stuck(t, [null, DOWN, DOWN]), 42, { 40: { answers: 2 } });
  const waiting = 'waiting for a majority: 1 of 3 processes answers';
  t.deepEqual(said, [`3: ${waiting}`, `33: ${waiting}`, '40: moves']);
});

test('nothing is said of what moves, or of nobody who waits', async (t) => {
  const moves = Object.fromEntries(Array.from({ length: 10 }, (_, at) => [2 * at, { answers: at }]));
  t.deepEqual(await follow(stuck(t, [DOWN, DOWN, DOWN]), 20, moves), []);
  const idle = { ...stuck(t, [DOWN, DOWN, DOWN]), isWaiting: false };
  t.deepEqual(await follow(idle, 20), []);
});

test('processes that are there and do not answer are told of as that', async (t) => {
  const [said] = await follow(stuck(t, [null, null, DOWN]), 5);
  t.regex(said, /^3: waiting: 2 of 3 processes answer, but not what was asked/);
});

test('another client key, if a majority says so and nobody ever answered', async (t) => {
  const wrong = /^3: 2 of 3 processes answer with wrong tags: their client key is another one/;
  t.regex((await follow(stuck(t, [WRONG_TAGS, DOWN, WRONG_TAGS], 0), 5))[0], wrong);
  t.notRegex((await follow(stuck(t, [WRONG_TAGS, DOWN, DOWN], 0), 5))[0], wrong);
  t.notRegex((await follow(stuck(t, [WRONG_TAGS, DOWN, WRONG_TAGS], 1), 5))[0], wrong);
});
