/** Who may connect to a Unix socket, from its first moment on. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { bindSocket } from '../../src/shell/bindSocket.js';
import type { SocketAccess } from '../../src/shell/socketAccess.js';

async function bind(t: ExecutionContext, access?: SocketAccess) {
  const folder = mkdtempSync(join(tmpdir(), 'atdd-socket-'));
  const path = join(folder, 'nbd.sock');
  t.teardown(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const binding = bindSocket({ path, connections: 1, ...(access !== undefined && { access }) });
  // Not awaited yet: nobody could have connected.
  const atOnce = statSync(path, { throwIfNoEntry: false });
  const { server } = await binding;
  t.teardown(() => server.close());
  return { atOnce, after: statSync(path) };
}

const modeOf = (stats: { readonly mode: number } | undefined): number => (stats?.mode ?? 0) & 0o777;

test.serial('the socket has its mode at once, whatever the umask', async (t) => {
  for (const umask of [0o000, 0o077]) {
    const before = process.umask(umask);
    try {
      for (const mode of [0o600, 0o660, 0o666]) {
        const { atOnce, after } = await bind(t, { mode, group: null });
        t.deepEqual([modeOf(atOnce), modeOf(after)], [mode, mode]);
      }
      t.is(process.umask(umask), umask, 'the umask is what it was');
    } finally {
      process.umask(before);
    }
  }
});

test.serial('without a mode the umask counts', async (t) => {
  const before = process.umask(0o027);
  try {
    t.is(modeOf((await bind(t)).after), 0o750);
    t.is(modeOf((await bind(t, { mode: null, group: String(process.getgid?.()) })).after), 0o750);
  } finally {
    process.umask(before);
  }
});

test.serial('the socket is given to the group', async (t) => {
  // One that this user may give files to.
  const group = process.getgroups?.().at(-1) ?? process.getgid?.() ?? 0;
  const { atOnce, after } = await bind(t, { mode: 0o660, group: String(group) });
  t.deepEqual([after.gid, modeOf(after)], [group, 0o660]);
  t.deepEqual([atOnce?.gid, modeOf(atOnce)], [group, 0o660]);
});

test.serial('a group that there is not is an error, and nothing listens', async (t) => {
  const binding = bind(t, { mode: 0o660, group: 'no-such-group' });
  await t.throwsAsync(binding, {
    code: 'ATDD_LISTEN_FAILED',
    message: /cannot listen on .*nbd\.sock: there is no group no-such-group/,
  });
});
