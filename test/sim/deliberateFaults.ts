/**
 * Faults that are put into the compiled code while it is loaded, one at a time, to see that the simulation finds them.
 * Nothing in the code knows of them. An edit that does not apply exactly once is an error: a fault that is not there
 * would not be found, and nobody would notice.
 */

import type { DeliberateFault, Edit } from './deliberateFault.js';
import { EXTENSION_FAULTS } from './extensionFaults.js';
import { MEMBERSHIP_FAULTS } from './membershipFaults.js';
import { REPAIR_FAULTS } from './repairFaults.js';
import { STORE_FAULTS } from './storeFaults.js';
import { STRICT_FAULTS } from './strictFaults.js';
import { WORKER_FAULTS } from './workerFaults.js';

const REDUCE = 'src/core/register/reduce.js';
const REGISTERS = 'streams/reduceRegisters.js';
const GROUP_COMMIT = 'src/store/groupCommit.js';
const OWED = 'src/core/link/outbox.js';

const OWN_ANSWER = 'return onAnswer(state, id, { rank: from, stamp, data, isDurable: !isDamaged }, self);';

/** The beginning of the function, so that it is found once. */
const ON_ANSWER = `function onAnswer(state, id, answer, self) {
    const { running } = state;
    if (running?.phase !== 'read' || running.operation.id !== id)`;

const RXJS_OF_REGISTERS: Edit = {
  file: REGISTERS,
  find: "import { concatMap, map } from 'rxjs';",
  replace: "import { concatMap, filter, ignoreElements, map, merge, of, tap } from 'rxjs';",
};

