/** The log entries of the gateway about its clients. */
import { TRANSMISSION_FLAG, flagNames } from '../nbd/constants.js';
import { transmissionFlagsOf } from '../nbd/nbdExport.js';
import type { Log } from '../ports/log.js';
import { RateLimitedLog } from '../rateLimitedLog.js';
import { monotonicClock } from '../shell/monotonicClock.js';
import type { TcpServer } from '../shell/tcpServer.js';
import type { NbdObserver } from '../../streams/pipelines/gateway/nbd.js';

/**
 * Milliseconds between two log entries about failed requests: without a majority every request fails, if waitMs is set.
 */
const FAILURE_LOG_MS = 5_000;

/** Refused requests are logged at the debug level only, because a client may send any number of them. */
export function gatewayObserver(log: Log, servers: readonly TcpServer[]): NbdObserver {
  const failures = new RateLimitedLog({ log, clock: monotonicClock, intervalMs: FAILURE_LOG_MS });
  return {
    negotiated: (connection, { export: found, isStructured, hasAllocation }) => {
      for (const server of servers) server.trust(connection);
      const flags = flagNames(TRANSMISSION_FLAG, transmissionFlagsOf(found, isStructured));
      const fields = { remote: connection.remote, export: found.name, isStructured, hasAllocation };
      log.info('attached', { ...fields, flags });
    },
    ended: (connection, reason) => {
      log.info('detached', { remote: connection.remote, reason });
    },
    refused: (connection, { command, error, text }) => {
      if (!log.debugEnabled) return;
      log.debug('refused', { remote: connection.remote, command, error, text });
    },
    failed: (connection, { command }, error) => {
      const fields = { remote: connection.remote, command, error: error.message };
      failures.write({
        kind: 'failed',
        level: 'warn',
        message: 'requests fail; this is one of them',
        fields: (suppressed) => ({ ...fields, failures: suppressed + 1 }),
      });
    },
  };
}
