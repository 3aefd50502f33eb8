/** Replies, pushes and ends of turns, kept on disk in order until the service says `stored` or `refused`. */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Journal } from "./journal.ts";
import type { Log } from "./host.ts";
import { decodeFromPlugin, encode, FrameError, type KeptFrame } from "./wire.ts";

/** Frames sent and not yet answered, at most. */
const WINDOW = 64;
/** Pushes are refused to the agent beyond this; ends of turns and replies are always taken. */
export const PUSH_LIMIT = 10_000;
/** Settled frames that are remembered for whoever asks late. */
const EARLY = 256;
/** Dead lines after which the file is rewritten, if they are also four times the live ones. */
const DEAD_LINES = 256;

/** The service's word on a frame: it has it, or never will (the code says why). */
export type Settled = "stored" | number;

interface Entry { frame: KeptFrame; synced: boolean; sent: boolean }

/** A fresh id for a reply, push or done. */
export function newRid(kind: KeptFrame["t"]): string {
  return `${kind[0] as string}-${randomBytes(12).toString("hex")}`;
}

/** One outbox per gateway state folder. */
export class Outbox {
  readonly #journal: Journal;
  readonly #log: Log;
  readonly #entries: Map<string, Entry>;
  #inFlight = 0;
  #deadLines = 0;
  #compacting = false;
  #send: ((frame: KeptFrame) => boolean) | undefined;
  #successor: Outbox | undefined;
  /** Words that came before anybody asked for them: the newest. */
  readonly #early = new Map<string, Settled>();
  readonly #waiters = new Map<string, (settled: Settled) => void>();

  private constructor(journal: Journal, log: Log, entries: Map<string, Entry>) {
    this.#journal = journal;
    this.#log = log;
    this.#entries = entries;
  }

  /** Opens `<folder>/outbox.jsonl` with all that waits in it. */
  static async open(folder: string, log: Log): Promise<Outbox> {
    const entries = new Map<string, Entry>();
    let lines = 0;
    let strange = 0;
    const { journal, damaged } = await Journal.open(join(folder, "outbox.jsonl"), (value) => {
      lines += 1;
      const { keep, drop } = (value ?? {}) as { keep?: unknown; drop?: unknown };
      if (typeof drop === "string") entries.delete(drop);
      else {
        const frame = readKept(keep);
        if (frame) entries.set(frame.rid, { frame, synced: true, sent: false });
        else strange += 1;
      }
    });
    if (damaged + strange > 0) log.warn(`outbox: ${damaged + strange} damaged line(s) skipped; a torn last line after a power cut is normal`);
    const outbox = new Outbox(journal, log, entries);
    if (lines > entries.size) await outbox.#compact();
    return outbox;
  }

  /** Frames that wait, oldest first. */
  get waiting(): KeptFrame[] {
    return [...this.#entries.values()].map((entry) => entry.frame);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Whether the end of this turn waits here. */
  holdsDone(turn: string): boolean {
    for (const { frame } of this.#entries.values()) if (frame.t === "done" && frame.turn === turn) return true;
    return false;
  }

  /** Keeps a frame: resolves when it is on disk. A disk that fails is told in the log, and the frame is held in memory. Never rejects. */
  async keep(frame: KeptFrame): Promise<void> {
    if (this.#successor) return this.#successor.keep(frame);
    const entry: Entry = { frame, synced: false, sent: false };
    this.#entries.set(frame.rid, entry);
    try {
      await this.#journal.append([{ keep: frame }], true);
    } catch (error) {
      this.#log.error(`outbox: cannot write to disk, ${frame.t} ${frame.rid} is held in memory only: ${String(error)}`);
    }
    entry.synced = true;
    this.#pump();
    return undefined;
  }

  /** Waits for the service's word on a frame that is kept; nothing comes where it says none in time. The frame stays kept then. */
  settled(rid: string, limitMs: number): Promise<Settled | undefined> {
    if (this.#successor) return this.#successor.settled(rid, limitMs);
    const early = this.#early.get(rid);
    if (early !== undefined) return Promise.resolve(early);
    return new Promise((resolve) => {
      const settle = (settled: Settled | undefined): void => {
        clearTimeout(timer);
        this.#waiters.delete(rid);
        resolve(settled);
      };
      const timer = setTimeout(() => settle(undefined), limitMs);
      this.#waiters.set(rid, settle);
    });
  }

  /** The service has it, or never will. */
  drop(rid: string, settled: Settled = "stored"): void {
    const entry = this.#entries.get(rid);
    if (!entry) return;
    this.#early.set(rid, settled);
    if (this.#early.size > EARLY) this.#early.delete(this.#early.keys().next().value as string);
    this.#waiters.get(rid)?.(settled);
    this.#entries.delete(rid);
    if (entry.sent) this.#inFlight -= 1;
    this.#deadLines += 2;
    this.#journal.append([{ drop: rid }], false).catch((error: unknown) => {
      this.#log.warn(`outbox: cannot note that ${rid} was stored, it will be sent again after a restart: ${String(error)}`);
    });
    this.#pump();
    if (this.#deadLines >= DEAD_LINES && this.#deadLines >= 4 * this.#entries.size) void this.#compact();
  }

  /** A link is ready: everything goes out again, in order. */
  connect(send: (frame: KeptFrame) => boolean): void {
    this.#send = send;
    this.#inFlight = 0;
    for (const entry of this.#entries.values()) entry.sent = false;
    this.#pump();
  }

  /** The link is down. */
  disconnect(): void {
    this.#send = undefined;
  }

  /** From now on another outbox of the same folder keeps what this one is given: a newer version of the plugin took over. */
  async handOver(openSuccessor: () => Promise<Outbox>): Promise<Outbox> {
    this.disconnect();
    await this.#journal.close();
    const successor = await openSuccessor();
    this.#successor = successor;
    for (const { frame } of this.#entries.values()) {
      if (!successor.#entries.has(frame.rid)) await successor.keep(frame);
    }
    return successor;
  }

  async close(): Promise<void> {
    this.disconnect();
    await this.#journal.close();
  }

  #pump(): void {
    if (!this.#send || this.#inFlight >= WINDOW) return;
    for (const entry of this.#entries.values()) {
      if (!entry.synced || this.#inFlight >= WINDOW) return;
      if (entry.sent) continue;
      if (!this.#send(entry.frame)) return;
      entry.sent = true;
      this.#inFlight += 1;
    }
  }

  async #compact(): Promise<void> {
    if (this.#compacting) return;
    this.#compacting = true;
    try {
      await this.#journal.rewrite(() => [...this.#entries.values()].map((entry) => ({ keep: entry.frame })));
      this.#deadLines = 0;
    } catch (error) {
      this.#log.warn(`outbox: cannot rewrite the file: ${String(error)}`);
    } finally {
      this.#compacting = false;
    }
  }
}

/** A frame from the file, if it still is one that the service takes. */
function readKept(value: unknown): KeptFrame | undefined {
  try {
    const frame = decodeFromPlugin(JSON.stringify(value ?? null));
    return frame.t === "reply" || frame.t === "push" || frame.t === "done" ? (JSON.parse(encode(frame)) as KeptFrame) : undefined;
  } catch (error) {
    if (error instanceof FrameError) return undefined;
    throw error;
  }
}
