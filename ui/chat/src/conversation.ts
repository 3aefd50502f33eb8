/** The conversation as the page shows it: what is saved, and what is only happening. */
import type { Entry, Mine, Theirs } from "./history.ts";
import type { Outgoing } from "./outbox.ts";
import type { Stage, ToDevice } from "./wire.ts";

/** What a message of the person looks like: `working` is `saved` while the assistant is at it. */
export type Look = Mine["state"] | "working";

/** What the assistant is doing with a message. `waiting`: earlier ones come first, or it is not connected. */
export type Doing = Stage | "starting" | "waiting";

/** A message and what is known of it beyond its record. */
export interface MineNow {
  readonly mine: Mine;
  readonly look: Look;
  readonly doing: Doing | null;
  /** 9002 or another code that tells of a delay, not of an end. */
  readonly notice: number | null;
  /** A reply tells why it failed. */
  readonly explained: boolean;
}

export class Conversation {
  private entries: Entry[] = [];
  private readonly doing = new Map<string, Doing>();
  private readonly notices = new Map<string, number>();
  private readonly answers = new Map<string, string>();

  /** Shows what is saved; what is happening stays. */
  load(entries: readonly Entry[]): void {
    this.entries = [...entries];
  }

  /** Forgets everything. */
  clear(): void {
    this.entries = [];
    this.doing.clear();
    this.notices.clear();
    this.answers.clear();
  }

  /** Everything said, in order. */
  get all(): readonly Entry[] {
    return this.entries;
  }

  /** Answers that are being written: by message, the text so far. */
  get growing(): ReadonlyMap<string, string> {
    return this.answers;
  }

  /** What waits to be sent, in order. */
  get waiting(): Outgoing[] {
    return this.entries.flatMap((entry) => (entry.who === "me" && entry.state === "waiting" ? [{ id: entry.id, text: entry.text }] : []));
  }

  mine(id: string): Mine | null {
    return this.entries.find((entry): entry is Mine => entry.who === "me" && entry.id === id) ?? null;
  }

  has(rid: string): boolean {
    return this.entries.some((entry) => entry.who === "assistant" && entry.rid === rid);
  }

  /** The next place at the end: for a reply that is shown though it could not be saved. */
  get nextSeq(): number {
    return (this.entries.at(-1)?.seq ?? 0) + 1;
  }

  /** How one message stands. */
  now(mine: Mine): MineNow {
    const doing = mine.state === "saved" ? (this.doing.get(mine.id) ?? null) : null;
    const look = doing !== null && doing !== "waiting" ? "working" : mine.state;
    const notice = mine.state === "saved" || mine.state === "waiting" ? (this.notices.get(mine.id) ?? null) : null;
    const explained = mine.state === "failed" && this.entries.some((entry) => entry.who === "assistant" && entry.re === mine.id && entry.code !== undefined);
    return { mine, look, doing, notice, explained };
  }

  /** Adds an entry, or replaces the one it is a newer state of. */
  put(entry: Entry, formerId: string | null = null): void {
    const index = this.entries.findIndex((known) =>
      entry.who === "me" ? known.who === "me" && known.id === (formerId ?? entry.id) : known.who === "assistant" && known.rid === entry.rid,
    );
    if (index >= 0) this.entries[index] = entry;
    else this.entries.push(entry);
  }

  /** A reply came: it takes the place of the answer that was growing. */
  replied(reply: Theirs): void {
    this.put(reply);
    if (reply.re !== undefined) this.over(reply.re);
  }

  /** Progress, partial answers and errors about a message. */
  tell(frame: Extract<ToDevice, { t: "ack" | "turn" | "partial" | "err" }>): void {
    switch (frame.t) {
      case "ack":
        this.notices.delete(frame.id);
        return;
      case "partial":
        if (this.mine(frame.re)?.state === "answered") return;
        this.notices.delete(frame.re);
        this.doing.set(frame.re, "writing");
        this.answers.set(frame.re, frame.text);
        return;
      case "err":
        if (frame.re !== undefined) this.notices.set(frame.re, frame.code);
        return;
      case "turn":
        if (frame.s === "done" || frame.s === "failed") return this.over(frame.re);
        if (frame.s !== "queued" && this.notices.get(frame.re) !== 9002) this.notices.delete(frame.re);
        this.doing.set(frame.re, frame.s === "queued" ? "waiting" : (frame.stage ?? "starting"));
    }
  }

  private over(id: string): void {
    this.doing.delete(id);
    this.notices.delete(id);
    this.answers.delete(id);
  }

  /** The connection is gone: nobody knows what the assistant is doing. An answer that was growing stays to be read. */
  disconnected(): void {
    this.doing.clear();
  }
}
