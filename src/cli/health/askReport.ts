/** Asks one process for its status report. */
import type { AtomicDiskClient } from '../../client/client.js';
import type { Inquiry } from '../../core/membership/memberMessage.js';
import type { Rank } from '../../core/rank.js';
import { troubleOf } from '../../errors.js';
import type { CheckedReport } from './reportFields.js';
import { checkReport } from './reportFields.js';

export type ReportAnswer = CheckedReport | { readonly kind: 'silent'; readonly trouble: string };

/** @param timeoutMs After this it counts as a process that does not answer inquiries. */
export async function askReport(
  client: Pick<AtomicDiskClient, 'inquire'>,
  rank: Rank,
  inquiry: Inquiry,
  timeoutMs: number,
): Promise<ReportAnswer> {
  try {
    return checkReport(await client.inquire(rank, inquiry, timeoutMs));
  } catch (error) {
    return { kind: 'silent', trouble: troubleOf(error) };
  }
}
