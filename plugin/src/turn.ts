/** One turn while it runs: throttled partials, stages, pieces of the answer. */

import type { Outbox } from "./outbox.ts";
import { newRid } from "./outbox.ts";
import { cutPieces, fitsFrame } from "./pieces.ts";
import type { FromPlugin, Outcome, Stage } from "./wire.ts";

/** At most 5 partials a second. */
const PARTIAL_MS = 200;

/** What the agent's run tells. None of these throws. */
export interface RunSink {
  /** The agent began: without it, a run without words was not a run. */
  started(): void;
  stage(stage: Stage): void;
  /** The answer so far; `read` is called when a partial is due, because reading can be costly. */
  partial(read: () => string | undefined): void;
  /** A part of the answer, or an error in words. Resolves when it is safe on disk. */
  reply(text: string, isError: boolean): Promise<void>;
}

/** A turn that was delivered and has not ended. */
export class Turn implements RunSink {
  readonly id: string;
  readonly device: string;
  readonly abort = new AbortController();
  /** Agent that runs it, once known. */
  agentId: string | undefined;
  /** Replies and pushes to the turn's own device. */
  answers = 0;
  hasStarted = false;
  readonly #outbox: Outbox;
  readonly #send: (frame: FromPlugin) => void;
  #stage: Stage | undefined;
  #latest: (() => string | undefined) | undefined;
  #partialTimer: NodeJS.Timeout | undefined;
  #partialAt = 0;
  #isOver = false;

  constructor(id: string, device: string, outbox: Outbox, send: (frame: FromPlugin) => void) {
    this.id = id;
    this.device = device;
    this.#outbox = outbox;
    this.#send = send;
  }

  started(): void {
    this.hasStarted = true;
    this.stage("thinking");
  }

  stage(stage: Stage): void {
    if (this.#isOver || this.#stage === stage) return;
    this.#stage = stage;
    this.#send({ t: "progress", turn: this.id, stage });
  }

  partial(read: () => string | undefined): void {
    if (this.#isOver) return;
    this.#latest = read;
    if (this.#partialTimer) return;
    const wait = this.#partialAt + PARTIAL_MS - Date.now();
    if (wait <= 0) this.#flushPartial();
    else this.#partialTimer = setTimeout(() => this.#flushPartial(), wait);
  }

  async reply(text: string, isError: boolean): Promise<void> {
    this.#dropPartial();
    if (this.#isOver) return;
    const kept = cutPieces(text).map((piece) => {
      this.answers += 1;
      const reply = { t: "reply" as const, rid: newRid("reply"), turn: this.id, text: piece };
      return this.#outbox.keep(isError ? { ...reply, error: true } : reply);
    });
    await Promise.all(kept);
  }

  /** Ends the turn, once. Resolves when the end is safe on disk. */
  async end(outcome: Outcome, failure?: { code: number; detail: string }): Promise<void> {
    this.#dropPartial();
    if (this.#isOver) return;
    this.#isOver = true;
    const done = { t: "done" as const, rid: newRid("done"), turn: this.id, outcome };
    await this.#outbox.keep(failure ? { ...done, code: failure.code, detail: shorten(failure.detail) } : done);
  }

  #flushPartial(): void {
    this.#partialTimer = undefined;
    const text = this.#latest?.();
    this.#latest = undefined;
    if (this.#isOver || !text || text.trim() === "" || !fitsFrame(text)) return;
    this.#partialAt = Date.now();
    this.stage("writing");
    this.#send({ t: "partial", turn: this.id, text });
  }

  #dropPartial(): void {
    clearTimeout(this.#partialTimer);
    this.#partialTimer = undefined;
    this.#latest = undefined;
  }
}

function shorten(detail: string): string {
  const signs = [...detail.replace(/\s+/g, " ").trim()];
  return signs.length <= 500 ? signs.join("") : `${signs.slice(0, 499).join("")}…`;
}
