import type { OperationId } from '../operation.js';
import type { SectorData } from '../sector.js';

/** A client's operation as its register sees it. Its id was drawn for it alone and stands in every message about it. */
export type ClientOperation =
  | { readonly kind: 'read'; readonly id: OperationId }
  | { readonly kind: 'write'; readonly id: OperationId; readonly data: SectorData };