export const DELIBERATE_FAULTS: readonly DeliberateFault[] = [
  {
    name: 'small-majority',
    text: 'a majority is one too small',
    processCount: 3,
    runs: 5,
    blackBoxRuns: 20,
    edits: [
      {
        file: 'src/core/quorum.js',
        find: 'return count > processCount / 2;',
        replace: 'return count > processCount / 2 - 1;',
      },
    ],
  },
  {
    name: 'ack-before-flush',
    text: 'an ACK leaves before the value is flushed',
    processCount: 3,
    runs: 5,
    blackBoxRuns: 200,
    edits: [
      RXJS_OF_REGISTERS,
      {
        file: REGISTERS,
        find: '        return store.put(sector, first.stamp, first.data).pipe(map(',
        replace: `        if (first.stamp.writeRank !== self().rank) {
            return merge(
              of({ kind: 'done', cause, effects }),
              store.put(sector, first.stamp, first.data).pipe(
                tap(() => keep(sector, state)),
                ignoreElements(),
              ),
            );
        }
        return store.put(sector, first.stamp, first.data).pipe(map(`,
      },
    ],
  },
  {
    name: 'value-unflushed',
    text: 'a VALUE tells of a value that is not flushed yet',
    processCount: 3,
    runs: 20,
    blackBoxRuns: null,
    edits: [
      RXJS_OF_REGISTERS,
      {
        file: REGISTERS,
        find: 'return event$.pipe(serializeByKey(',
        replace: `const unflushed = (options.unflushed = new Map());
        const isEarly = ({ sector, event }) =>
          unflushed.has(sector) && event.kind === 'message' &&
          ['readProc', 'readStamp'].includes(event.message.kind) &&
          event.from !== options.self().rank;
        const early$ = event$.pipe(filter(isEarly), map((cause) => {
          const { stamp, data } = unflushed.get(cause.sector);
          const { from, message: { id, kind } } = cause.event;
          const message =
            kind === 'readProc' ? { kind: 'value', id, stamp, data } : { kind: 'stamp', id, stamp };
          return { kind: 'done', cause, effects: [{ kind: 'reply', to: from, message }] };
        }));
        const rest$ = event$.pipe(filter((event) => !isEarly(event)));
        return merge(early$, rest$.pipe(serializeByKey(`,
      },
      {
        file: REGISTERS,
        find: 'sector % options.stripes, handle }));',
        replace: 'sector % options.stripes, handle })));',
      },
      {
        file: REGISTERS,
        find: '        return store.put(sector, first.stamp, first.data).pipe(map((outcome) => {',
        replace: `        options.unflushed.set(sector, first);
        return store.put(sector, first.stamp, first.data).pipe(map((outcome) => {
            options.unflushed.delete(sector);`,
      },
    ],
  },
  {
    name: 'no-write-back',
    text: 'a READ returns without writing back',
    processCount: 3,
    runs: 5,
    blackBoxRuns: 200,
    edits: [
      {
        file: REDUCE,
        find: 'if (isMajority(ranks.length, self.processCount)) {',
        replace: 'if (ranks.length >= 0) {',
      },
    ],
  },
  {
    name: 'late-values',
    text: 'the write phase accepts late VALUEs',
    processCount: 3,
    runs: 200,
    blackBoxRuns: null,
    edits: [
      {
        file: REDUCE,
        find: ON_ANSWER,
        replace: ON_ANSWER.replace("running?.phase !== 'read' || running.", 'running?.'),
      },
      {
        file: REDUCE,
        find: 'const before = running.readList.find(',
        replace: `const { readList: known = [] } = running;
    const before = known.find(`,
      },
      {
        file: REDUCE,
        find: '...running.readList.filter((entry) => entry.rank !== rank),\n        {',
        replace: '...known.filter((entry) => entry.rank !== rank),\n        {',
      },
    ],
  },
  {
    name: 'own-stamp',
    text: 'the stamp on the own disk is not counted',
    processCount: 3,
    runs: 20,
    blackBoxRuns: 400,
    edits: [
      {
        file: REDUCE,
        find: 'let newest = state.stamp;',
        replace: 'let newest = { timestamp: 0n, writeRank: 0 };',
      },
      {
        file: REDUCE,
        find: OWN_ANSWER,
        replace: `const shown =
            running.operation.kind === 'read' ? stamp : { timestamp: 0n, writeRank: 0 };
        return onAnswer(
          state, id, { rank: from, stamp: shown, data, isDurable: !isDamaged }, self);`,
      },
    ],
  },
  {
    name: 'operation-id',
    text: 'the operation id of an answer is not checked',
    processCount: 3,
    runs: 5,
    blackBoxRuns: 50,
    edits: [
      {
        file: REDUCE,
        find: ON_ANSWER,
        replace: ON_ANSWER.replace(' || running.operation.id !== id', ''),
      },
      {
        file: REDUCE,
        find: "running?.phase !== 'write' || running.operation.id !== id ||",
        replace: "running?.phase !== 'write' ||",
      },
    ],
  },
  {
    name: 'ack-twice',
    text: 'two ACKs of one process count twice',
    processCount: 5,
    runs: 50,
    blackBoxRuns: null,
    edits: [{ file: REDUCE, find: ' || running.ackList.includes(from)) {', replace: ') {' }],
  },
  {
    name: 'busy-group',
    text: 'the group of a sector is closed while it is busy',
    processCount: 3,
    runs: 5,
    blackBoxRuns: 20,
    edits: [
      {
        file: 'streams/serializeByKey.js',
        find: 'groupBy(options.keyOf)',
        replace: 'groupBy(options.keyOf, { duration: (group$) => group$.pipe(skip(1)) })',
      },
      {
        file: 'streams/serializeByKey.js',
        find: 'queueScheduler, subscribeOn } from',
        replace: 'queueScheduler, skip, subscribeOn } from',
      },
    ],
  },
  {
    name: 'reply-twice',
    text: 'a request is answered twice',
    processCount: 3,
    runs: 5,
    blackBoxRuns: 5,
    edits: [
      {
        file: 'streams/pipelines/outbound.js',
        find: 'const bytes = serializeResponse(response, options.clientTagger);',
        replace: `const bytes = serializeResponse(response, options.clientTagger);
    const { connection } = session;
    outbound.push({ kind: 'send', outgoing: { connection, content: bytes } });`,
      },
    ],
  },
  {
    name: 'early-resubmission',
    text: 'the client sends a WRITE again while its process may still begin it',
    processCount: 3,
    runs: 200,
    blackBoxRuns: null,
    edits: [
      {
        file: 'src/client/link.js',
        find: "if (request.kind !== 'read')\n                continue;",
        replace: '',
      },
      {
        file: 'src/client/dispatcher.js',
        find: "assert(reason !== 'left' || operation.stage === 'read', ",
        replace: 'assert(true, ',
      },
    ],
  },
  {
    name: 'unconfirmed-end',
    text: "a connection that ended on the client's side alone counts as closed by the process",
    processCount: 3,
    runs: 1200,
    blackBoxRuns: null,
    edits: [
      {
        file: 'src/client/link.js',
        find: "endedUnconfirmed === true ? 'unconfirmed' : 'closed'",
        replace: "endedUnconfirmed === true ? 'closed' : 'closed'",
      },
    ],
  },
  {
    name: 'same-life',
    text: 'a process that answers again counts as started anew, although it was only cut off',
    processCount: 3,
    runs: 1200,
    blackBoxRuns: null,
    edits: [
      {
        file: 'src/client/heldWrites.js',
        find: ' && one.start !== other.start',
        replace: '',
      },
    ],
  },
  {
    name: 'orphans',
    text: 'operations of a connection that has closed are not dropped',
    processCount: 3,
    runs: 20,
    blackBoxRuns: null,
    edits: [
      {
        file: 'streams/pipelines/inbound.js',
        find: '...abandonAll(session, ledger, strict), ',
        replace: '',
      },
    ],
  },
  {
    name: 'late-orphans',
    text: 'an operation is dropped only when the event that drops it has had its turn',
    processCount: 3,
    runs: 800,
    blackBoxRuns: null,
    edits: [
      {
        file: REGISTERS,
        find: "event.message.id === id && isAbandoned(id) ? { kind: 'abandon', id } : event",
        replace: 'event',
      },
    ],
  },
  {
    name: 'early-free',
    text: 'the store frees a slot before the metadata are durable',
    processCount: 3,
    runs: 5,
    blackBoxRuns: 20,
    edits: [
      {
        file: 'src/store/placement.js',
        find: 'const slots = slotMap.takeRun(',
        replace: `for (let sector = range.first; sector < range.first + range.count; sector += 1) {
          const before = recordIn(table, sector);
          if (slotCount > 0 && before !== null && before.slot !== null) slotMap.release(before.slot);
        }
        const slots = slotMap.takeRun(`,
      },
      {
        file: GROUP_COMMIT,
        find: 'if (unused !== null)',
        replace: 'if (unused !== null && this.#options.slotMap.isTaken(unused) && !tookEffect)',
      },
    ],
  },
  {
    name: 'no-flush',
    text: 'the data are not flushed',
    processCount: 3,
    runs: 20,
    blackBoxRuns: 400,
    edits: [
      {
        file: 'src/store/commitBatch.js',
        find: 'errorOf(withData.length === 0 ? EMPTY : slotFile.flush())',
        replace: 'errorOf(EMPTY)',
      },
    ],
  },
  {
    name: 'no-checksum',
    text: 'the checksum of a sector is not checked',
    processCount: 3,
    runs: 20,
    blackBoxRuns: 20,
    edits: [
      {
        file: 'src/store/copyReader.js',
        find: 'const isSound = checksumOf(sector, origin, data) === checksum;',
        replace: 'const isSound = checksumOf(sector, origin, data) >= 0 || checksum;',
      },
    ],
  },
  {
    name: 'full-forgotten',
    text: 'a put that found no room is answered as if it had been stored',
    processCount: 3,
    runs: 20,
    blackBoxRuns: 400,
    edits: [
      {
        file: GROUP_COMMIT,
        find: "this.#answer(requests, tookEffect ? 'stored' : 'full');",
        replace: "this.#answer(requests, 'stored');",
      },
    ],
  },
  {
    name: 'resend-forgotten',
    text: 'what is unacknowledged by a peer is forgotten when its connection is made anew',
    processCount: 3,
    runs: 50,
    blackBoxRuns: 50,
    edits: [
      {
        file: OWED,
        find: `    outbox.unsent.clear();
    for (const entries of [outbox.questions, outbox.replies]) {
        for (const entry of entries.values())
            outbox.unsent.add(entry);
    }`,
        replace: `    outbox.unsent.clear();
    outbox.questions.clear();
    outbox.replies.clear();`,
      },
    ],
  },
  {
    name: 'never-again',
    text: 'a message is sent once for each connection, and a connection that is silent is kept',
    processCount: 3,
    runs: 1200,
    blackBoxRuns: null,
    edits: [
      {
        file: OWED,
        find: 'if (entry.dueMs > nowMs || outbox.unsent.has(entry))',
        replace: 'if (entry)',
      },
      {
        file: 'streams/stubbornLink.js',
        find: 'if (isSilent && outbox.questions.size > 0)',
        replace: 'if (isSilent && outbox.questions.size < 0)',
      },
    ],
  },
  {
    name: 'states-kept',
    text: 'the state of a register is kept although it is idle',
    processCount: 3,
    runs: 5,
    blackBoxRuns: null,
    edits: [{ file: REGISTERS, find: 'if (isQuiescent(state))', replace: 'if (false)' }],
  },
  ...STORE_FAULTS,
  ...STRICT_FAULTS,
  ...WORKER_FAULTS,
  ...MEMBERSHIP_FAULTS,
  ...REPAIR_FAULTS,
  ...EXTENSION_FAULTS,
];
