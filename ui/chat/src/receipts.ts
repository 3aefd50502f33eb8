/** Which replies the service is told to forget, and how often. Pure. */

/** Least time between two `got`, in milliseconds: the service takes 20 frames a second. */
const PACE = 100;

export class Receipts {
  private kept = 0;
  private told = 0;
  private toldAt = 0;
  private isBlocked = false;

  /** A connection is up, on which every reply up to `n` is kept from before. */
  connected(n: number): void {
    this.kept = n;
    this.told = 0;
    this.isBlocked = false;
  }

  /** A reply is saved here, or could not be. Returns whether it counts: after one that is not saved, none does on this connection. */
  take(n: number, ok: boolean): boolean {
    this.isBlocked ||= !ok;
    if (!this.isBlocked) this.kept = Math.max(this.kept, n);
    return !this.isBlocked;
  }

  /** When `tell` is worth a try; `null`: the service knows. */
  get due(): number | null {
    return this.kept > this.told ? this.toldAt + PACE : null;
  }

  /** The `n` of the `got` to send now, if there is one. */
  tell(now: number): number | null {
    if (this.due === null || this.due > now) return null;
    this.told = this.kept;
    this.toldAt = now;
    return this.told;
  }
}
