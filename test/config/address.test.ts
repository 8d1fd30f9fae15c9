import test from 'ava';
import { describeAddress, isLoopback, parseAddress } from '../../config/address.js';

test('an address is written as it was read', (t) => {
  for (const text of ['127.0.0.1:1', '[fe80::1]:7101', '[::ffff:1.2.3.4]:2', 'a.b-c_d.org:65535']) {
    const address = parseAddress(text);
    t.is(address === null ? null : describeAddress(address), text);
  }
  t.deepEqual(parseAddress('[::1]:7101'), { host: '::1', port: 7101 });
});

test('loopback is what cannot leave the machine', (t) => {
  const inside = ['127.0.0.1', '127.255.0.9', '::1', '0:0:0:0:0:0:0:1', 'LocalHost', '::ffff:127.0.0.1'];
  const outside = ['128.0.0.1', '0.0.0.0', '::', '10.0.0.1', 'localhost.example.org', '::ffff:10.0.0.1'];
  t.deepEqual(inside.filter(isLoopback), inside);
  t.deepEqual(outside.filter(isLoopback), []);
});
