import { TYPE_EXTENSION_MIN } from '../../src/wire/constants.js';
import type { MessageTable } from '../../src/wire/messageTypes.js';

/** What the protocol page names; of this implementation alone types are tested in extension.test.ts. */
export function baseTypes(table: MessageTable): MessageTable {
  return table.map((row, code) => (code < TYPE_EXTENSION_MIN ? row : undefined));
}
