/**
 * Questions to a process about itself, which not every process answers. The first one over each connection is the
 * client's own: see heldWrites.test.ts.
 */
import test from 'ava';
import { sectorOf, VirtualCluster } from './virtualCluster.js';

test('the text comes back without the zeros behind it', (t) => {
  const cluster = new VirtualCluster();
  const asked = cluster.watch(cluster.client.inquire(2, 'status', 1_000));
  cluster.turn();
  const connection = cluster.at(2);
  t.deepEqual(
    connection.inquiries.map(({ inquiry }) => inquiry),
    ['status', 'status'],
  );
  t.is(cluster.at(1).inquiries.length + cluster.at(3).inquiries.length, 2);
  connection.report(1, '{"rank":2,"text":"ä"}');
  t.deepEqual(asked.seen, ['{"rank":2,"text":"ä"}', '|']);
});

test('a text that fills all of the answer', (t) => {
  const cluster = new VirtualCluster();
  const asked = cluster.watch(cluster.client.inquire(1, 'scrub', 1_000));
  cluster.turn();
  cluster.at(1).report(1, 'x'.repeat(4_096));
  t.deepEqual(asked.seen, ['x'.repeat(4_096), '|']);
});

test('a process that skips the question is no silent one, and keeps its connection', (t) => {
  const cluster = new VirtualCluster({ timeouts: { unansweredMs: 2_000 } });
  const asked = cluster.watch(cluster.client.inquire(1, 'status', 1_000));
  cluster.advance(1_000);
  t.deepEqual(asked.seen, ['ATDD_TIMEOUT']);
  cluster.advance(10_000);
  t.false(cluster.at(1).clientEnded);
  // Its answer, should it come after all, is nobody's.
  cluster.at(1).report(1, '{}');
  t.is(cluster.client.counters.unexpectedResponses, 1);
  t.deepEqual(asked.seen, ['ATDD_TIMEOUT']);
});

test('asks again over the next connection', (t) => {
  const cluster = new VirtualCluster();
  const asked = cluster.watch(cluster.client.inquire(1, 'status', 10_000));
  cluster.turn();
  cluster.at(1).endByProcess();
  cluster.advance(1_000);
  t.is(cluster.connections.get(1)?.length, 2);
  cluster.at(1).report(0, '{}');
  t.deepEqual(asked.seen, ['{}', '|']);
});

test('a rejected tag is an error, and an answer to another question none at all', (t) => {
  const cluster = new VirtualCluster();
  const asked = cluster.watch(cluster.client.inquire(1, 'status', 10_000));
  const read = cluster.watch(cluster.client.read(0));
  cluster.turn();
  const [{ rank, position, request }] = cluster.requestsOf(0);
  // The numbers are right, the kinds are not.
  const reader = cluster.at(rank);
  reader.inquiries.push({ inquiry: 'status', requestNumber: request.requestNumber });
  reader.report(reader.inquiries.length - 1, '{}');
  t.deepEqual(read.seen, []);
  reader.answer(position, sectorOf(1));
  t.deepEqual(read.seen, [sectorOf(1), '|']);
  cluster.at(1).report(1, null);
  t.deepEqual(asked.seen, ['ATDD_AUTH_FAILURE']);
});
