/** A binary heap of events, earliest first; of those due at the same time, the one added first. */
import type { Actor } from './actor.js';

export interface Event {
  atUs: number;
  readonly order: number;
  readonly actor: Actor | null;
  /** null: cancelled. */
  run: (() => void) | null;
}

export class EventHeap {
  private readonly events: Event[] = [];
  private orderCount = 0;

  push(atUs: number, actor: Actor | null, run: () => void): Event {
    this.orderCount += 1;
    const event = { atUs, order: this.orderCount, actor, run };
    this.insert(event);
    return event;
  }

  /** Puts an event that was taken out back, for later; it keeps its place among its like. */
  delay(event: Event, atUs: number): void {
    event.atUs = atUs;
    this.insert(event);
  }

  peek(): Event | null {
    return this.events.length === 0 ? null : this.events[0];
  }

  pop(): void {
    const last = this.events.pop();
    if (last === undefined || this.events.length === 0) return;
    const { events } = this;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= events.length) break;
      if (child + 1 < events.length && isBefore(events[child + 1], events[child])) child += 1;
      if (!isBefore(events[child], last)) break;
      events[at] = events[child];
      at = child;
    }
    events[at] = last;
  }

  private insert(event: Event): void {
    const { events } = this;
    let at = events.length;
    events.push(event);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!isBefore(event, events[parent])) break;
      events[at] = events[parent];
      at = parent;
    }
    events[at] = event;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atUs === b.atUs ? a.order < b.order : a.atUs < b.atUs;
}
