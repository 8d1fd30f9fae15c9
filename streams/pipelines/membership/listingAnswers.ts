import type { Observable } from 'rxjs';
import { EMPTY, catchError, finalize, map } from 'rxjs';
import { ENTRIES_MAX } from '../../../src/core/membership/memberMessage.js';
import { isOutdated } from '../../../src/core/membership/membership.js';
import type { Rank } from '../../../src/core/rank.js';
import { NoSpace } from '../../../src/ports/blockFiles.js';
import { serializeMemberMessage } from '../../../src/wire/memberMessages.js';
import type { Inbound } from '../arrival.js';
import type { Outbound } from '../outbound.js';
import type { ProcessPipelineOptions, ProcessPorts } from '../processOptions.js';

type Listing = Extract<Inbound, { kind: 'listing' }>;

/**
 * Answers the questions of peers for lists of sectors, and passes on the lists that peers send.
 *
 * A joining peer relies on the list to rebuild its disk. So a question is answered only by a voting member, only for a
 * peer whose present disk is durably on record here, and only while no operation of this process can count an answer of
 * a former disk of that peer. In all other cases the peer asks again. So it does if this disk has no room even for
 * reading.
 */
export function listingAnswers(options: ProcessPipelineOptions, { store }: ProcessPorts) {
  const { membership, self, verdict, state } = options;
  const busy = new Set<Rank>();
  return ({ session, message }: Listing): Observable<Outbound> => {
    const { sender, content } = message;
    const { hello } = session;
    if (content.kind === 'listed') {
      const isLost = hello !== null && isOutdated(membership.current, sender, hello);
      if (!isLost) state.exchange.takeListed(sender, content);
      return EMPTY;
    }
    const known = membership.durable.get(sender);
    const isKnown =
      hello !== null &&
      known !== undefined &&
      known.storage === hello.storage &&
      known.incarnation === hello.incarnation;
    if (!isKnown || !membership.isVoting || busy.has(sender)) return EMPTY;
    if (state.disavowals.areWaiting(sender)) return EMPTY;
    busy.add(sender);
    return store.list(content.from, ENTRIES_MAX + 1).pipe(
      map((entries): Outbound => {
        const listed = {
          kind: 'listed',
          id: content.id,
          from: content.from,
          next: entries.length > ENTRIES_MAX ? entries[ENTRIES_MAX].sector : null,
          entries: entries.slice(0, ENTRIES_MAX),
          written: store.counts().written,
        } as const;
        const signed = { sender: self.rank, content: listed };
        const message = serializeMemberMessage(signed, verdict.systemTagger);
        const command = { kind: 'reply', key: `listed ${content.id}`, message } as const;
        return { kind: 'link', addressed: { to: sender, command } };
      }),
      catchError((error: unknown) => {
        if (error instanceof NoSpace) return EMPTY;
        throw error;
      }),
      finalize(() => busy.delete(sender)),
    );
  };
}
