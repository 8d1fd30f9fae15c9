/** A scrub of all processes, followed to its end, in virtual time; and what is made of it. */
import test from 'ava';
import { asyncScheduler, defer, map, timer } from 'rxjs';
import type { ReportAnswer } from '../../../src/cli/health/askReport.js';
import { describeScrubs } from '../../../src/cli/health/describeScrub.js';
import type { ProcessScrub } from '../../../src/cli/health/scrubAll.js';
import { scrubAll, scrubProgress, scrubTroubles } from '../../../src/cli/health/scrubAll.js';
import type { ReceivedReport } from '../../../src/cli/health/reportFields.js';
import type { StatusReport } from '../../../streams/pipelines/status/statusReport.js';
import { marbles } from '../../helpers/marbles.js';
import { reportOf, SCRUB } from './statusMaking.js';

const told = (report: ReceivedReport): ReportAnswer => ({ kind: 'report', report });
const silent: ReportAnswer = { kind: 'silent', trouble: 'connected, but no answer' };

type Scrub = StatusReport['scrub'];
const running = (changes: Partial<Scrub> = {}, report: Partial<StatusReport> = {}): ReportAnswer =>
  told(reportOf(1, { scrub: { ...SCRUB, isRunning: true, ...changes }, ...report }));
const idle = (passes: number, changes: Partial<Scrub> = {}, report: Partial<StatusReport> = {}) =>
  told(reportOf(1, { scrub: { ...SCRUB, passes, ...changes }, ...report }));

/** One process of one, which gives these answers in turn, then the last of them again. */
function follow(...answers: ReportAnswer[]) {
  const asked: string[] = [];
  const scrub$ = scrubAll({
    ranks: [1],
    ask: (_, inquiry) =>
      defer(() => {
        asked.push(inquiry);
        return timer(1, asyncScheduler).pipe(map(() => answers[asked.length - 1] ?? answers.at(-1)));
      }),
    pauseMs: 9,
    silentMs: 25,
    healMs: 25,
    scheduler: asyncScheduler,
  });
  const brief = ([{ phase, trouble, counts, healed }]: readonly ProcessScrub[]): string =>
    `${phase} ${trouble ?? ''} ${counts?.verified ?? '-'} ${healed}`;
  return { asked, brief$: scrub$.pipe(map(brief)) };
}

/** Those answers are of a process of three; here it is alone. */
const alone = (answer: ReportAnswer): ReportAnswer =>
  answer.kind === 'report' ? told({ ...answer.report, processes: 1, connected: [] }) : answer;

const CASES: readonly {
  readonly title: string;
  readonly answers: readonly ReportAnswer[];
  readonly marble: string;
  readonly seen: Record<string, string>;
}[] = [
  {
    title: 'to its end; the counts before it begins are those of the last one',
    answers: [running({ verified: 40 }), running({ verified: 12 }), idle(1, { verified: 40 })],
    marble: '-a 9ms b 9ms (c|)',
    seen: { a: 'underWay  - 0', b: 'underWay  12 0', c: 'over  40 0' },
  },
  {
    title: 'which is over before it is asked again',
    answers: [running({ passes: 7 }), idle(8, { verified: 40 })],
    marble: '-a 9ms (b|)',
    seen: { a: 'underWay  - 0', b: 'over  40 0' },
  },
  {
    title: 'and healed: the counts are those of its end, though another one has begun',
    answers: [
      running({}, { healed: 3 }),
      idle(1, { verified: 40 }, { damaged: 2, healed: 3 }),
      running({ passes: 1, verified: 5 }, { damaged: 1, healed: 4 }),
      idle(2, { verified: 41 }, { healed: 5 }),
    ],
    marble: '-a 9ms b 9ms c 9ms (d|)',
    seen: {
      a: 'underWay  - 0',
      b: 'healing  40 0',
      c: 'healing  40 1',
      d: 'over  40 2',
    },
  },
  {
    title: 'though what is damaged does not heal',
    answers: [running(), idle(1, { verified: 40 }, { damaged: 2 })],
    marble: '-a 9ms b 9ms b 9ms b 9ms (c|)',
    seen: { a: 'underWay  - 0', b: 'healing  40 0', c: 'over  40 0' },
  },
  {
    title: 'of a process that does not know such questions',
    answers: [silent],
    marble: '-(a|)',
    seen: { a: 'failed connected, but no answer - 0' },
  },
  {
    title: 'through a silence that is short',
    answers: [running(), silent, silent, idle(1)],
    marble: '-a 9ms a 9ms a 9ms (b|)',
    seen: { a: 'underWay  - 0', b: 'over  0 0' },
  },
  {
    title: 'until the process has been silent for too long',
    answers: [running(), running({ verified: 3 }), silent],
    marble: '-a 9ms b 9ms b 9ms b 9ms (c|)',
    seen: {
      a: 'underWay  - 0',
      b: 'underWay  3 0',
      c: 'failed connected, but no answer 3 0',
    },
  },
  {
    title: 'unless the process starts again, and has forgotten it',
    answers: [running(), idle(0)],
    marble: '-a 9ms (b|)',
    seen: { a: 'underWay  - 0', b: 'failed it started again, and the scrub was cut short - 0' },
  },
  {
    title: 'unless it starts again, and has begun one of its own',
    answers: [running({ passes: 2 }), running({ passes: 0 })],
    marble: '-a 9ms (b|)',
    seen: { a: 'underWay  - 0', b: 'failed it started again, and the scrub was cut short - 0' },
  },
  {
    title: 'of a process that takes itself for another one',
    answers: [running({}, { rank: 2 })],
    marble: '-(a|)',
    seen: {
      a: 'failed process 1 of 1 says that it is process 2 of 1: the configurations differ - 0',
    },
  },
];

