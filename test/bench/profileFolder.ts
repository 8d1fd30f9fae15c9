/** Where --profile has the profiles written, and what it shows of them. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { CpuProfile } from './profile.js';
import { profileTable, summarise } from './profile.js';
import { alignedLines } from './rows.js';

const ENDING = '.cpuprofile';

export class ProfileFolder {
  readonly folder: string;

  /** @param folder null: a temporary one, which is kept. */
  constructor(folder: string | null) {
    this.folder = folder === null ? mkdtempSync(join(tmpdir(), 'atdd-profile-')) : resolve(folder);
    mkdirSync(this.folder, { recursive: true });
  }

  /** For the command line of Node, before the program. */
  optionsFor(name: string): string[] {
    const file = `--cpu-prof-name=${name.replaceAll(' ', '-')}${ENDING}`;
    return ['--cpu-prof', `--cpu-prof-dir=${this.folder}`, file];
  }

  /** Changes a command that begins with Node. */
  wrap(command: readonly string[], name: string): string[] {
    return [command[0], ...this.optionsFor(name), ...command.slice(1)];
  }

  describe(): string[] {
    return describeProfiles(this.folder);
  }
}

/** Of every profile in a folder. */
export function describeProfiles(folder: string): string[] {
  const files = readdirSync(folder).filter((name) => name.endsWith(ENDING));
  const summaries = files.sort().map((file) => {
    const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile;
    return { name: basename(file, ENDING), summary: summarise(profile) };
  });
  if (summaries.length === 0) return [`no profiles in ${folder}`];
  const lines = alignedLines(profileTable(summaries));
  for (const { name, summary } of summaries) {
    const busyUs = summary.totalUs - summary.idleUs;
    lines.push('', `${name}: functions with the most self time`);
    for (const { name: called, category, selfUs } of summary.functions) {
      lines.push(`${((100 * selfUs) / busyUs).toFixed(1).padStart(5)} %  ${called}  (${category})`);
    }
  }
  return lines;
}
