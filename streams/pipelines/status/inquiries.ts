/** Answers the inquiries of clients about the process itself. */
import { unreachable } from '../../../src/core/assert.js';
import type { Inquiry } from '../../../src/core/membership/memberMessage.js';
import type { SectorStore } from '../../../src/ports/store.js';
import { serializeReport } from '../../../src/wire/inquiryMessages.js';
import type { Inbound } from '../arrival.js';
import type { Outbound } from '../outbound.js';
import type { ProcessPipelineOptions, ProcessPorts } from '../processOptions.js';
import type { StatusReport } from './statusReport.js';
import { reportOf, textOfReport } from './statusReport.js';

type InquiryOf = Extract<Inbound, { kind: 'inquiry' }>;

export function answerInquiry(
  { session, inquiry, requestNumber }: InquiryOf,
  options: ProcessPipelineOptions,
  { store }: ProcessPorts,
): Outbound {
  const text = textOfReport(answerTo(inquiry, options, store));
  const bytes = serializeReport(inquiry, requestNumber, text, options.verdict.clientTagger);
  return { kind: 'send', outgoing: { connection: session.connection, content: bytes } };
}

/** Does what the inquiry asks for. @returns the report after that. */
export function answerTo(inquiry: Inquiry, options: ProcessPipelineOptions, store: SectorStore): StatusReport {
  switch (inquiry) {
    case 'scrub':
      options.state.repair.scrub.isWanted = true;
      break;
    case 'status':
      break;
    default:
      unreachable(inquiry);
  }
  return reportOf(options, options.state, options.membership, store.counts());
}
