/** What is concluded from the answers of the processes, and how it is shown. */
import test from 'ava';
import type { Observable, SchedulerLike } from 'rxjs';
import { asyncScheduler, defer, map, timer } from 'rxjs';
import type { ClusterStatus, ProcessStatus } from '../../../src/cli/health/clusterStatus.js';
import { describeStatus } from '../../../src/cli/health/describeStatus.js';
import { WRONG_TAGS } from '../../../src/client/link.js';
import { disagreementsOf, redundancyOf, sectorsToGo } from '../../../src/cli/health/redundancy.js';
import { checkReport } from '../../../src/cli/health/reportFields.js';
import { newCounters } from '../../../src/core/counters.js';
import { untilFull } from '../../../src/cli/health/untilFull.js';
import type { StatusReport } from '../../../streams/pipelines/status/statusReport.js';
import { textOfReport } from '../../../streams/pipelines/status/statusReport.js';
import { marbles } from '../../helpers/marbles.js';
import { downProcess, processOf, reportOf, SCRUB, SECTORS, statusOf } from './statusMaking.js';

/** The third process of three tells this; the others are well. */
const third = (changes: Partial<StatusReport>): ProcessStatus[] => [processOf(1), processOf(2), processOf(3, changes)];
const redundancyFor = (processes: readonly ProcessStatus[]) =>
  redundancyOf(processes, disagreementsOf(processes, SECTORS));
const rebuild = { taken: 12, total: 40, isEnough: true };

const REDUCED: readonly { title: string; processes: ProcessStatus[]; reasons: string[] }[] = [
  {
    title: 'a process is down',
    processes: [processOf(1, { connected: [2] }), processOf(2, { connected: [1], missed: { 3: 17 } }), downProcess(3)],
    reasons: ['process 2 knows of 17 sectors that process 3 has missed', 'process 3 is down (refused)'],
  },
  {
    title: 'a process is foreign',
    processes: [
      processOf(1),
      { ...processOf(2), report: null, reportTrouble: 'connected, but no answer' },
      processOf(3),
    ],
    reasons: ['process 2 does not tell (connected, but no answer)'],
  },
  {
    title: 'a process is fresh',
    processes: third({ standing: 'fresh' }),
    reasons: ['process 3 is fresh: not a member yet'],
  },
  {
    title: 'a process is joining',
    processes: third({ standing: 'joining', rebuild }),
    reasons: ['process 3 is joining (12 of 40 sectors taken in)'],
  },
  {
    title: 'a joining process waits for members',
    processes: [
      processOf(1),
      processOf(2, { connected: [1] }),
      processOf(3, {
        standing: 'joining',
        rebuild: { ...rebuild, isEnough: false },
        connected: [1],
      }),
    ],
    reasons: [
      'process 2 has no connection to process 3',
      'process 3 is joining (12 of 40 sectors taken in, waits for 1 more member)',
      'process 3 has no connection to process 2',
    ],
  },
  {
    title: 'writes were missed, more than fit on record',
    processes: third({ missed: { 1: 1 }, missedMore: true }),
    reasons: [
      'process 3 knows of 1 sector that process 1 has missed',
      'process 3 has lost count of what others have missed: a scrub finds it',
    ],
  },
  {
    title: 'sectors are damaged',
    processes: third({ damaged: 2, scrub: { ...SCRUB, damaged: 5 } }),
    reasons: ['2 damaged sectors in process 3 (its scrub found 5)'],
  },
  {
    title: 'a process takes itself for another one',
    processes: third({ rank: 2, processes: 5 }),
    reasons: ['process 3 of 3 says that it is process 2 of 5: the configurations differ'],
  },
  {
    title: 'a process has another size of the disk',
    processes: third({ sectors: 512 }),
    reasons: [
      'the configurations differ in sectors: 1024 in the configuration here, process 1, ' +
        'process 2; 512 in process 3',
    ],
  },
  {
    title: 'a member has another system key',
    processes: third({ badTags: { '10.0.0.2': 12, 'fe80::1': 1 } }),
    reasons: [
      'process 3 has got messages with wrong tags from 10.0.0.2 (12), fe80::1 (1): if a member ' +
        'runs there, its system key is another one',
    ],
  },
  {
    title: 'a process has another client key',
    processes: [processOf(1), processOf(2), { ...downProcess(3), trouble: WRONG_TAGS }],
    reasons: [`process 3: ${WRONG_TAGS}`],
  },
];