for (const { title, answers, marble, seen } of CASES) {
  test(`a scrub is followed ${title}`, (t) => {
    const { asked, brief$ } = follow(...answers.map(alone));
    marbles.exec(t, ({ expectObservable }) => {
      expectObservable(brief$).toBe(marble, seen);
    });
    t.is(asked[0], 'scrub');
    t.true(asked.slice(1).every((inquiry) => inquiry === 'status'));
  });
}

const scrubOf = (rank: number, changes: Partial<ProcessScrub> = {}): ProcessScrub => ({
  rank,
  phase: 'over',
  trouble: null,
  report: reportOf(rank),
  counts: { ...SCRUB, verified: 40, comparedWith: [3, 2, 1].filter((other) => other !== rank) },
  healed: 0,
  ...changes,
});

test('the table of a scrub in which all is well', (t) => {
  const counts = { ...SCRUB, verified: 39, damaged: 2, behind: 1, ahead: 4, comparedWith: [3, 1] };
  const scrubs = [scrubOf(1), scrubOf(2, { counts, healed: 2 }), scrubOf(3)];
  t.deepEqual(scrubTroubles(scrubs), []);
  t.is(
    describeScrubs(scrubs, []),
    [
      'rank  verified  damaged  healed  behind  ahead  compared with',
      '1     40        0        0       0       0      2, 3',
      '2     39        2        2       1       4      1, 3',
      '3     40        0        0       0       0      1, 2',
      'Nothing is damaged, and every process was compared with all others.',
      '',
    ].join('\n'),
  );
});

test('the table of a scrub in which it is not', (t) => {
  const apart = { ...SCRUB, verified: 40, comparedWith: [2] };
  const scrubs = [
    scrubOf(1, { counts: apart, report: reportOf(1, { damaged: 1 }) }),
    scrubOf(2),
    scrubOf(3, { phase: 'failed', trouble: 'refused', report: null, counts: null }),
  ];
  const reasons = scrubTroubles(scrubs);
  t.deepEqual(reasons, [
    'process 1 was not compared with process 3',
    '1 sector of process 1 stayed damaged',
    'process 3: refused',
  ]);
  t.is(
    describeScrubs(scrubs, reasons),
    [
      'rank  verified  damaged  healed  behind  ahead  compared with',
      '1     40        0        0       0       0      2',
      '2     40        0        0       0       0      1, 3',
      '3     refused',
      `Not all is well: ${reasons.join('; ')}`,
      '',
    ].join('\n'),
  );
});

test('how far all are together', (t) => {
  const joining = reportOf(1, { standing: 'joining', written: 10 });
  const scrubs = [
    scrubOf(1, { phase: 'underWay', report: joining, counts: null }),
    scrubOf(2, { phase: 'underWay', counts: { ...SCRUB, verified: 30, behind: 2 } }),
    scrubOf(3, { phase: 'healing', counts: SCRUB }),
    scrubOf(4, { phase: 'failed' }),
    // More than it had when it was written down: others have more.
    scrubOf(5, { phase: 'underWay', counts: { ...SCRUB, verified: 50 } }),
  ];
  const remark = 'process 1 is joining, process 3 heals';
  t.deepEqual(scrubProgress(scrubs), { done: 0 + 32 + 40 + 40, total: 130, remark });
});
