/** Messages on standard error about the configuration that the program has read. */
import type { ClusterConfig } from '../../config/load.js';

/** Names the file that was read, unless the command line named it. Standard output is for data. */
export function announceConfig(config: ClusterConfig): void {
  const reasons = { option: null, env: 'ATDD_CONFIG', search: 'found on the search path' };
  const reason = reasons[config.chosenBy];
  if (reason !== null) process.stderr.write(`atdd: configuration ${config.file} (${reason})\n`);
}

export function announceWarnings(warnings: readonly string[]): void {
  for (const warning of warnings) process.stderr.write(`atdd: warning: ${warning}\n`);
}