test('the redundancy is full when nothing is amiss, even if a scrub runs', (t) => {
  const scrub = { ...SCRUB, isRunning: true, damaged: 1, behind: 3 };
  t.deepEqual(redundancyFor(third({ healed: 1, scrub })), {
    full: true,
    settled: true,
    reasons: [],
  });
  const alone = { processes: 1, connected: [] };
  t.true(redundancyFor([processOf(1, alone)]).full);
});

for (const { title, processes, reasons } of REDUCED) {
  test(`the redundancy is reduced: ${title}`, (t) => {
    t.like(redundancyFor(processes), { full: false, reasons });
  });
}

test('what somebody has to change in a configuration keeps nobody waiting for copies', (t) => {
  t.like(redundancyFor(third({ sectors: 512 })), { full: false, settled: true });
  t.like(redundancyFor(third({ sectors: 512, missed: { 1: 2 } })), { settled: false });
});

test('a joining process with nobody lacks as many members as it needs', (t) => {
  const lonely = processOf(3, {
    standing: 'joining',
    rebuild: { taken: 0, total: 0, isEnough: false },
    connected: [],
  });
  const { reasons } = redundancyFor([downProcess(1), downProcess(2), lonely]);
  t.is(reasons[2], 'process 3 is joining (waits for 2 more members)');
  const begins = third({ standing: 'joining', rebuild: { taken: 0, total: 0, isEnough: true } });
  t.deepEqual(redundancyFor(begins).reasons, ['process 3 is joining']);
});

test('sectors that are yet to be copied', (t) => {
  const joining = processOf(3, { standing: 'joining', rebuild });
  const behind = processOf(1, { missed: { 2: 5, 3: 2 }, damaged: 1 });
  t.is(sectorsToGo([behind, downProcess(2), joining]), 5 + 2 + 1 + 28);
});

test('the table of the status', (t) => {
  const processes = [
    processOf(1, { missed: { 2: 7 }, healed: 1, scrub: { ...SCRUB, passes: 1 } }),
    downProcess(2),
    processOf(3, {
      standing: 'joining',
      rebuild,
      scrub: { ...SCRUB, isRunning: true, position: 640, passes: 2 },
      connected: [1],
    }),
    { ...processOf(4), report: null, reportTrouble: 'connected, but no answer' },
  ];
  const redundancy = { full: false, settled: false, reasons: ['one', 'another'] };
  const status = { ...statusOf(processes), quorum: false, readLatencyMs: null, redundancy };
  t.is(
    describeStatus(status, null),
    [
      'rank  address         reachable  latency  written  damaged  healed  missed by  ' + 'scrub             standing',
      '1     127.0.0.1:7101  yes        0.80 ms  40       0        1       2 (7)      ' + '1 pass            member',
      '2     127.0.0.1:7102  no         refused',
      '3     127.0.0.1:7103  yes        0.80 ms  40       0        0       -          ' +
        'at 640, 2 passes  joining: 12 of 40 sectors taken in',
      '4     127.0.0.1:7104  yes        0.80 ms  does not tell: connected, but no answer',
      'No majority answers: reads and writes wait.',
      'redundancy: reduced: one; another',
      '',
    ].join('\n'),
  );
  const full = describeStatus(statusOf([1, 2, 3].map((rank) => processOf(rank))), 12_300);
  t.regex(full, /\nA majority answers: a read takes 2\.00 ms\.\nredundancy: full, after 12 s\n$/);
});

test('a report is taken as it is, and what is not known in it is left out', (t) => {
  const told = { sectors: 9, badTags: { '::1': 2 } };
  const report = reportOf(1, { missed: { 254: 3 }, rebuild, start: '0123456789abcdef', ...told });
  const text = JSON.stringify({ ...report, scrub: { ...SCRUB, more: 1 }, weather: 'fine' });
  t.deepEqual(checkReport(text), { kind: 'report', report });
});

test('a report that would be too long is sent without its counters', (t) => {
  const counters = newCounters();
  t.deepEqual(JSON.parse(textOfReport(reportOf(1, { counters }))), reportOf(1, { counters }));
  const missed = Object.fromEntries(Array.from({ length: 254 }, (_, rank) => [rank, 10_000_000]));
  const text = textOfReport(reportOf(1, { counters, missed }));
  t.deepEqual(JSON.parse(text), reportOf(1, { missed }));
  t.true(text.length <= 4_096);
});

test('a report with counters is taken with them', (t) => {
  const report = reportOf(1, { counters: { ...newCounters(), tagsMade: 7 } });
  t.deepEqual(checkReport(JSON.stringify(report)), { kind: 'report', report });
});

