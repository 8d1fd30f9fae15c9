/** The final output of `atdd scrub` for people. */
import type { ProcessScrub } from './scrubAll.js';
import { textTable } from './textTable.js';

const COLUMNS = ['rank', 'verified', 'damaged', 'healed', 'behind', 'ahead', 'compared with'];

/** @param troubles What `scrubTroubles` has found. */
export function describeScrubs(scrubs: readonly ProcessScrub[], troubles: readonly string[]): string {
  const lines = textTable([COLUMNS, ...scrubs.map(cells)]);
  lines.push(
    troubles.length === 0
      ? 'Nothing is damaged, and every process was compared with all others.'
      : `Not all is well: ${troubles.join('; ')}`,
  );
  return `${lines.join('\n')}\n`;
}

function cells({ rank, trouble, counts, healed }: ProcessScrub): string[] {
  if (counts === null || trouble !== null) return [String(rank), trouble ?? 'said nothing'];
  const { verified, damaged, behind, ahead, comparedWith } = counts;
  const compared = [...comparedWith].sort((a, b) => a - b).join(', ');
  return [...[rank, verified, damaged, healed, behind, ahead].map(String), compared === '' ? 'none' : compared];
}
