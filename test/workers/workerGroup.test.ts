/** What the main thread is told by its workers, and tells them. */
import test from 'ava';
import { EMPTY, NEVER, Subject, VirtualTimeScheduler } from 'rxjs';
import { AtomicDiskError } from '../../src/errors.js';
import type { Log } from '../../src/ports/log.js';
import type { ShardProcess } from '../../src/workers/startWorker.js';
import { startWorker, workerLog } from '../../src/workers/startWorker.js';
import { WorkerGroup } from '../../src/workers/workerGroup.js';
import type { FromWorker, ToWorker } from '../../src/workers/workerMessages.js';
import { failureOf } from '../../src/workers/workerMessages.js';
import { systemTagger } from './threads.js';

function quietLog(lines: string[]): Log {
  const at =
    (level: string) =>
    (message: string, fields: object = {}): void => {
      lines.push(`${level}: ${message} ${JSON.stringify(fields)}`);
    };
  return { debugEnabled: false, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function groupOf(workers: number) {
  const posted: [number, ToWorker][] = [];
  const lines: string[] = [];
  const group = new WorkerGroup({
    workers,
    post: (shard, message) => posted.push([shard, message]),
    log: quietLog(lines),
  });
  return { group, posted, lines };
}

test('a milestone is reached when every worker has come to it, also for those who ask later', (t) => {
  const { group } = groupOf(2);
  const seen: string[] = [];
  group.ready$.subscribe(() => seen.push(`ready, ${group.sectors} sectors`));
  group.receive(1, { kind: 'ready', sectors: 3 });
  t.deepEqual(seen, []);
  group.receive(0, { kind: 'ready', sectors: 4 });
  t.deepEqual(seen, ['ready, 7 sectors']);
  group.ready$.subscribe(() => seen.push('ready still'));
  t.deepEqual(seen, ['ready, 7 sectors', 'ready still']);
  t.false(group.isClosed);
});

test('a worker that comes to something twice is a broken invariant', (t) => {
  const { group } = groupOf(1);
  group.receive(0, { kind: 'closed' });
  t.true(group.isClosed);
  t.throws(() => {
    group.receive(0, { kind: 'closed' });
  });
});

test('the process fails with the error that its worker had: code, text, stack', (t) => {
  const { group } = groupOf(2);
  const errors: unknown[] = [];
  group.failed$.subscribe((error) => errors.push(error));
  const unforeseen = new Error('never to happen');
  group.receive(1, failureOf(new AtomicDiskError('ATDD_STORE_FAILED', 'EIO')));
  group.receive(0, failureOf(unforeseen));
  const [first, second] = errors;
  t.true(first instanceof AtomicDiskError && first.code === 'ATDD_STORE_FAILED' && first.message === 'EIO');
  t.true(second instanceof Error && !(second instanceof AtomicDiskError));
  t.is((second as Error).stack, unforeseen.stack);
});

test('what a worker logs is logged with its number', (t) => {
  const { group, lines } = groupOf(2);
  const log = workerLog((message) => {
    group.receive(1, message);
  }, false);
  log.warn('a sector is damaged', { sector: 5 });
  t.deepEqual(lines, ['warn: a sector is damaged {"sector":5,"shard":1}']);
});

/** A worker whose process and store end when the test says so. */
function workerOf(more: Partial<ShardProcess> = {}) {
  const said: FromWorker[] = [];
  const processClosed = new Subject<never>();
  const storeClosed = new Subject<never>();
  const turn = new VirtualTimeScheduler();
  const post = (message: FromWorker): void => {
    said.push(message);
  };
  const worker = startWorker({
    rank: 1,
    shard: { index: 0, count: 2 },
    systemTagger,
    store: { stats: () => ({ writtenCount: 9 }), close: () => storeClosed },
    dial: () => NEVER,
    start: () => ({
      failure$: NEVER,
      ready$: EMPTY,
      inquire: () => {
        throw new Error('nobody asks');
      },
      close: () => processClosed,
      ...more,
    }),
    post,
    log: workerLog(post, false),
    turn,
    soon: turn,
  });
  return { worker, said, processClosed, storeClosed };
}

test('a worker closes its store after its process, and tells of both', (t) => {
  const { worker, said, processClosed, storeClosed } = workerOf();
  t.deepEqual(said, [{ kind: 'ready', sectors: 9 }]);
  worker.receive({ kind: 'close' });
  t.is(said.length, 1);
  t.false(storeClosed.observed);
  processClosed.complete();
  t.deepEqual(said.at(-1), { kind: 'finished' });
  t.true(storeClosed.observed);
  storeClosed.complete();
  t.deepEqual(said.at(-1), { kind: 'closed' });
});

test('a store that cannot be closed is a failure', (t) => {
  const { worker, said, processClosed, storeClosed } = workerOf();
  worker.receive({ kind: 'close' });
  processClosed.complete();
  storeClosed.error(new AtomicDiskError('ATDD_STORE_FAILED', 'EIO'));
  const last = said.at(-1);
  t.true(last?.kind === 'failed' && last.code === 'ATDD_STORE_FAILED');
});