const UNREADABLE: readonly (readonly [unknown, string])[] = [
  [{ ...reportOf(1), written: -1 }, 'written is -1, expected a whole number from 0 up'],
  [{ ...reportOf(1), rank: 255 }, 'rank is 255, expected a whole number from 1 to 254'],
  [{ ...reportOf(1), rank: 1.5 }, 'rank is 1.5, expected a whole number from 1 to 254'],
  [{ ...reportOf(1), standing: 'guest' }, 'standing is "guest", expected one of fresh, joining, member'],
  [{ ...reportOf(1), missed: { x: 1 } }, 'missed.x is "x", expected a rank'],
  [{ ...reportOf(1), missed: { 2: 'many' } }, 'missed.2 is "many", expected a whole number from 0 up'],
  [{ ...reportOf(1), connected: [0] }, 'connected.0 is 0, expected a whole number from 1 to 254'],
  [{ ...reportOf(1), start: 'sixteen' }, 'start is "sixteen", expected hexadecimal digits'],
  [{ ...reportOf(1), start: 16 }, 'start is 16, expected hexadecimal digits'],
  [{ ...reportOf(1), rebuild: 7 }, 'rebuild is 7, expected an object'],
  [{ ...reportOf(1), scrub: undefined }, 'scrub is missing'],
  [[], 'rank is missing'],
  [null, 'all of it is null, expected an object'],
];

test('a report that is none is told by what is wrong with it', (t) => {
  for (const [value, why] of UNREADABLE) {
    const trouble = `its report cannot be read: ${why}`;
    t.deepEqual(checkReport(JSON.stringify(value)), { kind: 'unreadable', trouble });
  }
});

test('what is shown of a report does nothing to a terminal, and is short', (t) => {
  const long = checkReport(`\u001b[2J${'x'.repeat(4_000)}`);
  t.is(long.kind, 'unreadable');
  t.regex(JSON.stringify(long), /begins with [^\u0080-\uffff]{1,60}…, expected JSON"/);
  const sly = checkReport(JSON.stringify({ ...reportOf(1), standing: '\u009b2J' }));
  t.regex(JSON.stringify(sly), /standing is \\"\?2J\\", expected/);
});

const full = statusOf([1, 2, 3].map((rank) => processOf(rank)));
const missing = (count: number): ClusterStatus => statusOf(third({ missed: { 1: count } }));

/** Emits after two milliseconds, each time what comes next. */
function looksOf(time: SchedulerLike, ...looks: ClusterStatus[]): Observable<ClusterStatus> {
  return defer(() => timer(2, time).pipe(map(() => looks.shift() ?? full)));
}

const missedBy1 = (count: number): string => `process 3 knows of ${count} sectors that process 1 has missed`;

test('it is looked until the redundancy is full', marbles, ({ expectObservable }) => {
  const status$ = looksOf(asyncScheduler, missing(10), missing(4), missing(6));
  const options = { status$, waitMs: 1_000, pauseMs: 10, scheduler: asyncScheduler };
  const shown$ = untilFull(options).pipe(map(({ waitedMs, sectors }) => ({ waitedMs, ...sectors })));
  // More is missed meanwhile: what was done stays done.
  expectObservable(shown$).toBe('--a 11ms b 11ms c 11ms (d|)', {
    a: { waitedMs: 2, done: 0, total: 10, remark: missedBy1(10) },
    b: { waitedMs: 14, done: 6, total: 10, remark: missedBy1(4) },
    c: { waitedMs: 26, done: 6, total: 12, remark: missedBy1(6) },
    d: { waitedMs: 38, done: 12, total: 12, remark: 'full' },
  });
});

test('it is looked once more when the time is over', marbles, ({ expectObservable }) => {
  const status$ = looksOf(asyncScheduler, ...Array.from({ length: 9 }, () => missing(1)));
  const options = { status$, waitMs: 15, pauseMs: 10, scheduler: asyncScheduler };
  const shown$ = untilFull(options).pipe(map(({ status }) => status.redundancy.full));
  expectObservable(shown$).toBe('--a 11ms a 2ms (a|)', { a: false });
});

test('a look that fails ends the waiting', marbles, ({ cold, expectObservable }) => {
  const status$ = cold<ClusterStatus>('--#');
  const options = { status$, waitMs: 15, pauseMs: 10, scheduler: asyncScheduler };
  expectObservable(untilFull(options)).toBe('--#');
});
