/** What the surroundings lack is no reason to end. */
import os from 'node:os';
import { syncBuiltinESMExports } from 'node:module';
import test from 'ava';
import { loadClusterConfig } from '../config/load.js';
import { describeError } from '../src/errors.js';
import { currentFolder, describeUser, homeFolder, ownHosts, pathFromHere } from '../src/surroundings.js';
import { GOOD, makeFolder } from './config/folder.js';

/** As with a user id without an entry in passwd, and in a sandbox. */
const LACKING = {
  homedir: () => fail('uv_os_homedir'),
  userInfo: () => fail('uv_os_get_passwd'),
  hostname: () => fail('uv_os_gethostname'),
  networkInterfaces: () => fail('uv_interface_addresses'),
};

function fail(call: string): never {
  throw Object.assign(new Error(`A system error occurred: ${call} returned ENOENT`), { code: 'X' });
}

test.serial('nothing that the system does not tell is missed', (t) => {
  const folder = makeFolder(t, { 'a.json': GOOD });
  const { homedir, userInfo, hostname, networkInterfaces } = os;
  const cwd = process.cwd.bind(process);
  Object.assign(os, LACKING);
  process.cwd = () => fail('uv_cwd');
  syncBuiltinESMExports();
  try {
    t.is(homeFolder(), null);
    t.is(currentFolder(), null);
    t.is(describeUser(), `user ${process.geteuid?.()}`);
    t.deepEqual(ownHosts(), { hostname: 'localhost', addresses: [] });
    t.is(pathFromHere('/a/b'), '/a/b');
    t.is(loadClusterConfig({ file: `${folder}/a.json`, env: {} }).sectors, GOOD.sectors);
  } finally {
    Object.assign(os, { homedir, userInfo, hostname, networkInterfaces });
    process.cwd = cwd;
    syncBuiltinESMExports();
  }
  t.is(homeFolder(), homedir());
});

test('an error that is several is told with all of them, what is the same once', (t) => {
  const refused = new Error('connect ECONNREFUSED ::1:1');
  const several = new AggregateError([refused, new Error('connect ECONNREFUSED 127.0.0.1:1')]);
  t.is(describeError(several), 'connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1');
  t.is(describeError(new AggregateError([refused, refused, several.errors[1]])), describeError(several));
  t.is(describeError(new AggregateError([], 'all of none')), 'all of none');
  t.is(describeError(new AggregateError([])), 'an error without a text');
  t.is(describeError(Object.assign(new Error(''), { code: 'EIO' })), 'EIO');
  t.is(describeError('text'), 'text');
});
