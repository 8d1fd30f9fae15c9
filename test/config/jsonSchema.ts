/** The configuration as JSON Schema, for editors: what config/atdd.schema.json holds. */
import { toJsonSchema } from '@valibot/to-json-schema';
import { CONFIG_SCHEMA } from '../../config/schema.js';

export function configJsonSchema(): unknown {
  // Checks that JSON Schema cannot say are left to the program: it says so itself at the start.
  return toJsonSchema(CONFIG_SCHEMA, { errorMode: 'ignore' });
}
