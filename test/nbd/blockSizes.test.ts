/** Requests that are no multiple of a sector, by programs that nobody here wrote. */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import test from 'ava';
import { Cluster } from '../helpers/cluster.js';
import { runTool, startGateway } from '../helpers/gateway.js';
import { hasTools } from '../helpers/hasTools.js';

const SECTORS = 512;

test.serial('nbdcopy of an image that is no multiple of a sector, in and out', async (t) => {
  if (!hasTools(t, 'nbdcopy', 'qemu-img')) return;
  const cluster = await Cluster.start(t, { processCount: 3, sectors: SECTORS });
  const gateway = await startGateway(t, cluster);
  // As an ISO is: a multiple of 512 and of 2048 bytes.
  const image = randomBytes(1_049_088);
  await writeFile(cluster.fileIn('in.img'), image);
  const steps = [
    ['nbdcopy', '--connections=4', 'in.img', gateway.uri],
    ['nbdcopy', '--connections=4', gateway.uri, 'copied.img'],
    ['qemu-img', 'convert', '-n', '-f', 'raw', '-O', 'raw', 'in.img', gateway.uri],
    ['nbdcopy', gateway.uri, 'converted.img'],
  ];
  for (const words of steps) {
    const { code, output } = await runTool(words, cluster.folder);
    t.is(code, 0, `${words.join(' ')}: ${output}`);
  }
  for (const name of ['copied.img', 'converted.img']) {
    const copy = await readFile(cluster.fileIn(name));
    t.is(copy.length, SECTORS * 4_096);
    t.true(copy.subarray(0, image.length).equals(image), name);
  }
});

test.serial('fio in blocks of 512 bytes, eight to a sector side by side: all are kept', async (t) => {
  if (!hasTools(t, 'fio')) return;
  const cluster = await Cluster.start(t, { processCount: 3, sectors: SECTORS });
  const gateway = await startGateway(t, cluster);
  const words = [
    ...['fio', '--name=parts', '--ioengine=nbd', `--uri=${gateway.uri}`, '--rw=randwrite'],
    ...['--size=128k', '--bs=512', '--iodepth=32', '--verify=crc32c', '--verify_fatal=1'],
  ];
  const { code, output } = await runTool(words, cluster.folder);
  t.is(code, 0, output);
});
