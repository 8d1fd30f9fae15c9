/**
 * Atomic Disk Drive, the client library: what a program imports to use a disk.
 *
 * ```ts
 * import { connect } from 'atomic-disk-drive';
 * const disk = await connect({ processes: [{ host: '127.0.0.1', port: 7101 }, …], clientKey });
 * await disk.writeSector(0, data);
 * await disk.close();
 * ```
 *
 * This file is the public entry. It is the only one that exports things of other files: all other code imports a thing
 * from the file that defines it.
 */
export { AtomicDiskError } from '../errors.js';
export type { ErrorCode } from '../errors.js';
export type { AttemptEvent, ClientCounters } from './clientEvents.js';
export { connect, openClient } from './connect.js';
export type { AtomicDiskClient, ConnectOptions, ConnectTimeouts, ProcessAddress } from './connect.js';
