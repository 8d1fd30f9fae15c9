/**
 * The client's end of a connection (src/client/link.ts) with a process that answers with anything: exactly those
 * requests are answered that an authentic response names, each once and with its own data; everything else is counted,
 * and nothing is thrown.
 */
import { isDeepStrictEqual } from 'node:util';
import { VirtualAction, VirtualTimeScheduler } from 'rxjs';
import type { ResponseStatus } from '../../src/core/message.js';
import { createCounters } from '../../src/client/clientEvents.js';
import { Link } from '../../src/client/link.js';
import { createTagger } from '../../src/wire/tag.js';
import type { Status } from '../helpers/bytes.js';
import { FakeConnection } from '../helpers/fakeConnection.js';
import type { Dice } from '../helpers/seed.js';
import { decodeSlowly } from '../helpers/slowDecoder.js';
import type { NamedCut } from './cuts.js';
import { chooseCuts, cut } from './cuts.js';
import type { Experiment, Piece, Subject as FuzzSubject } from './experiment.js';
import { hostileStream } from './mutations.js';

interface Outcome {
  /** In the order in which they were answered. */
  readonly answers: readonly Answer[];
  readonly badTags: number;
  readonly unexpected: number;
}

interface Answer {
  readonly requestNumber: bigint;
  readonly status: Status;
  readonly data: Buffer | null;
}

export const clientSubject: FuzzSubject = { name: 'client', weight: 2, make };

/** Requests under way: even numbers are READs. */
const OUTSTANDING: readonly bigint[] = [0n, 1n, 2n, 3n, 2n ** 53n, 2n ** 64n - 2n, 2n ** 64n - 1n];

const kindOf = (requestNumber: bigint): 'read' | 'write' => (requestNumber % 2n === 0n ? 'read' : 'write');

function make(random: Dice): Experiment {
  const clientKey = random.bytes(32);
  const keys = { clientKey, systemKey: random.bytes(64) };
  const pieces = hostileStream(random, {
    keys,
    families: ['response'],
    ranks: [],
    requestSectors: [],
    sectors: [],
    timestamps: [],
    ids: [],
    operations: [],
    requestNumbers: [...OUTSTANDING, ...OUTSTANDING, 7n],
    maySign: () => true,
  });
  const cuts = chooseCuts(pieces, random, 2);
  return {
    pieces: pieces.map((bytes) => ({ lane: 0, bytes })),
    check: (given: readonly Piece[]) => {
      const bytes = Buffer.concat(given.map((piece) => piece.bytes));
      const expected = byThePage(bytes);
      for (const way of cuts) {
        const seen = answersOf(bytes, way);
        if (!isDeepStrictEqual(seen, expected)) {
          return `${way.name}: it should be ${show(expected)}\nand is ${show(seen)}`;
        }
      }
      return null;
    },
  };

  function byThePage(bytes: Buffer): Outcome {
    const waiting = new Set(OUTSTANDING);
    const answers: Answer[] = [];
    let [badTags, unexpected] = [0, 0];
    for (const item of decodeSlowly(bytes, 'client', keys, true)) {
      if (item.kind === 'own') {
        if (item.tagIsGood) unexpected += 1;
        else badTags += 1;
      }
      if (item.kind !== 'message' || item.message.family !== 'response') continue;
      const { kind, requestNumber, status, data } = item.message;
      const isFitting = kind.toLowerCase() === kindOf(requestNumber);
      if (!item.tagIsGood) badTags += 1;
      else if (waiting.has(requestNumber) && isFitting && !status.startsWith('unknown')) {
        waiting.delete(requestNumber);
        answers.push({ requestNumber, status, data });
      } else unexpected += 1;
    }
    return { answers, badTags, unexpected };
  }

  function answersOf(bytes: Buffer, way: NamedCut): Outcome {
    const clock = new VirtualTimeScheduler(VirtualAction);
    const connection = new FakeConnection();
    const counters = createCounters();
    const link = new Link({
      rank: 1,
      connection,
      tagger: createTagger(clientKey),
      schedulers: { clock, turn: clock },
      outstandingMax: OUTSTANDING.length,
      unansweredMs: 1_000,
      counters,
      onTrouble: () => undefined,
    });
    const running = link.run$.subscribe();
    const answers: { requestNumber: bigint; status: ResponseStatus; data: Uint8Array | null }[] = [];
    for (const requestNumber of OUTSTANDING) {
      const kind = kindOf(requestNumber);
      link.send({
        kind,
        requestNumber,
        sector: 0,
        ...(kind === 'write' && { data: new Uint8Array(4_096) }),
        answered: (status, data) => answers.push({ requestNumber, status, data }),
        lost: () => undefined,
      });
    }
    for (const chunk of cut(bytes, way)) {
      connection.receive(chunk);
      chunk.fill(0xee);
    }
    running.unsubscribe();
    return {
      answers: answers.map(({ requestNumber, status, data }) => ({
        requestNumber,
        status: STATUSES[status],
        data: data === null ? null : Buffer.from(data),
      })),
      badTags: counters.badTagResponses,
      unexpected: counters.unexpectedResponses,
    };
  }
}

const STATUSES: Readonly<Record<ResponseStatus, Status>> = {
  ok: 'Ok',
  authFailure: 'AuthFailure',
  invalidSectorIndex: 'InvalidSectorIndex',
};

function show({ answers, badTags, unexpected }: Outcome): string {
  const told = answers.map(
    ({ requestNumber, status, data }) =>
      `${requestNumber} ${status} ${data === null ? '' : data.toString('hex', 0, 16)}`,
  );
  return `[${told.join(', ')}], ${badTags} wrong tags, ${unexpected} unexpected`;
}
