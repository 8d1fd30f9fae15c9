import { createHmac } from 'node:crypto';
import test from 'ava';
import { clusterIdentityOf, parseKey } from '../../config/keys.js';

const DIGITS = '00112233445566778899aabbccddeeFF'.repeat(2);

test('a key is read from its digits, white space around it or not', (t) => {
  const key = Uint8Array.from(Buffer.from(DIGITS, 'hex'));
  t.deepEqual(parseKey('client', DIGITS), { kind: 'key', key });
  t.deepEqual(parseKey('client', `\n ${DIGITS}\r\n`), { kind: 'key', key });
  t.is(parseKey('system', DIGITS + DIGITS).kind, 'key');
});

test('what is no key is told without showing it', (t) => {
  const found = (name: 'client' | 'system', text: string): string => {
    const result = parseKey(name, text);
    return result.kind === 'fault' ? result.found : 'a key';
  };
  t.is(found('client', ' \n'), 'nothing');
  t.is(found('client', DIGITS.slice(1)), '63 digits (not shown)');
  t.is(found('client', DIGITS + DIGITS), '128 digits (not shown)');
  t.is(found('system', DIGITS), '64 digits (not shown)');
  t.is(found('client', `${DIGITS.slice(1)}g`), 'something else at character 64 (not shown)');
  t.is(found('client', `${DIGITS}\n${DIGITS}`), 'something else at character 65 (not shown)');
});

test('the identity of a cluster is 16 bytes of an HMAC under its system key', (t) => {
  const key = new Uint8Array(64).fill(7);
  const whole = createHmac('sha256', key).update('atdd cluster identity').digest('hex');
  t.is(clusterIdentityOf(key), whole.slice(0, 32));
  t.not(clusterIdentityOf(key), clusterIdentityOf(new Uint8Array(64).fill(8)));
});
