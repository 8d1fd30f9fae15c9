/** What tells a storage folder that is not there from one that never was. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Log } from '../../src/ports/log.js';
import { addressesDigest } from '../../src/shell/addressesDigest.js';
import { requireMount } from '../../src/shell/mountPoint.js';
import { markerFile, wasInUse, writeMarker } from '../../src/shell/storageMarker.js';

function folderFor(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'atdd-guard-'));
  t.teardown(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

function logTo(warnings: string[]): Log {
  const silent = (): void => undefined;
  return {
    ...{ debugEnabled: false, debug: silent, info: silent, error: silent },
    warn: (message) => warnings.push(message),
  };
}

const OWNER = { cluster: 'c', rank: 2 };

test('a marker stands beside the folder, and says whose it was', (t) => {
  const storage = join(folderFor(t), 'data');
  const warnings: string[] = [];
  t.false(wasInUse(storage, OWNER));
  writeMarker(`${storage}/`, OWNER, logTo(warnings));
  t.is(markerFile(`${storage}/`), `${storage}.marker`);
  t.like(JSON.parse(readFileSync(`${storage}.marker`, 'utf8')), OWNER);
  t.true(wasInUse(storage, OWNER));
  t.false(wasInUse(storage, { ...OWNER, rank: 3 }), 'of another process');
  t.false(wasInUse(storage, { ...OWNER, cluster: 'd' }), 'of another cluster');
  t.deepEqual(warnings, []);
});

test('a marker that cannot be read is none, and is written anew', (t) => {
  const storage = join(folderFor(t), 'data');
  for (const text of ['', 'null', '{"cluster":1}', '{']) {
    writeFileSync(markerFile(storage), text);
    t.false(wasInUse(storage, OWNER), text);
    writeMarker(storage, OWNER, logTo([]));
    t.true(wasInUse(storage, OWNER));
  }
});

test('where no marker can be written the process works without, and says so', (t) => {
  const warnings: string[] = [];
  writeMarker('/proc/atdd/data', OWNER, logTo(warnings));
  t.is(warnings.length, 1);
});

test('a folder on the file system of / is refused where a mount is required', (t) => {
  const error = t.throws(() => {
    requireMount('/no-such-folder-of-atdd/data');
  });
  t.regex(error.message, /found no disk mounted there .*storageMustBeMount/);
  t.notThrows(() => {
    requireMount('/proc/self/whatever');
  });
  const link = join(folderFor(t), 'link');
  symlinkSync('/proc', link);
  t.notThrows(() => {
    requireMount(join(link, 'below'));
  });
});

test('the digest tells lists apart by order, host and port, not by case', (t) => {
  const at = (host: string, port: number) => ({ host, port });
  const digest = addressesDigest([at('a', 1), at('b', 2)]);
  t.is(digest.length, 16);
  t.is(addressesDigest([at('A', 1), at('b', 2)]), digest);
  for (const other of [[at('b', 2), at('a', 1)], [at('a', 1)], [at('a', 1), at('b', 3)]]) {
    t.not(addressesDigest(other), digest);
  }
});
