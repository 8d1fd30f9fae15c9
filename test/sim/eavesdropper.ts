/**
 * Somebody without a key who listens on the network, and sends again what was said there: the first bytes of
 * connections between members, each over a connection of its own, and to somebody else.
 */
import { mergeMap } from 'rxjs';
import { Machine } from './machine.js';
import type { Endpoint, Host } from './endpoint.js';
import type { Network } from './network.js';
import type { World } from './world.js';

// Offset and code of docs/peer-extension.md, written here once more.
const TYPE_AT = 7;
const SHARD = 0x87;
const HELLOS = [0x80, 0x88];
/** Length of HELLO in version 2: version 1 stands behind it. */
const HELLO_SIZE = 672;

/** How long a connection of its own stands. */
const KEPT_US = 2_000_000;

interface Heard {
  /** null: it was no worker. */
  readonly shard: Uint8Array | null;
  readonly hello: Uint8Array;
}

export class Eavesdropper extends Machine {
  /** What one host said last at the beginning of a connection to another, and who that was. */
  private readonly heard = new Map<Host, Map<Host, Heard>>();
  /** What was said before that. */
  private readonly shards = new WeakMap<Endpoint, Uint8Array>();

  constructor(
    world: World,
    private readonly network: () => Network,
  ) {
    super(world, 'eavesdropper', 0);
    this.begin(1);
  }

  onMessage(endpoint: Endpoint, bytes: Uint8Array): void {
    const { host, other } = endpoint;
    if (host.rank === 0 || other.host.rank === 0) return;
    const type = bytes[TYPE_AT];
    if (type === SHARD) this.shards.set(endpoint, Uint8Array.from(bytes));
    if (!HELLOS.includes(type)) return;
    const said = this.heard.get(host) ?? new Map<Host, Heard>();
    const shard = this.shards.get(endpoint) ?? null;
    this.heard.set(host, said.set(other.host, { shard, hello: Uint8Array.from(bytes) }));
  }

  /**
   * Says to `to` what `from` has said to others than `to`, and what of it stands behind the first message. @returns
   * whether there was any such thing.
   */
  replay(from: Host, to: Host): boolean {
    const said = [...(this.heard.get(from) ?? [])].filter(([host]) => host !== to);
    for (const [, { shard, hello }] of said) {
      const before = shard === null ? [] : [shard];
      this.say(to, [...before, hello]);
      if (hello.length > HELLO_SIZE) this.say(to, [...before, hello.subarray(HELLO_SIZE)]);
    }
    return said.length > 0;
  }

  private say(to: Host, messages: readonly Uint8Array[]): void {
    const said$ = this.network()
      .dial(this, to, 1_000)
      .pipe(
        mergeMap((connection) => {
          connection.write(messages);
          this.world.schedule(this.actor, KEPT_US, () => {
            connection.end();
          });
          return connection.bytes$;
        }),
      );
    said$.subscribe({ error: () => undefined });
  }
}
