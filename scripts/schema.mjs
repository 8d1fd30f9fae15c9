/** npm run schema: writes config/atdd.schema.json from config/schema.ts. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { format } from 'prettier';
import { ensureReady, ROOT } from './ensure.mjs';

await ensureReady();
const schema = join(ROOT, 'dist', 'test', 'config', 'jsonSchema.js');
const { configJsonSchema } = await import(pathToFileURL(schema).href);
const file = join(ROOT, 'config', 'atdd.schema.json');
const text = await format(JSON.stringify(configJsonSchema()), { parser: 'json', printWidth: 100 });
writeFileSync(file, text);
process.stdout.write(`${file}\n`);
