/** Whether the service still answers: when to ask it, when to doubt, when to give up. Pure: times are milliseconds since 1970. */

/** Time for the answer to a frame before it is asked for, and then for the answer to that `ping` before the connection is taken for dead. */
export const ANSWER_LIMIT = 5_000;

/** A `ping` without an answer for this long is overdue: the person is no longer told that there is a connection. */
export const OVERDUE_AFTER = 1_000;

/** `ask`: send a `ping` now. `dead`: the connection is. */
export type Finding = "fine" | "ask" | "dead";

/** The pulse of one connection after the other. */
export class Pulse {
  /** When something was heard last. */
  heardAt = 0;
  /** Whether an answer is overdue. */
  isOverdue = false;

  private interval: number | null = null;
  private expectingSince: number | null = null;
  private askedAt: number | null = null;
  private count = 0;

  /** The service greeted. `interval`: the silence, in milliseconds, after which it is asked. */
  start(interval: number, now: number): void {
    this.stop();
    this.interval = Math.max(ANSWER_LIMIT, interval);
    this.heard(now);
  }

  /** There is no connection. */
  stop(): void {
    this.interval = this.expectingSince = this.askedAt = null;
    this.isOverdue = false;
  }

  /** Anything at all was heard. */
  heard(now: number): void {
    this.heardAt = now;
    this.askedAt = null;
    this.isOverdue = false;
  }

  /** Whether a frame is out that the service answers. */
  expect(isExpecting: boolean, now: number): void {
    this.expectingSince = isExpecting ? (this.expectingSince ?? now) : null;
  }

  /** Asks, unless it has been asked already. Returns the `c` of the `ping` to send. */
  ask(now: number): number | null {
    if (this.interval === null || this.askedAt !== null) return null;
    this.askedAt = now;
    return ++this.count;
  }

  /** When `check` is worth a call; `null`: there is no connection. */
  get due(): number | null {
    if (this.interval === null) return null;
    if (this.askedAt !== null) return this.askedAt + (this.isOverdue ? ANSWER_LIMIT : OVERDUE_AFTER);
    const quiet = this.heardAt + this.interval;
    return this.expectingSince === null ? quiet : Math.min(quiet, Math.max(this.heardAt, this.expectingSince) + ANSWER_LIMIT);
  }

  /** What the time says. */
  check(now: number): Finding {
    if (this.due === null || now < this.due) return "fine";
    if (this.askedAt === null) return "ask";
    if (now >= this.askedAt + ANSWER_LIMIT) return "dead";
    this.isOverdue = true;
    return "fine";
  }

  /** Whether asking is in vain: the service hung up long ago, or did not answer. */
  isDead(now: number): boolean {
    if (this.interval === null) return false;
    return now >= this.heardAt + this.interval * 1.5 || (this.askedAt !== null && now >= this.askedAt + ANSWER_LIMIT);
  }
}
