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
const HELLOS = [0x80, 0x88];
/** Length of HELLO in version 2: version 1 stands behind it. */
const HELLO_SIZE = 672;

/** How long a connection of its own stands. */
const KEPT_US = 2_000_000;

export class Eavesdropper extends Machine {
  /** What one host said last at the beginning of a connection to another, and who that was. */
  private readonly heard = new Map<Host, Map<Host, Uint8Array>>();

  constructor(
    world: World,
    private readonly network: () => Network,
  ) {
    super(world, 'eavesdropper', 0);
    this.begin(1);
  }

  onMessage({ host, other }: Endpoint, bytes: Uint8Array): void {
    if (host.rank === 0 || other.host.rank === 0 || !HELLOS.includes(bytes[TYPE_AT])) return;
    const said = this.heard.get(host) ?? new Map<Host, Uint8Array>();
    this.heard.set(host, said.set(other.host, Uint8Array.from(bytes)));
  }

  /**
   * Says to `to` what `from` has said to others than `to`, and what of it stands behind the first message. @returns
   * whether there was any such thing.
   */
  replay(from: Host, to: Host): boolean {
    const said = [...(this.heard.get(from) ?? [])].filter(([host]) => host !== to);
    for (const [, bytes] of said) {
      this.say(to, bytes);
      if (bytes.length > HELLO_SIZE) this.say(to, bytes.subarray(HELLO_SIZE));
    }
    return said.length > 0;
  }

  private say(to: Host, bytes: Uint8Array): void {
    const said$ = this.network()
      .dial(this, to, 1_000)
      .pipe(
        mergeMap((connection) => {
          connection.write([bytes]);
          this.world.schedule(this.actor, KEPT_US, () => {
            connection.end();
          });
          return connection.bytes$;
        }),
      );
    said$.subscribe({ error: () => undefined });
  }
}
