/** The client commands as they are typed, against a cluster of real processes. */
import { randomBytes } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { BenchResult } from '../../src/cli/transfer/runBench.js';
import type { ClusterStatus } from '../../src/cli/health/clusterStatus.js';
import type { ScrubResult } from '../../src/cli/health/runScrub.js';
import type { ClientResponse } from '../../src/core/message.js';
import { createFrameDecoder } from '../../src/wire/frame.js';
import { SERVER_MESSAGES } from '../../src/wire/messageTypes.js';
import { serializeReport } from '../../src/wire/inquiryMessages.js';
import { serializeResponse } from '../../src/wire/serialize.js';
import { createTagger } from '../../src/wire/tag.js';
import { atdd, shell } from '../helpers/atdd.js';
import { Cluster } from '../helpers/cluster.js';
import { HANG_MS } from '../helpers/hang.js';
import { PATIENT, patiently, statusIn } from './patiently.js';

const SECTORS = 8_192;
const start = (t: ExecutionContext, processCount = 3) => Cluster.start(t, { processCount, sectors: SECTORS });

test('a file is imported while a process is killed, and exported identical', async (t) => {
  const cluster = await start(t);
  const image = randomBytes(12 * 1024 * 1024 + 777);
  await writeFile(cluster.fileIn('image'), image);
  const imported = atdd(cluster, 'import image --at 7 --verify');
  // Somewhere in the middle: when the first megabytes have arrived.
  await untilWritten(cluster, 1_000);
  await cluster.kill(2);
  const { code, stdout, stderr } = await imported;
  t.is(code, 0, stderr);
  const shown = /^ {2}(.*) export (.*)$/m.exec(stdout.toString());
  t.is(shown?.[2], `image.copy --at 7 --bytes ${image.length} --config ${cluster.configFileOf(1)}`);
  t.regex(stdout.toString(), /verified/);
  t.is((await atdd(cluster, `export image.copy --at 7 --bytes ${image.length}`)).code, 0);
  t.true(image.equals(await readFile(cluster.fileIn('image.copy'))));
  const piped = await atdd(cluster, `export - --at 7 --bytes ${image.length} --window 100`);
  t.true(image.equals(piped.stdout));
});

/** Waits until the cluster holds that sector. */
async function untilWritten(cluster: Cluster, sector: number): Promise<void> {
  for (;;) {
    const { code, stdout, stderr } = await atdd(cluster, `read ${sector}`);
    if (code !== 0) throw new Error(stderr);
    if (stdout.some((byte) => byte !== 0)) return;
  }
}

test('the rest of the last sector keeps its content', async (t) => {
  const cluster = await start(t);
  const before = randomBytes(3 * 4096);
  t.is((await atdd(cluster, 'write 10', before)).code, 0);
  await writeFile(cluster.fileIn('short'), Buffer.alloc(5_000, 1));
  t.is((await atdd(cluster, 'import short --at 10')).code, 0);
  const { stdout } = await atdd(cluster, 'read 10 --count 3');
  t.true(stdout.equals(Buffer.concat([Buffer.alloc(5_000, 1), before.subarray(5_000)])));
});

test('write takes whole sectors, or fills them up', async (t) => {
  const cluster = await start(t);
  const wrong = await atdd(cluster, 'write 3', Buffer.from('hello'));
  t.is(wrong.code, 2);
  t.regex(wrong.stderr, /5 bytes.*--pad.*ATDD_USAGE/s);
  t.is((await atdd(cluster, 'write 3 --pad', Buffer.from('hello'))).code, 0);
  const { stdout } = await atdd(cluster, 'read 3');
  t.true(stdout.equals(Buffer.concat([Buffer.from('hello'), Buffer.alloc(4_091)])));
});

test('what lies outside of the disk is refused, and nothing is written', async (t) => {
  const cluster = await start(t);
  await writeFile(cluster.fileIn('image'), Buffer.alloc(8_192, 1));
  const outside = SECTORS - 1;
  for (const words of [`import image --at ${outside}`, `export - --at ${outside} --sectors 2`]) {
    const { code, stderr } = await atdd(cluster, words);
    t.is(code, 1, words);
    t.regex(stderr, /ATDD_RANGE/);
  }
  t.is((await atdd(cluster, `write ${outside}`, Buffer.alloc(8_192, 1))).code, 1);
  const { stdout } = await atdd(cluster, `read ${outside}`);
  t.true(stdout.equals(Buffer.alloc(4096)));
  t.is((await atdd(cluster, 'import no-such-file')).code, 1);
  t.is((await atdd(cluster, 'read minus-one')).code, 2);
});

