import test from 'ava';
import { localRanks } from '../../src/launch/localHost.js';

test('ranks of this machine: loopback, its own addresses, its own name', (t) => {
  const hosts = ['127.0.0.1', '10.0.0.1', '10.0.0.2', 'Here', 'there', 'localhost', 'fe80::1'];
  const processes = hosts.map((host) => ({ host, port: 1 }));
  const machine = { hostname: 'here', addresses: ['127.0.0.1', '10.0.0.1', 'fe80::1'] };
  t.deepEqual(localRanks(processes, machine), [1, 2, 4, 6, 7]);
});
