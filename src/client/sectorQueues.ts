/**
 * The operations of one client, by sector and in order. The protocol lets a client have one outstanding operation per
 * sector: the first of each queue.
 *
 * Memory: a sector without operations takes none.
 */
import type { SectorIndex } from '../core/sector.js';

export interface SectorQueues<T extends { readonly sector: SectorIndex }> {
  /** Appends. @returns whether it is the first of its sector. */
  add(operation: T): boolean;
  /**
   * Takes an operation out, wherever it stands. @returns the operation that is now the first of its sector because of
   * that, if there is one.
   */
  remove(operation: T): T | undefined;
  /** The sectors that have operations. */
  sectors(): Iterable<SectorIndex>;
  /** Every operation, those of a sector in order. */
  all(): T[];
}

export function createSectorQueues<T extends { readonly sector: SectorIndex }>(): SectorQueues<T> {
  const queues = new Map<SectorIndex, T[]>();
  return {
    add(operation) {
      const queue = queues.get(operation.sector);
      if (queue === undefined) {
        queues.set(operation.sector, [operation]);
        return true;
      }
      queue.push(operation);
      return false;
    },
    remove(operation) {
      const queue = queues.get(operation.sector);
      // Nearly always it is the only one.
      if (queue?.length === 1 && queue[0] === operation) {
        queues.delete(operation.sector);
        return undefined;
      }
      const position = queue?.indexOf(operation) ?? -1;
      if (queue === undefined || position === -1) return undefined;
      queue.splice(position, 1);
      return position === 0 ? queue[0] : undefined;
    },
    sectors: () => queues.keys(),
    all: () => [...queues.values()].flat(),
  };
}
