/**
 * `atdd run`: one process in the foreground. The socket is bound before anything else is loaded: a process has to be
 * reachable within 300 ms of its launch, and loading the libraries alone takes a good part of that.
 */
import type { ProcessConfig } from '../../config/load.js';
import { bindSocket } from '../shell/bindSocket.js';

/** @returns the exit code. @throws {AtomicDiskError} when the process cannot start. */
export async function run(config: ProcessConfig, isFounder: boolean): Promise<number> {
  const { host, port } = config.processes[config.rank - 1];
  const bound = await bindSocket({ host, port, connections: config.limits.connections });
  if (config.workers === 0) {
    const { serve } = await import('./serve.js');
    return serve(config, isFounder, bound);
  }
  const { serveWorkers } = await import('./serveWorkers.js');
  return serveWorkers(config, isFounder, bound);
}
