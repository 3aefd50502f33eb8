/** What waits to be sent. Pure. One message is on its way at a time, so the service stores them in the order in which they were written. */

/** A message on its way. */
export interface Outgoing {
  readonly id: string;
  readonly text: string;
}

/** `later`: it stays and is sent again. `rename`: under a new id. `failed`: never. `none`: the code is not about sending. */
export type Verdict = "later" | "rename" | "failed" | "none";

/** Waits where the service names none, in milliseconds. */
const WAIT = { 9005: 1_000, 9008: 15_000, 9009: 10_000 } as const;

export class Outbox {
  private queue: Outgoing[];
  private onItsWay: string | null = null;
  private heldUntil = 0;
  private tokens = 1;
  private refilledAt = 0;
  private pace = { perSecond: 1, burst: 1 };

  constructor(waiting: readonly Outgoing[]) {
    this.queue = [...waiting];
  }

  /** How many messages wait. */
  get length(): number {
    return this.queue.length;
  }

  /** Whether a message was sent that is not answered yet. */
  get isUnderWay(): boolean {
    return this.onItsWay !== null;
  }

  /** A connection is up: everything that waits is sent (again). `pace`: what the service allows. */
  connected(now: number, pace: { perSecond: number; burst: number }): void {
    this.pace = { perSecond: Math.max(1, pace.perSecond), burst: Math.max(1, pace.burst) };
    this.tokens = this.pace.burst;
    this.refilledAt = now;
    this.onItsWay = null;
    this.heldUntil = 0;
  }

  add(message: Outgoing): void {
    if (!this.queue.some((waiting) => waiting.id === message.id)) this.queue.push(message);
  }

  /** What waits according to the store, in order: other tabs write there too. */
  follow(waiting: readonly Outgoing[]): void {
    this.queue = [...waiting];
    if (!waiting.some((message) => message.id === this.onItsWay)) this.onItsWay = null;
  }

  /** The message to send now, if there is one; it is on its way from then on. */
  take(now: number): Outgoing | null {
    const next = this.queue[0];
    if (next === undefined || (this.dueAt(now) ?? Infinity) > now) return null;
    this.onItsWay = next.id;
    this.tokens -= 1;
    return next;
  }

  /** When `take` is worth a try; `null` while there is nothing to do. */
  dueAt(now: number): number | null {
    if (this.queue.length === 0 || this.onItsWay !== null) return null;
    this.tokens = Math.min(this.pace.burst, this.tokens + ((now - this.refilledAt) / 1000) * this.pace.perSecond);
    this.refilledAt = now;
    const free = this.tokens >= 1 ? now : now + Math.ceil(((1 - this.tokens) / this.pace.perSecond) * 1000);
    return Math.max(free, this.heldUntil);
  }

  /** The service has it. Returns whether it waited here. */
  settle(id: string): boolean {
    const before = this.queue.length;
    this.queue = this.queue.filter((waiting) => waiting.id !== id);
    if (this.onItsWay === id) this.onItsWay = null;
    return this.queue.length < before;
  }

  /** Another id for a message. */
  rename(id: string, newId: string): void {
    this.queue = this.queue.map((waiting) => (waiting.id === id ? { ...waiting, id: newId } : waiting));
    if (this.onItsWay === id) this.onItsWay = null;
  }

  /** The service did not take it. */
  refuse(id: string, code: number, now: number, retryMs: number | undefined): Verdict {
    if (!this.queue.some((waiting) => waiting.id === id)) return "none";
    switch (code) {
      case 9005:
      case 9008:
      case 9009:
        this.heldUntil = now + (retryMs ?? WAIT[code]);
        if (this.onItsWay === id) this.onItsWay = null;
        return "later";
      case 9011:
        return "rename";
      case 9006:
      case 9007:
      case 9014:
        this.settle(id);
        return "failed";
      default:
        return "none";
    }
  }
}
