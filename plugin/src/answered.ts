/** Which turns were begun and which are over: the last 2,000, also across restarts. */

import { join } from "node:path";
import { Journal } from "./journal.ts";
import type { Log } from "./host.ts";

const LIMIT = 2_000;
const LINES = 3 * LIMIT;
/** The service gives a turn up after 10 minutes; what comes later belongs to none. */
const ORPHAN_MS = 10 * 60_000;

/** `begun` in an earlier process means that nobody here knows how it ended. */
export type TurnRecord = "begun" | "over";

/** The most recent turns, oldest first. */
export class Answered {
  readonly #journal: Journal;
  readonly #log: Log;
  readonly #turns: Map<string, TurnRecord>;
  readonly #orphans: Set<string>;
  readonly #openedAt = Date.now();
  #lines: number;
  #rewriting = false;

  private constructor(journal: Journal, log: Log, turns: Map<string, TurnRecord>, lines: number) {
    this.#journal = journal;
    this.#log = log;
    this.#turns = turns;
    this.#lines = lines;
    this.#orphans = new Set([...turns].filter(([, record]) => record === "begun").map(([turn]) => turn));
  }

  /** Opens `<folder>/answered.jsonl`. */
  static async open(folder: string, log: Log): Promise<Answered> {
    const turns = new Map<string, TurnRecord>();
    let lines = 0;
    const { journal } = await Journal.open(join(folder, "answered.jsonl"), (value) => {
      lines += 1;
      const { turn, is } = (value ?? {}) as { turn?: unknown; is?: unknown };
      if (typeof turn === "string" && (is === "begun" || is === "over")) note(turns, turn, is);
    });
    return new Answered(journal, log, turns, lines);
  }

  /** Whether the turn ended here before. */
  isOver(turn: string): boolean {
    return this.#turns.get(turn) === "over";
  }

  /** Whether an earlier process began the turn and did not end it. */
  isOrphan(turn: string): boolean {
    return this.#orphans.has(turn);
  }

  /** The latest turn of a device that an earlier process left open, while it can still be answered. */
  orphanOf(device: string): string | undefined {
    if (Date.now() - this.#openedAt > ORPHAN_MS) return undefined;
    return [...this.#orphans].findLast((turn) => turn.startsWith(`${device}.`));
  }

  /** Not forced to disk: losing it in a power cut costs a `duplicate` that the host's own check of message ids finds too. */
  record(turn: string, is: TurnRecord): void {
    if (is === "over") this.#orphans.delete(turn);
    note(this.#turns, turn, is);
    this.#lines += 1;
    this.#journal.append([{ turn, is }], false).catch((error: unknown) => this.#log.warn(`cannot note turn ${turn}: ${String(error)}`));
    if (this.#lines > LINES) void this.#rewrite();
  }

  async close(): Promise<void> {
    await this.#journal.close();
  }

  async #rewrite(): Promise<void> {
    if (this.#rewriting) return;
    this.#rewriting = true;
    try {
      await this.#journal.rewrite(() => [...this.#turns].map(([turn, is]) => ({ turn, is })));
      this.#lines = this.#turns.size;
    } catch (error) {
      this.#log.warn(`cannot rewrite the list of turns: ${String(error)}`);
    } finally {
      this.#rewriting = false;
    }
  }
}

function note(turns: Map<string, TurnRecord>, turn: string, is: TurnRecord): void {
  turns.delete(turn);
  turns.set(turn, is);
  if (turns.size > LIMIT) turns.delete(turns.keys().next().value as string);
}
