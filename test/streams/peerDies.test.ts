/** A process that dies costs the others no time: they neither wait for it nor for a timer. */
import test from 'ava';
import type { Message } from '../helpers/bytes.js';
import { processBytes, requestBytes } from '../helpers/bytes.js';
import { CLIENT_KEY, DATA, SYSTEM_KEY } from '../wire/messages.js';
import { startVirtual } from './virtualProcess.js';

const SECTOR = 7;

function answerTo(message: Message): Buffer | null {
  if (message.family !== 'process') return null;
  const { id, kind, sector } = message;
  if (kind === 'WRITE_PROC') {
    return processBytes({ kind: 'ACK', sender: 2, id, sector, register: null }, SYSTEM_KEY);
  }
  if (kind !== 'READ_PROC') return null;
  const register = { timestamp: 0n, writeRank: 0, data: Buffer.alloc(4096) };
  return processBytes({ kind: 'VALUE', sender: 2, id, sector, register }, SYSTEM_KEY);
}

for (const [what, die] of [
  ['its connections end', 'ends'],
  ['it is silent', 'is silent'],
] as const) {
  test(`a peer dies while operations are under way, ${what}: none takes longer`, (t) => {
    const { connect, pass, dialled, refusing } = startVirtual(3, (error) => t.fail(String(error)));
    const client = connect();
    const second = connect();
    /** Milliseconds that a WRITE takes, with the second process answering each within one. */
    const write = (count: number): number => {
      const request = {
        kind: 'WRITE',
        requestNumber: BigInt(count),
        sector: BigInt(SECTOR),
        data: DATA,
      } as const;
      client.receive(requestBytes(request, CLIENT_KEY));
      for (let ms = 1; ms <= 60_000; ms += 1) {
        pass(1);
        for (const message of dialled.get(2)?.take() ?? []) {
          const answer = answerTo(message);
          if (answer !== null) second.receive(answer);
        }
        const answers = client.take();
        if (answers.length === 0) continue;
        t.like(answers, [{ family: 'response', status: 'Ok', requestNumber: BigInt(count) }]);
        return ms;
      }
      return Infinity;
    };
    const before = write(1);
    t.true(before < 10, `${before} ms: shorter than any timer`);
    if (die === 'ends') {
      refusing.add(3);
      dialled.get(3)?.close();
    }
    const after = Array.from({ length: 50 }, (_, index) => write(2 + index));
    t.deepEqual(
      after,
      after.map(() => before),
    );
  });
}
