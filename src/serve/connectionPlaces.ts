/** The number of connections that a process can have at a time. */
import { readFileSync } from 'node:fs';
import * as limits from '../../config/limits.js';
import type { ProcessConfig } from '../../config/load.js';
import type { Log } from '../ports/log.js';
import type { BoundSocket } from '../shell/bindSocket.js';
import { monotonicClock } from '../shell/monotonicClock.js';
import type { TcpServer } from '../shell/tcpServer.js';
import { tcpServer } from '../shell/tcpServer.js';
import { refusalLog } from './refusalLog.js';

/** Takes over the bound socket of a process, with as many places as there can be. */
export function processServer(bound: BoundSocket, config: ProcessConfig, log: Log): TcpServer {
  const places = connectionPlaces(config, log);
  const option = 'limits.connections';
  return tcpServer(bound, places, refusalLog({ places, option, log, clock: monotonicClock }));
}

/** As many places as configured, but not more than the system's limit of descriptors leaves. */
function connectionPlaces(config: ProcessConfig, log: Log): number {
  const descriptors = descriptorLimit();
  const { workers } = config;
  const dialled = Math.max(1, workers) * (config.processes.length - 1);
  const reserved = limits.DESCRIPTORS_RESERVED + workers * limits.DESCRIPTORS_PER_WORKER;
  const places = Math.max(1, descriptors - reserved - dialled);
  if (places >= config.limits.connections) return config.limits.connections;
  log.info('fewer connections than configured: the system gives too few descriptors', {
    descriptors,
    connections: places,
  });
  return places;
}

/** The soft limit of open files; the usual 1024 if the system does not tell it. */
function descriptorLimit(): number {
  try {
    const match = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    return match === null ? 1_024 : Number(match[1]);
  } catch {
    return 1_024;
  }
}
