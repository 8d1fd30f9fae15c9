/** Reports of older processes lack fields, those of newer ones have more: both are read. */
import test from 'ava';
import fc from 'fast-check';
import type * as v from 'valibot';
import { checkReport, reportSchema } from '../../../src/cli/health/reportFields.js';
import { newCounters } from '../../../src/core/counters.js';
import type { StatusReport } from '../../../streams/pipelines/status/statusReport.js';
import { reportOf } from './statusMaking.js';

type Path = readonly string[];
type Fields = Record<string, unknown>;
type Schema = v.GenericSchema & { readonly wrapped?: Schema; readonly entries?: Readonly<Record<string, Schema>> };

/** With everything that a process ever tells people of itself. */
const FULL: StatusReport = reportOf(1, {
  members: 'strict',
  strictWaits: { unheard: [2], foreign: [], notReady: [3] },
  strict: { promises: 3, floors: 1, regions: 2, toCheck: 5 },
  sectors: 9,
  badTags: { '::1': 2 },
  waiting: { unheard: [2], differing: [3], inUse: [2], founders: [3], isAlone: false },
  objections: [{ kind: 'replaced', by: 2 }],
  differences: [{ rank: 2, field: 'sectors', own: 9, peer: 8 }],
  start: '0123456789abcdef',
  extended: [2],
  rebuild: { taken: 1, total: 2, isEnough: true },
  counters: newCounters(),
});

/** Every field that the schema knows, and whether a report may lack it. */
function fieldsOf(schema: Schema, at: Path = []): { readonly path: Path; readonly isOptional: boolean }[] {
  return Object.entries(schema.entries ?? {}).flatMap(([name, field]) => {
    const path = [...at, name];
    return [{ path, isOptional: field.type === 'optional' }, ...fieldsOf(field.wrapped ?? field, path)];
  });
}

const FIELDS = fieldsOf(reportSchema);
const OPTIONAL = FIELDS.filter(({ isOptional }) => isOptional).map(({ path }) => path);

function objectAt(report: Fields, path: Path): Fields | undefined {
  return path.reduce<Fields | undefined>((fields, name) => fields?.[name] as Fields | undefined, report);
}

function without(report: StatusReport, paths: readonly Path[]): StatusReport {
  const copy = structuredClone(report) as unknown as Fields;
  for (const path of paths) {
    const fields = objectAt(copy, path.slice(0, -1));
    if (fields !== undefined) Reflect.deleteProperty(fields, path.at(-1) ?? '');
  }
  return copy as unknown as StatusReport;
}

test('the report that the other tests take fields from has all that there are', (t) => {
  for (const { path } of FIELDS) t.not(objectAt(FULL as unknown as Fields, path), undefined, path.join('.'));
  t.deepEqual(checkReport(JSON.stringify(FULL)), { kind: 'report', report: FULL });
});

test('a report may lack each of the counters, and each field that later versions have added', (t) => {
  const names = OPTIONAL.map((path) => path.join('.'));
  for (const name of Object.keys(newCounters())) t.true(names.includes(`counters.${name}`), name);
  for (const path of OPTIONAL) {
    const report = without(FULL, [path]);
    t.deepEqual(checkReport(JSON.stringify(report)), { kind: 'report', report }, path.join('.'));
  }
});

test('whatever fields a report lacks of those, and has besides: it is read', (t) => {
  const besides = fc.dictionary(fc.stringMatching(/^x[a-z]{1,8}$/), fc.jsonValue());
  const places = fc.dictionary(fc.constantFrom('', 'scrub', 'counters', 'rebuild', 'waiting'), besides);
  fc.assert(
    fc.property(fc.subarray(OPTIONAL), places, (lacking, added) => {
      const report = without(FULL, lacking);
      const sent = structuredClone(report) as unknown as Fields;
      for (const [place, fields] of Object.entries(added)) {
        Object.assign(objectAt(sent, place === '' ? [] : [place]) ?? {}, fields);
      }
      t.deepEqual(checkReport(JSON.stringify(sent)), { kind: 'report', report });
    }),
  );
});