test('status tells who answers, and whether they are enough', async (t) => {
  const cluster = await start(t);
  const all = await atdd(cluster, `status ${PATIENT}`);
  t.is(all.code, 0);
  t.is(all.stdout.toString().match(/ yes /g)?.length, 3);
  await cluster.kill(3);
  const two = await patiently(
    (seconds) => atdd(cluster, `status --json --timeout ${seconds}`),
    (answer) => statusIn(answer).processes.filter(({ reachable }) => reachable).length === 2,
  );
  const result = statusIn(two);
  t.is(two.code, 0);
  t.true(result.quorum && (result.readLatencyMs ?? 0) > 0);
  t.deepEqual(
    result.processes.map(({ reachable }) => reachable),
    [true, true, false],
  );
  t.regex(result.processes[2].trouble ?? '', /ECONNREFUSED/);
  await cluster.kill(2);
  const one = await atdd(cluster, 'status --timeout 1');
  t.is(one.code, 1);
  t.regex(one.stdout.toString(), /No majority answers/);
  const read = await atdd(cluster, 'read 0 --timeout 0.5');
  t.is(read.code, 1);
  t.regex(read.stderr, /ATDD_TIMEOUT/);
});

test.serial('status finds the majority, whichever process hangs', async (t) => {
  const cluster = await start(t);
  for (const rank of cluster.ranks) {
    cluster.pause(rank);
    const answer = await patiently(
      (seconds) => atdd(cluster, `status --json --timeout ${seconds}`),
      (each) =>
        each.code === 0 && statusIn(each).processes.every((process) => process.reachable === (process.rank !== rank)),
    );
    cluster.continue(rank);
    const result = statusIn(answer);
    t.true(result.quorum && answer.code === 0, `while process ${rank} hangs`);
    t.deepEqual(
      result.processes.filter(({ reachable }) => !reachable).map((process) => process.rank),
      [rank],
    );
  }
});

test.serial('status waits for what a process has missed, and scrub reads all there is', async (t) => {
  const cluster = await start(t);
  const json = async (words: string): Promise<[number | null, unknown]> => {
    const { code, stdout } = await atdd(cluster, words);
    return [code, JSON.parse(stdout.toString())];
  };
  await cluster.kill(3);
  t.is((await atdd(cluster, 'write 100', randomBytes(600 * 4096))).code, 0);
  // A write that a process has yet to confirm is no missed one for a second or two. Both others know of it then.
  const missedIn = ({ processes }: ClusterStatus): number =>
    Math.max(...processes.map(({ report }) => report?.missed['3'] ?? 0));
  const late = await patiently(
    (seconds) => atdd(cluster, `status --json --timeout ${seconds} --wait-full ${seconds}`),
    (answer) => missedIn(statusIn(answer)) === 600,
  );
  const { redundancy } = statusIn(late);
  t.is(late.code, 1);
  t.false(redundancy.full);
  t.regex(redundancy.reasons.join(), /sectors that process 3 has missed.*process 3 is down/);
  t.is(missedIn(statusIn(late)), 600);

  const told = /process 1 was not compared with process 3.*process 3: .*ECONNREFUSED/;
  const [unsound, found] = await patiently(
    (seconds) => json(`scrub --json --timeout ${seconds}`),
    ([, result]) => told.test((result as ScrubResult).reasons.join()),
  );
  t.is(unsound, 1);
  t.regex((found as ScrubResult).reasons.join(), told);

  await cluster.start(3);
  const full = await atdd(cluster, `status --wait-full ${HANG_MS / 1_000}`);
  t.is(full.code, 0, full.stdout.toString());
  t.regex(full.stdout.toString(), /\nredundancy: full, after [\d.]+ s\n$/);
  const [code, scrubbed] = await json(`scrub --json ${PATIENT}`);
  const { sound, processes: scrubs } = scrubbed as ScrubResult;
  t.true(sound && code === 0, JSON.stringify(scrubbed));
  for (const { rank, counts } of scrubs) {
    // 600 that were written, and the first one, which is read to see whether a majority answers.
    t.true((counts?.verified ?? 0) >= 600, `process ${rank}`);
    const others = [1, 2, 3].filter((other) => other !== rank);
    t.deepEqual([...(counts?.comparedWith ?? [])].sort(), others);
  }
});

