import type { OperationId } from '../operation.js';
import type { SectorData } from '../sector.js';

/** A client's operation as its register sees it. The id is fresh and names it in every message. */
export type ClientOperation =
  | { readonly kind: 'read'; readonly id: OperationId }
  | { readonly kind: 'write'; readonly id: OperationId; readonly data: SectorData };
