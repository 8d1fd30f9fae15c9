/** What a process of the strict mode tells of its index: zeros with their stamps, and nothing that is promised. */
import test from 'ava';
import type { SectorMap } from '../../src/core/sectorMap.js';
import { joinMaps } from '../../src/core/sectorMap.js';
import type { ReplicaRequest } from '../../src/core/strict/replicaMessage.js';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { CLIENT_MESSAGES } from '../../src/wire/messageTypes.js';
import { decodeSectorMap } from '../../src/wire/sectorMapPage.js';
import { SIZE_PACK_MAX } from '../../src/wire/strict/layout.js';
import { serializeOpen } from '../../src/wire/strict/openMessages.js';
import { Packer, SENDER_CLIENT } from '../../src/wire/strict/pack.js';
import { createTagger } from '../../src/wire/tag.js';
import { requestBytes } from '../helpers/bytes.js';
import { StrictCluster } from './strictCluster.js';
import { dataOf, strictStamp } from './strictFakes.js';
import { KEYS } from './virtualProcess.js';

const SECTORS = 3_000;
const tagger = createTagger(KEYS.clientKey);

/** A client of one process, by messages. */
function clientOf(cluster: StrictCluster, rank: number) {
  const end = cluster.connect(rank);
  const maps: SectorMap[] = [];
  const decoder = createFrameDecoder(CLIENT_MESSAGES, () => SIZE_PACK_MAX);
  end.bytes$.subscribe((chunk) => {
    for (const { type, bytes } of decoder.push(Buffer.from(chunk))) {
      const message = type.parse(bytes);
      const map = message.family === 'report' && message.data !== null ? decodeSectorMap(message.data) : null;
      if (map !== null) maps.push(map);
    }
  });
  end.write([serializeOpen({ token: 't'.repeat(16), version: 1 }, tagger)]);
  cluster.pass(10);
  const say = (request: ReplicaRequest): void => {
    for (const piece of new Packer(SENDER_CLIENT, tagger).packRequests([{ number: 1, request }])) end.write([piece]);
    cluster.pass(50);
  };
  const map = (sector: number): SectorMap => {
    end.write([requestBytes({ kind: 'MAP', requestNumber: 7n, sector: BigInt(sector), data: null }, KEYS.clientKey)]);
    cluster.pass(3);
    return maps.splice(0)[0];
  };
  return { say, map };
}

const kinds = (maps: readonly SectorMap[], end = SECTORS): string =>
  joinMaps(maps, maps[0].from, end, new Set())
    .map(({ sectors, kind }) => `${sectors} ${kind}`)
    .join(', ');

test('nothing, data, zeros; and what is promised is not known, on every majority', (t) => {
  const cluster = new StrictCluster({ sectors: SECTORS });
  const clients = [1, 2, 3].map((rank) => clientOf(cluster, rank));
  const toAll = (request: ReplicaRequest, ranks = [1, 2, 3]): void => {
    for (const rank of ranks) clients[rank - 1].say(request);
  };
  const query: ReplicaRequest = { kind: 'query', range: { first: 0, count: 1 }, wantsData: false };
  toAll(query);
  const pairs = () => {
    const maps = clients.map(({ map }) => map(0));
    return [kinds([maps[0], maps[1]]), kinds([maps[0], maps[2]]), kinds([maps[1], maps[2]])];
  };
  t.deepEqual(pairs(), Array(3).fill(`${SECTORS} zeros`));
  const write = (first: number, count: number, counter: number, data: Uint8Array | 'zeros'): void => {
    const [range, stamp] = [{ first, count }, strictStamp(counter)];
    toAll({ kind: 'order', range, stamp, wants: 'nothing' });
    toAll({ kind: 'store', range, stamp, origin: stamp, data });
    toAll({ kind: 'concluded', range, stamp, lacking: [] });
  };
  write(10, 4, 5, dataOf(7, 4));
  write(12, 4, 6, 'zeros');
  t.deepEqual(pairs(), Array(3).fill(`10 zeros, 2 data, ${SECTORS - 12} zeros`));
  const [range, stamp] = [{ first: 20, count: 2 }, strictStamp(9)];
  toAll({ kind: 'order', range, stamp, wants: 'nothing' }, [1, 3]);
  const unknown = `10 zeros, 2 data, 8 zeros, 2 unknown, ${SECTORS - 22} zeros`;
  const promised = `10 zeros, 2 data, 8 zeros, 2 data, ${SECTORS - 22} zeros`;
  t.deepEqual(pairs(), [unknown, promised, unknown], 'it may be stored where it is not asked for');
  toAll({ kind: 'store', range, stamp, origin: stamp, data: 'zeros' }, [3]);
  t.deepEqual(pairs(), [unknown, unknown, unknown], 'only one has these zeros');
  toAll({ kind: 'store', range, stamp, origin: stamp, data: 'zeros' }, [1]);
  t.deepEqual(pairs(), [unknown, `10 zeros, 2 data, ${SECTORS - 12} zeros`, unknown]);
  t.deepEqual(cluster.failures, []);
});

test('after a crash nothing is told before the notes are in order, and no zeros of a region with a floor', (t) => {
  const cluster = new StrictCluster({ sectors: SECTORS });
  const [range, stamp] = [{ first: 1_030, count: 1 }, strictStamp(5)];
  const query: ReplicaRequest = { kind: 'query', range, wantsData: false };
  for (const rank of [1, 2]) clientOf(cluster, rank).say({ kind: 'order', range, stamp, wants: 'nothing' });
  for (const rank of [2, 3]) cluster.crash(rank);
  // Nobody heals the region.
  cluster.host(1).isCut = true;
  cluster.host(2).noteMs = 200;
  cluster.start(2);
  cluster.pass(100);
  const client = clientOf(cluster, 2);
  t.deepEqual(client.map(0).runs, []);
  client.say(query);
  cluster.pass(200);
  const { runs } = client.map(0);
  t.deepEqual(
    runs.map(({ sectors, zeros }) => [sectors, zeros === null]),
    [
      [1_024, false],
      [1_024, true],
      [SECTORS - 2_048, false],
    ],
    'the region had a promise',
  );
  t.deepEqual(cluster.failures, []);
});
