/** What a run, or many, have exercised: how often each thing happened. */
export class Counts {
  readonly byName = new Map<string, number>();

  add(name: string, count = 1): void {
    if (count === 0) return;
    this.byName.set(name, (this.byName.get(name) ?? 0) + count);
  }

  addAll(others: Iterable<readonly [string, number]>): void {
    for (const [name, count] of others) this.add(name, count);
  }

  of(name: string): number {
    return this.byName.get(name) ?? 0;
  }
}
