import type { Incarnations } from '../../core/strict/replicaMessage.js';
import type { NumberedAnswer } from './answers.js';
import type { Packer } from './pack.js';
import type { NumberedRequest } from './requests.js';

/** An answer that becomes bytes when it is sent: in one pack with the others that the turn has for its connection. */
export class OutgoingAnswer {
  constructor(
    /** It has the key of the connection. */
    readonly packer: Packer,
    readonly numbered: NumberedAnswer,
  ) {}
}

/** A request likewise. */
export class OutgoingRequest {
  constructor(
    readonly packer: Packer,
    readonly numbered: NumberedRequest,
  ) {}
}

/** What goes in packs. Over one connection goes only one of the two. */
export type Packed = OutgoingAnswer | OutgoingRequest;

/**
 * Packs the requests or answers among what one turn sends over one connection.
 *
 * @param incarnations What this process knows of all (E4), asked for when there are answers.
 * @returns the bytes of the packs, and the rest of the contents in order.
 */
export function packTogether<Content>(
  contents: readonly (Content | Packed)[],
  incarnations: () => Incarnations,
): { readonly packs: Uint8Array[]; readonly others: Content[] } {
  const answers: NumberedAnswer[] = [];
  const requests: NumberedRequest[] = [];
  const others: Content[] = [];
  let packer: Packer | null = null;
  for (const content of contents) {
    if (content instanceof OutgoingAnswer) {
      ({ packer } = content);
      answers.push(content.numbered);
    } else if (content instanceof OutgoingRequest) {
      ({ packer } = content);
      requests.push(content.numbered);
    } else others.push(content);
  }
  if (packer === null) return { packs: [], others };
  const packs = answers.length > 0 ? packer.packAnswers(incarnations(), answers) : [];
  if (requests.length > 0) packs.push(...packer.packRequests(requests));
  return { packs, others };
}
