/** How many clients a gateway takes, and what it says to those who run it of the others. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { Cluster } from '../helpers/cluster.js';
import { startGateway } from '../helpers/gateway.js';
import { NbdClient } from '../helpers/nbdClient.js';

test('as many clients as configured are attached; of the next the log tells', async (t) => {
  const config = { nbd: { connections: 3 } };
  const cluster = await Cluster.start(t, { processCount: 1, sectors: 64, config });
  const gateway = await startGateway(t, cluster);
  const clients = [];
  for (let count = 0; count < 3; count += 1) clients.push(await NbdClient.connect(gateway.port));
  t.notRegex(gateway.log(), /refused/);
  await t.throwsAsync(NbdClient.connect(gateway.port));
  while (!gateway.log().includes('connections are refused')) await sleep(10);
  const line =
    gateway
      .log()
      .split('\n')
      .find((text) => text.includes('refused')) ?? '';
  t.like(JSON.parse(line), { level: 'warn', option: 'nbd.connections', places: 3, refused: 1 });
  // Who is attached stays so, and who has gone makes room.
  clients.pop()?.close();
  let next: NbdClient | null = null;
  while (next === null) next = await NbdClient.connect(gateway.port).catch(() => null);
  for (const client of [...clients, next]) {
    t.is((await client.read(0, 8)).length, 8);
    client.close();
  }
});
