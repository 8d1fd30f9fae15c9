/** Doubles for marble tests: a connection and a store whose every move is on the virtual clock. */
import type { Observable } from 'rxjs';
import { EMPTY, NEVER, Subject } from 'rxjs';
import type { Connection } from '../../src/ports/connection.js';

export interface FakeConnection extends Connection {
  readonly written: Uint8Array[];
  readonly calls: string[];
  bufferedBytes: number;
  readonly drained$: Subject<void>;
}

export function fakeConnection(
  name: string,
  streams: { bytes$?: Observable<Uint8Array>; closed$?: Observable<never> } = {},
): FakeConnection {
  const written: Uint8Array[] = [];
  const calls: string[] = [];
  const note = (call: string) => () => {
    calls.push(call);
  };
  return {
    remote: name,
    bytes$: streams.bytes$ ?? EMPTY,
    closed$: streams.closed$ ?? NEVER,
    drained$: new Subject<void>(),
    bufferedBytes: 0,
    written,
    calls,
    write: (chunks) => {
      written.push(...chunks);
    },
    pause: note('pause'),
    resume: note('resume'),
    end: note('end'),
    destroy: note('destroy'),
  };
}

/** A message's worth of bytes that reads as its name. */
export const named = (name: string): Uint8Array => Uint8Array.from(Buffer.from(name, 'latin1'));
export const nameOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
