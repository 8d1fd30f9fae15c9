/** Foreign peers among themselves: what the cluster tests rely on works without the program. */
import test from 'ava';
import { checkLinearizable } from '../linearizability/check.js';
import { HistoryRecorder } from '../linearizability/history.js';
import { freeAddresses } from './ports.js';
import { nameOf, sectorNamed } from './sectorValue.js';
import type { Behaviour } from './foreignPeer.js';
import { BEHAVIOURS, ForeignPeer } from './foreignPeer.js';

const keys = { clientKey: Buffer.alloc(32, 1), systemKey: Buffer.alloc(64, 2) };

for (const [name, behaviour] of Object.entries<Behaviour>(BEHAVIOURS)) {
  test(`three foreign peers, one of which ${name}, are linearizable`, async (t) => {
    const addresses = await freeAddresses(3);
    const start = (rank: number) =>
      ForeignPeer.start({ rank, addresses, keys, behaviour: rank === 1 ? behaviour : {} });
    const peers = await Promise.all([1, 2, 3].map(start));
    t.teardown(() => Promise.all(peers.map((peer) => peer.stop())));
    const recorder = new HistoryRecorder(() => performance.now());
    const client = async (peer: ForeignPeer, index: number): Promise<void> => {
      for (let count = 0; count < 12; count += 1) {
        const sector = count % 2;
        const value = `p${index}-${count}`;
        if ((count + index) % 3 === 0) {
          const pending = recorder.begin(`p${index}`, sector, 'read');
          pending.answered(nameOf(await peer.read(sector)));
        } else {
          const pending = recorder.begin(`p${index}`, sector, 'write', value);
          await peer.write(sector, sectorNamed(value));
          pending.answered();
        }
      }
    };
    await Promise.all(peers.map(client));
    t.is(recorder.operations.length, 36);
    t.deepEqual(checkLinearizable(recorder.operations), { ok: true });
    t.deepEqual(
      peers.flatMap((peer) => peer.faults),
      [],
    );
    if ('receipts' in behaviour) t.true(peers[0].receiptCount > 0 && peers[1].receiptCount > 0);
    else t.is(peers[0].receiptCount, 0);
  });
}

test('a sector is recognised, and damage to any part of it is', (t) => {
  const sector = sectorNamed('w1-17');
  t.is(nameOf(sector), 'w1-17');
  t.is(nameOf(Buffer.alloc(4096)), null);
  for (let at = 0; at < 4096; at += 1) {
    const damaged = Buffer.from(sector);
    damaged[at] ^= 1;
    t.regex(nameOf(damaged) ?? '', /damaged/);
  }
  const mixed = Buffer.concat([sector.subarray(0, 2048), sectorNamed('w1-18').subarray(2048)]);
  t.regex(nameOf(mixed) ?? '', /damaged/);
  t.throws(() => sectorNamed('n'.repeat(64)));
});
