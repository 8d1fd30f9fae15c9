/** Three processes of the strict mode: their replicas, and the coordinators of their clients. */
import test from 'ava';
import { StrictCluster } from './strictCluster.js';

test('a client of each process reads what the clients of the others have written', (t) => {
  const cluster = new StrictCluster();
  const clients = [1, 2, 3].map((rank) => cluster.client(rank));
  clients.forEach((client, index) => {
    client.write(1, 10 + index, 100 + index);
  });
  cluster.pass(100);
  for (const client of clients) {
    t.deepEqual(client.answers.splice(0), [{ number: 1, request: 'write', value: null }]);
    for (const sector of [10, 11, 12, 13]) client.read(sector, sector);
  }
  cluster.pass(100);
  for (const client of clients) {
    t.deepEqual(
      client.answers.map(({ value }) => value),
      [100, 101, 102, 0],
    );
  }
  for (const sector of [10, 11, 12]) t.is(new Set(cluster.values(sector)).size, 1, 'all three have it');
  t.deepEqual(cluster.failures, []);
});
