/** What a process of this implementation, played by a test, says of itself first. */
import type { Configuration } from '../../src/core/membership/configuration.js';
import { MODE_OPEN } from '../../src/core/membership/registerMode.js';
import type { Hello, OldHello } from '../../src/core/membership/memberMessage.js';
import { LINK_TOKEN_NONE } from '../../src/core/membership/memberMessage.js';
import { createFrameDecoder } from '../../src/wire/frame.js';
import type { HelloEnvelope, HelloMessage } from '../../src/wire/helloMessage.js';
import { serializeHello } from '../../src/wire/helloMessage.js';
import { SERVER_MESSAGES } from '../../src/wire/messageTypes.js';
import { serializeMemberMessage } from '../../src/wire/memberMessages.js';
import { createTagger } from '../../src/wire/tag.js';
import { SYSTEM_KEY } from '../wire/messages.js';
import type { TestConnection } from './virtualProcess.js';

const tagger = createTagger(SYSTEM_KEY);

/** What the processes of startVirtual are started with. */
export const configurationOf = (processCount: number): Configuration => ({
  processCount,
  sectors: 100,
  addresses: 'a'.repeat(16),
  mode: MODE_OPEN,
});

export const oldHello = (sender: number, fields: Partial<OldHello> = {}): OldHello => ({
  storage: String(sender).repeat(16),
  memberState: 'member',
  incarnation: 0,
  known: null,
  incarnations: [0, 0, 0],
  ...fields,
});

export type FullHello = Hello & { readonly configuration: Configuration };

export const hello = (sender: number, fields: Partial<FullHello> = {}): FullHello => ({
  ...oldHello(sender),
  founding: null,
  isVouched: false,
  configuration: configurationOf(3),
  wasInUse: false,
  isFounder: false,
  hasData: false,
  isReady: false,
  isDrained: false,
  ...fields,
});

/** In version 1. */
export const oldHelloFrom = (sender: number, fields: Partial<OldHello> = {}): Buffer =>
  serializeMemberMessage({ sender, content: { kind: 'oldHello', ...oldHello(sender, fields) } }, tagger);

export const helloBytes = (
  envelope: Partial<HelloEnvelope> & { readonly sender: number },
  fields: Partial<FullHello> = {},
): Buffer => {
  const content = hello(envelope.sender, fields);
  const whole = { addressee: 1, token: 't'.repeat(16), echo: LINK_TOKEN_NONE, ...envelope };
  return serializeHello(whole, content, tagger);
};

/** The HELLOs, in version 2, that have arrived at the other side. */
export function hellosTold(connection: TestConnection): HelloMessage[] {
  return createFrameDecoder(SERVER_MESSAGES)
    .push(Buffer.concat(connection.written))
    .map(({ type, bytes }) => type.parse(bytes))
    .flatMap((message) => (message.family === 'hello' ? [message] : []));
}

interface VirtualProcess {
  readonly connect: () => TestConnection;
  readonly pass: (ms: number) => void;
}

/** A connection of that peer to process 1, over which it has shown who it is. */
export function introduce(
  { connect, pass }: VirtualProcess,
  sender: number,
  fields: Partial<FullHello> = {},
): TestConnection & { readonly say: (fields: Partial<FullHello>) => void } {
  const connection = connect();
  connection.receive(helloBytes({ sender }, fields));
  pass(0);
  const echo = hellosTold(connection).at(-1)?.token ?? LINK_TOKEN_NONE;
  const say = (said: Partial<FullHello>): void => {
    connection.receive(helloBytes({ sender, echo }, said));
  };
  say(fields);
  pass(0);
  connection.take();
  return Object.assign(connection, { say });
}
