import test from 'ava';
import { map } from 'rxjs';
import type { NbdInput } from '../../streams/decodeNbd.js';
import { decodeNbd } from '../../streams/decodeNbd.js';
import { marbles } from '../helpers/marbles.js';
import { bytes, clientFlags, go, option, request } from '../nbd/wire.js';

const EXPORTS = [{ name: '', firstSector: 0, sectors: 8, isReadOnly: false }];

const chunks: Record<string, Uint8Array> = {
  h: clientFlags(3),
  g: go(''),
  q: request({ type: 3, cookie: 7n }),
  w: bytes(go(''), request({ type: 3, cookie: 7n })),
  d: request({ type: 2 }),
  a: option(2),
  x: Buffer.alloc(28, 1),
};

/** One letter for each kind: r(eply), n(egotiated), q(uest), x = refused, e(nd). */
const letters = map(({ kind }: NbdInput) => {
  const letter = { reply: 'r', negotiated: 'n', request: 'q', refused: 'x', end: 'e' } as const;
  return letter[kind];
});

test('greeting, handshake, requests', marbles, ({ cold, expectObservable }) => {
  const chunk$ = cold(' --h-g------q----|', chunks);
  const output$ = chunk$.pipe(decodeNbd(EXPORTS), letters);
  expectObservable(output$).toBe('r---(rrrn)-q----|');
});

test('requests may come in one piece with the handshake', marbles, ({ cold, expectObservable }) => {
  const output$ = cold('--h-w------|', chunks).pipe(decodeNbd(EXPORTS), letters);
  expectObservable(output$).toBe('r---(rrrnq)|');
});

test('the end is the last, and the source is let go', marbles, (h) => {
  const cases: [string, string, string][] = [
    ['-hg-----d--q', 'r-(rrrn)(e|)', '^-------!'],
    ['-ha--q', '    r-(re|)', '^-!'],
    ['-x---q', '    r(e|)', '^!'],
  ];
  for (const [source, output, subscription] of cases) {
    const chunk$ = h.cold(source, chunks);
    h.expectObservable(chunk$.pipe(decodeNbd(EXPORTS), letters)).toBe(output.trim());
    h.expectSubscriptions(chunk$.subscriptions).toBe(subscription);
  }
});

test('nothing, errors and unsubscribing', marbles, (h) => {
  h.expectObservable(h.cold<Uint8Array>('--|').pipe(decodeNbd(EXPORTS), letters)).toBe('r-|');
  h.expectObservable(h.cold<Uint8Array>('--#').pipe(decodeNbd(EXPORTS), letters)).toBe('r-#');
  const chunk$ = h.cold<Uint8Array>('-----');
  h.expectObservable(chunk$.pipe(decodeNbd(EXPORTS), letters), '--!').toBe('r-');
  h.expectSubscriptions(chunk$.subscriptions).toBe('^-!');
});
