/**
 * Puts the NBD gateway together from its real parts. startGateway.ts decides what it does, lifecycle.ts how it ends.
 */
import { lastValueFrom, merge } from 'rxjs';
import { describeAddress, isLoopback } from '../../config/address.js';
import * as limits from '../../config/limits.js';
import type { ClusterConfig } from '../../config/load.js';
import { loadClusterConfig } from '../../config/load.js';
import type { NbdConfig } from '../../config/nbdConfig.js';
import { openDisk } from '../client/connect.js';
import type { ClientDisk } from '../client/clientDisk.js';
import type { Log } from '../ports/log.js';
import type { ListenAddress } from '../shell/bindSocket.js';
import { bindSocket } from '../shell/bindSocket.js';
import { monotonicClock } from '../shell/monotonicClock.js';
import type { TcpServer } from '../shell/tcpServer.js';
import { tcpServer } from '../shell/tcpServer.js';
import { turnScheduler } from '../shell/turnScheduler.js';
import { removeStaleSocket } from '../shell/unixSocket.js';
import type { Gateway } from '../startGateway.js';
import { startGateway } from '../startGateway.js';
import { foregroundLog } from './foregroundLog.js';
import type { GatewayCommandOptions } from './gatewayConfig.js';
import { addressesOf, gatewayConfig } from './gatewayConfig.js';
import { gatewayObserver } from './gatewayObserver.js';
import { logReadiness } from './gatewayReadiness.js';
import { reloadOnHangup } from './hangup.js';
import { Lifecycle, failureOf } from './lifecycle.js';
import { refusalLog } from './refusalLog.js';

/**
 * Serves until a signal or a failure ends it.
 * @returns the exit code.
 * @throws {AtomicDiskError} ATDD_USAGE, ATDD_LISTEN_FAILED
 */
export async function serveGateway(config: ClusterConfig, options: GatewayCommandOptions): Promise<number> {
  const nbd = gatewayConfig(config, options);
  const log = foregroundLog(config.log, { gateway: 'nbd' });
  const lifecycle = new Lifecycle({
    log,
    patienceMs: config.timeouts.shutdownMs,
    lastWords: {
      killed: 'stopped at once: requests were left unanswered',
      failed: 'the gateway has to stop',
    },
  });
  const load = (file: string): ClusterConfig => loadClusterConfig({ file });
  reloadOnHangup({ config, load, setLevel: log.setLevel, log });
  const servers = await Promise.all(addressesOf(nbd).map((address) => listen(address, nbd.connections, log)));
  const disk = diskOf(config, nbd, log);
  const gateway = gatewayOver(disk, nbd, servers, log);
  if (!isLoopback(nbd.listen.host)) {
    const address = describeAddress(nbd.listen);
    log.warn('NBD has no passwords: whoever reaches this address can use the disk', { listen: address });
  }
  const where = { listen: describeAddress(nbd.listen), socket: nbd.socket ?? undefined };
  log.info('listening', where);
  const readiness = logReadiness(config, { disk, log, where });
  return lifecycle.runUntilEnded({
    failed: failureOf(gateway.done$),
    stop: async () => {
      log.info('stopping');
      for (const server of servers) server.stopListening();
      gateway.stop();
      await lastValueFrom(gateway.done$, { defaultValue: null });
      readiness.unsubscribe();
      await lastValueFrom(disk.close(), { defaultValue: null });
    },
  });
}

async function listen(address: ListenAddress, connections: number, log: Log): Promise<TcpServer> {
  if ('path' in address) await removeStaleSocket(address.path);
  const option = 'nbd.connections';
  const onRefused = refusalLog({ places: connections, option, log, clock: monotonicClock });
  return tcpServer(await bindSocket({ ...address, connections }), connections, onRefused);
}

function diskOf({ processes, clientKey, sectors }: ClusterConfig, { waitMs }: NbdConfig, log: Log): ClientDisk {
  return openDisk({
    processes,
    clientKey,
    sectors,
    outstandingPerConnection: limits.NBD_OUTSTANDING_PER_CONNECTION,
    togetherMax: limits.NBD_TOGETHER_MAX,
    timeouts: {
      unconfirmedMs: limits.UNCONFIRMED_MS,
      ...(waitMs !== null && { operationMs: waitMs }),
    },
    log,
  });
}

function gatewayOver(disk: ClientDisk, { exports }: NbdConfig, servers: readonly TcpServer[], log: Log): Gateway {
  const { lingerMs } = limits.NBD_LIMITS;
  const observer = gatewayObserver(log, servers);
  return startGateway(
    { exports, disk, limits: limits.NBD_LIMITS, lingerMs, observer },
    {
      connections$: merge(...servers.map(({ connections$ }) => connections$)),
      schedulers: { clock: monotonicClock, turn: turnScheduler },
    },
  );
}
