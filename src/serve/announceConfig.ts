/** What the program says of the configuration that it has read, on standard error. */
import type { ClusterConfig } from '../../config/load.js';

/** Says which file was taken, unless the command line named it; standard output is for data. */
export function announceConfig(config: ClusterConfig): void {
  const reasons = { option: null, env: 'ATDD_CONFIG', search: 'found on the search path' };
  const reason = reasons[config.chosenBy];
  if (reason !== null) process.stderr.write(`atdd: configuration ${config.file} (${reason})\n`);
}

export function announceWarnings(warnings: readonly string[]): void {
  for (const warning of warnings) process.stderr.write(`atdd: warning: ${warning}\n`);
}
