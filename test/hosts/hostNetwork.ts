/**
 * Hosts on one machine: network namespaces, joined by a bridge in a namespace of its own. Nothing of it is in the
 * network of the machine but the names of the namespaces, which hold the pid of this program, so two runs do not meet.
 * A namespace takes its links and queues with it when it goes.
 *
 * Host n is 10.77.0.n. Hosts 1 to N run the processes of these ranks; the next one, the gateway.
 */
import { execFileSync } from 'node:child_process';

const BRIDGE = 'br0';
const INTERFACE = 'eth0';

export class HostNetwork {
  private readonly names: string[] = [];
  private readonly switchName = `atdd-${process.pid}-switch`;

  /**
   * Makes the hosts. They go when this program ends, however it ends, short of SIGKILL.
   * @throws if the system does not let us make them; then nothing is left of them.
   */
  static create(hostCount: number): HostNetwork {
    const network = new HostNetwork(hostCount);
    process.once('exit', () => {
      network.remove();
    });
    network.build();
    return network;
  }

  private constructor(readonly hostCount: number) {}

  addressOf(host: number): string {
    return `10.77.0.${host}`;
  }

  /** The command line that runs a program on a host. It keeps its pid. */
  commandOn(host: number, command: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.nameOf(host), ...command];
  }

  /** From now on nothing leaves the host and nothing arrives there. Nobody is told: no FIN, no RST. */
  cut(host: number): void {
    ip('-n', this.switchName, 'link', 'set', portOf(host), 'down');
  }

  join(host: number): void {
    ip('-n', this.switchName, 'link', 'set', portOf(host), 'up');
  }

  /** The host sends no faster than this, and what waits is kept up to two seconds. */
  slowUplink(host: number, kilobitsPerSecond: number): void {
    const rate = ['rate', `${kilobitsPerSecond}kbit`, 'burst', '16kb', 'latency', '2s'];
    run('tc', '-n', this.nameOf(host), 'qdisc', 'replace', 'dev', INTERFACE, 'root', 'tbf', ...rate);
  }

  freeUplink(host: number): void {
    run('tc', '-n', this.nameOf(host), 'qdisc', 'del', 'dev', INTERFACE, 'root');
  }

  /** What is still in a namespace is not ended by this. */
  remove(): void {
    for (const name of this.names.splice(0).reverse()) {
      try {
        ip('netns', 'del', name);
      } catch (error) {
        process.stderr.write(`chaos:hosts: the namespace ${name} could not be removed: ${String(error)}\n`);
      }
    }
  }

  private build(): void {
    this.addNamespace(this.switchName);
    ip('-n', this.switchName, 'link', 'add', BRIDGE, 'type', 'bridge');
    ip('-n', this.switchName, 'link', 'set', BRIDGE, 'up');
    for (let host = 1; host <= this.hostCount; host += 1) {
      const name = this.nameOf(host);
      const port = portOf(host);
      this.addNamespace(name);
      const peer = ['peer', 'name', INTERFACE, 'netns', name];
      ip('link', 'add', port, 'netns', this.switchName, 'type', 'veth', ...peer);
      ip('-n', name, 'addr', 'add', `${this.addressOf(host)}/24`, 'dev', INTERFACE);
      ip('-n', name, 'link', 'set', INTERFACE, 'up');
      ip('-n', name, 'link', 'set', 'lo', 'up');
      ip('-n', this.switchName, 'link', 'set', port, 'master', BRIDGE);
      ip('-n', this.switchName, 'link', 'set', port, 'up');
    }
    // Whether the kernel has this queue is known now, not in the middle of a scenario.
    this.slowUplink(1, 1_000);
    this.freeUplink(1);
  }

  private addNamespace(name: string): void {
    ip('netns', 'add', name);
    this.names.push(name);
  }

  private nameOf(host: number): string {
    return `atdd-${process.pid}-host${host}`;
  }
}

const portOf = (host: number): string => `port${host}`;

function ip(...words: readonly string[]): void {
  run('ip', ...words);
}

/** @throws with what the program says. */
function run(program: string, ...words: readonly string[]): void {
  try {
    execFileSync(program, words, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  } catch (error) {
    const said = ((error as { stderr?: string }).stderr ?? '').trim();
    throw new Error(`${program} ${words.join(' ')}: ${said === '' ? String(error) : said}`, { cause: error });
  }
}
