/** What was sent last to real processes: when one of them fails, it is in there. */
export class Evidence {
  private readonly sent: Buffer[] = [];
  private next = 0;

  constructor(private readonly countMax = 500) {}

  note(bytes: Buffer): void {
    this.sent[this.next % this.countMax] = bytes;
    this.next += 1;
  }

  /** Oldest first. */
  all(): Buffer[] {
    const start = this.next > this.countMax ? this.next % this.countMax : 0;
    return [...this.sent.slice(start), ...this.sent.slice(0, start)];
  }
}
