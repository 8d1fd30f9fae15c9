/** So many operations under way all the time, half of them reads, anywhere on the disk. */
import type { Cluster } from '../helpers/cluster.js';
import type { RawClient } from '../helpers/rawClient.js';
import { sectorNamed } from '../helpers/sectorValue.js';
import type { Dice } from '../helpers/seed.js';
import { dice } from '../helpers/seed.js';

export class SteadyLoad {
  answeredCount = 0;
  readonly faults: string[] = [];
  private isStopping = false;
  private readonly lanes: Promise<void>[];

  static async start(cluster: Cluster, ranks: readonly number[], depth: number, sectors: number): Promise<SteadyLoad> {
    const clients = await Promise.all(ranks.map((rank) => cluster.client(rank)));
    return new SteadyLoad(clients, depth, sectors);
  }

  private constructor(
    private readonly clients: readonly RawClient[],
    depth: number,
    private readonly sectors: number,
  ) {
    this.lanes = clients.flatMap((client, index) =>
      Array.from({ length: depth }, (_, lane) => this.run(client, dice(index * depth + lane))),
    );
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await Promise.all(this.lanes);
    for (const client of this.clients) {
      await client.destroy();
      this.faults.push(...client.faults);
    }
  }

  private async run(client: RawClient, random: Dice): Promise<void> {
    const data = sectorNamed(`load ${random.seed}`);
    while (!this.isStopping) {
      const sector = random.below(this.sectors);
      const outcome = random.chance(50) ? await client.read(sector) : await client.write(sector, data);
      if (outcome.kind === 'answered' && outcome.status === 'Ok') this.answeredCount += 1;
      else {
        this.faults.push(`sector ${sector}: ${JSON.stringify(outcome)}`);
        return;
      }
    }
  }
}
