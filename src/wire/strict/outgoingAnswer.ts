import type { Incarnations } from '../../core/strict/replicaMessage.js';
import type { NumberedAnswer } from './answers.js';
import type { Packer } from './pack.js';

/** An answer that becomes bytes when it is sent: in one pack with the others that the turn has for its connection. */
export class OutgoingAnswer {
  constructor(
    /** It has the key of the connection. */
    readonly packer: Packer,
    readonly numbered: NumberedAnswer,
  ) {}
}

/**
 * Packs the answers among what one turn sends over one connection.
 *
 * @param incarnations What this process knows of all (E4), asked for when there are answers.
 * @returns the bytes of the packs, and the rest of the contents in order.
 */
export function packAnswers<Content>(
  contents: readonly (Content | OutgoingAnswer)[],
  incarnations: () => Incarnations,
): { readonly packs: Uint8Array[]; readonly others: Content[] } {
  const answers: NumberedAnswer[] = [];
  const others: Content[] = [];
  let packer: Packer | null = null;
  for (const content of contents) {
    if (content instanceof OutgoingAnswer) {
      ({ packer } = content);
      answers.push(content.numbered);
    } else others.push(content);
  }
  return { packs: packer?.packAnswers(incarnations(), answers) ?? [], others };
}