/** In the place of process 3: answers pings, and questions about itself with `text`, if at all. */
async function playThird(t: ExecutionContext, cluster: Cluster, text: string | null) {
  const tagger = createTagger(cluster.clientKey);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const decoder = createFrameDecoder(SERVER_MESSAGES);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      for (const { type, bytes } of decoder.push(chunk)) {
        const message = type.parse(bytes);
        if (message.family === 'request' && message.sector > 0n) {
          const { request, requestNumber } = message;
          const refusal = { request, requestNumber, status: 'invalidSectorIndex', data: null };
          socket.write(serializeResponse(refusal as ClientResponse, tagger));
        } else if (message.family === 'inquiry' && text !== null) {
          socket.write(serializeReport(message.inquiry, message.requestNumber, text, tagger));
        }
      }
    });
  });
  const end = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  t.teardown(end);
  await new Promise<void>((resolve) => server.listen({ ...cluster.addresses[2] }, resolve));
  return end;
}

test.serial('a foreign process does not tell, and one may talk nonsense', async (t) => {
  const cluster = await Cluster.start(t, { processCount: 3, absent: [3] });
  const tells: readonly (readonly [string | null, RegExp])[] = [
    [null, /yes .* ms +does not tell: connected, but no answer$/m],
    ['{"rank":300}', /its report cannot be read: rank is 300, expected a whole number from 1/],
  ];
  for (const [text, expected] of tells) {
    const end = await playThird(t, cluster, text);
    const { code, stdout } = await patiently(
      (seconds) => atdd(cluster, `status --timeout ${2 * seconds}`),
      (answer) => answer.code === 0 && expected.test(answer.stdout.toString()),
    );
    t.is(code, 0);
    t.regex(stdout.toString(), expected);
    t.regex(stdout.toString(), /^redundancy: reduced: .*process 3 does not tell \(/m);
    const scrubbed = await atdd(cluster, 'scrub --timeout 1');
    t.is(scrubbed.code, 1);
    t.regex(scrubbed.stdout.toString(), /^Not all is well: .*process 3: /m);
    end();
  }
});

test.serial('Ctrl-C ends the waiting for a scrub', async (t) => {
  const cluster = await start(t);
  cluster.pause(3);
  const { output } = await shell(
    cluster,
    `set -m; { exec "$node" "$main" scrub ${PATIENT} --config "$config" > out 2>&1; } & ` +
      'until grep -q "waits for answers" out; do sleep 0.1; done; kill -INT $!; wait $!; ' +
      'echo "exit code $?"; cat out',
  );
  cluster.continue(3);
  t.regex(output, /^exit code 130$/m);
  t.regex(output, /waits no longer; the scrub goes on/);
});

test.serial('output that is not all taken is a failure', async (t) => {
  const cluster = await start(t, 1);
  // Of zeros nothing is written.
  t.is((await atdd(cluster, 'write 0', randomBytes(64 * 4096))).code, 0);
  const lines = [
    // Kibibytes: what is written across the limit is taken in part.
    'ulimit -f 100; atdd export - --bytes 262144 > out',
    'ulimit -f 100; atdd read 0 --count 64 > out',
    'ulimit -f 100; atdd export out --bytes 262144',
    'atdd read 0 > /dev/full',
    'atdd status > /dev/full',
    'atdd check-config > /dev/full',
    'atdd export /dev/full --bytes 4096',
    // Data must not be lost without a word.
    'atdd export - --bytes 4096 >&-',
    'atdd read 0 >&-',
    'atdd import - <&-',
  ];
  for (const line of lines) {
    const { code, output } = await shell(cluster, line);
    t.is(code, 1, line);
    t.regex(output, /^atdd: .* \(ATDD_FILE_FAILED\)$/m, line);
    t.notRegex(output, /^ +at /m, line);
  }
  const { size } = await stat(cluster.fileIn('out'));
  t.is(size, 100 * 1024);
});

test.serial('output goes on where the file stands', async (t) => {
  const cluster = await start(t, 1);
  const data = randomBytes(2 * 4096);
  t.is((await atdd(cluster, 'write 1', data)).code, 0);
  const line = '{ echo before; atdd read 1 --count 2; echo after; } > out';
  t.is((await shell(cluster, line)).code, 0);
  const expected = Buffer.concat([Buffer.from('before\n'), data, Buffer.from('after\n')]);
  t.true(expected.equals(await readFile(cluster.fileIn('out'))));
});

test.serial('a reader that has seen enough ends the output, quietly', async (t) => {
  const cluster = await start(t, 1);
  const line = 'atdd export - | head -c 1 > out; echo "${PIPESTATUS[0]}"';
  const { output } = await shell(cluster, line);
  t.regex(output, /^141$/m);
  t.notRegex(output, /^atdd:|^ +at /m);
});

test.serial('input that cannot be read is a failure', async (t) => {
  const cluster = await start(t, 1);
  // Nothing is mapped at address 0.
  const written = await shell(cluster, 'atdd write 0 < /proc/self/mem');
  t.is(written.code, 1, written.output);
  t.regex(written.output, /^atdd: standard input .*EIO.* \(ATDD_FILE_FAILED\)$/m);
  const imported = await shell(cluster, 'atdd import .');
  t.is(imported.code, 1, imported.output);
  t.regex(imported.output, /^atdd: \. is a folder \(ATDD_FILE_FAILED\)$/m);
});

test.serial('an export that cannot read leaves the file as it was', async (t) => {
  const cluster = await start(t);
  t.is((await atdd(cluster, 'export copy --bytes 0')).code, 0);
  t.is((await readFile(cluster.fileIn('copy'))).length, 0);
  await writeFile(cluster.fileIn('copy'), 'precious');
  await Promise.all([cluster.kill(2), cluster.kill(3)]);
  const { code, stderr } = await atdd(cluster, 'export copy --bytes 4096 --timeout 0.5');
  t.is(code, 1);
  t.regex(stderr, /ATDD_TIMEOUT/);
  t.is(await readFile(cluster.fileIn('copy'), 'utf8'), 'precious');
});

test('a wrong client key is named as the trouble', async (t) => {
  const cluster = await start(t);
  const changes = { ATDD_CLIENT_KEY: '11'.repeat(32) };
  const told = /wrong tags: is the client key the right one/;
  const { code, stdout } = await patiently(
    (seconds) => atdd(cluster, `status --timeout ${seconds / 2}`, null, changes),
    (answer) => told.test(answer.stdout.toString()),
  );
  t.is(code, 1);
  t.regex(stdout.toString(), told);
});

test('bench measures, and overwrites nothing but its own data', async (t) => {
  const cluster = await start(t);
  const words = 'bench --connections 4 --depth 4 --sectors 256 --json';
  /** For as long as it takes until so much was done. */
  const run = (more: string, isEnough: (result: BenchResult) => boolean): Promise<BenchResult> =>
    patiently(async (seconds) => {
      const { code, stdout, stderr } = await atdd(cluster, `${words} --seconds ${seconds} ${more}`);
      t.is(code, 0, stderr);
      return JSON.parse(stdout.toString()) as BenchResult;
    }, isEnough);
  const { writes, reads: none } = await run('--mode write', (result) => result.writes !== null);
  t.is(none, null);
  t.true(writes !== null && writes.operations > 0 && writes.p50 <= writes.p99);
  const both = ({ reads, writes }: BenchResult): boolean => reads !== null && writes !== null;
  const mixed = await run('--mode mix --read-fraction 0.5', both);
  t.true(mixed.reads !== null && mixed.writes !== null);
  const { reads } = await run('--mode read', (result) => result.reads !== null);
  t.true(reads !== null && reads.operations > 0 && reads.max >= reads.p999);

  const precious = randomBytes(4096);
  const sector = SECTORS - 5;
  t.is((await atdd(cluster, `write ${sector}`, precious)).code, 0);
  const refused = await atdd(cluster, `${words} --seconds 1 --mode write`);
  t.is(refused.code, 2);
  t.regex(refused.stderr, new RegExp(`sector ${sector} holds data`));
  t.true(precious.equals((await atdd(cluster, `read ${sector}`)).stdout));
  // As many sectors as are under way at a time: none is left out.
  await run('--mode write --overwrite --sectors 16', (result) => (result.writes?.operations ?? 0) >= 16);
  t.false(precious.equals((await atdd(cluster, `read ${sector}`)).stdout));
});
