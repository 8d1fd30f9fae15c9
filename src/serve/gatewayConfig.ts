/** The NBD section of the configuration, as the command line changes it. */
import { isAbsolute, resolve } from 'node:path';
import { parseAddress } from '../../config/address.js';
import type { ClusterConfig } from '../../config/load.js';
import type { NbdConfig } from '../../config/nbdConfig.js';
import { defaultNbdConfig } from '../../config/nbdConfig.js';
import { AtomicDiskError } from '../errors.js';
import type { ListenAddress } from '../shell/bindSocket.js';
import { currentFolder } from '../surroundings.js';

/** The options of `atdd nbd` on the command line. */
export interface GatewayCommandOptions {
  readonly listen?: string;
  readonly socket?: string;
}

/**
 * @returns the configured values, or the defaults, with the options of the command line in their place. @throws
 *   {AtomicDiskError} ATDD_USAGE
 */
export function gatewayConfig(config: ClusterConfig, { listen, socket }: GatewayCommandOptions): NbdConfig {
  const configured = config.nbd ?? defaultNbdConfig(config.sectors);
  const address = listen === undefined ? configured.listen : parseAddress(listen);
  if (address === null) {
    throw new AtomicDiskError('ATDD_USAGE', `--listen: ${listen} is not an address (host:port)`);
  }
  return {
    ...configured,
    listen: address,
    socket: socket === undefined ? configured.socket : socketPath(socket),
  };
}

/** The addresses at which the gateway listens: one of TCP, and a Unix socket if there is to be one. */
export function addressesOf({ listen, socket, socketMode, socketGroup }: NbdConfig): ListenAddress[] {
  const access = { mode: socketMode, group: socketGroup };
  return socket === null ? [listen] : [listen, { path: socket, access }];
}

/** A shell has taken care of a "~" already. @throws {AtomicDiskError} ATDD_USAGE */
function socketPath(written: string): string {
  const folder = currentFolder();
  if (folder !== null || isAbsolute(written)) return resolve(folder ?? '/', written);
  const text = `--socket: ${written} is relative to a current folder that is gone`;
  throw new AtomicDiskError('ATDD_USAGE', text);
}
