/** Turns from `deliver` to `done`: one at a time for each device, four at a time in all. */

import { AsyncLocalStorage } from "node:async_hooks";
import { AgentUnresolvedError, NotAdmittedError, wordsOf, type Agent } from "./agent.ts";
import type { Answered } from "./answered.ts";
import type { Log } from "./host.ts";
import type { Outbox } from "./outbox.ts";
import { Turn } from "./turn.ts";
import { Code, type Deliver, type FromPlugin } from "./wire.ts";

/** Turns that run at the same time. The gateway has one event loop; more would only make each slower. */
const CONCURRENT = 4;
/** A run that ignores its abort is given up after this. */
const ABORT_GRACE_MS = 15_000;
/** How long the answer of an interrupted run may take to come as a push. */
const RECOVERY_MS = 120_000;
/** A recovered answer can come in several pushes; this much silence after one ends it. */
const RECOVERY_SETTLE_MS = 2_000;

/** Waits in tests. */
export interface InboundTimes { abortGraceMs: number; recoveryMs: number; recoverySettleMs: number }

/** A turn whose answer can come without its id: an earlier process began it, or the host put it behind another run. */
interface Recovery {
  turn: Turn;
  /** Set while nothing but the push is waited for. */
  onPush: (() => void) | undefined;
}

/** The turns of one gateway. */
export class Inbound {
  readonly #outbox: Outbox;
  readonly #answered: Answered;
  readonly #send: (frame: FromPlugin) => void;
  readonly #log: Log;
  readonly #times: InboundTimes;
  #agent: Agent | undefined;
  readonly #open = new Map<string, Turn>();
  readonly #tails = new Map<string, Promise<void>>();
  readonly #recoveries = new Map<string, Recovery>();
  /** Turns of an earlier process whose answer went out as a push before they were delivered again. */
  readonly #pushed = new Set<string>();
  readonly #current = new AsyncLocalStorage<Turn>();
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(outbox: Outbox, answered: Answered, send: (frame: FromPlugin) => void, log: Log, times: Partial<InboundTimes> = {}) {
    this.#outbox = outbox;
    this.#answered = answered;
    this.#send = send;
    this.#log = log;
    this.#times = { abortGraceMs: ABORT_GRACE_MS, recoveryMs: RECOVERY_MS, recoverySettleMs: RECOVERY_SETTLE_MS, ...times };
  }

  /** The agent that runs turns from now on. Turns that run already stay with theirs. */
  use(agent: Agent): void {
    this.#agent = agent;
  }

  /** The turn in which the caller runs, if it runs in one: who asked for a push. */
  get current(): Turn | undefined {
    return this.#current.getStore();
  }

  /** The open turn of that id. */
  find(turn: string): Turn | undefined {
    return this.#open.get(turn);
  }

  /** The turn of a device that is being run: the oldest that is open. */
  running(device: string): Turn | undefined {
    for (const turn of this.#open.values()) if (turn.device === device) return turn.hasStarted ? turn : undefined;
    return undefined;
  }

  /** Takes a message. A turn that is known is accepted again without running it again. */
  onDeliver(frame: Deliver): void {
    this.#send({ t: "accepted", turn: frame.turn });
    if (this.#open.has(frame.turn) || this.#outbox.holdsDone(frame.turn)) return;
    const turn = new Turn(frame.turn, frame.device, this.#outbox, this.#send);
    if (this.#answered.isOver(frame.turn)) {
      void turn.end("duplicate");
      return;
    }
    this.#open.set(turn.id, turn);
    const before = this.#tails.get(turn.device) ?? Promise.resolve();
    const tail = before.then(() => this.#run(turn, frame)).catch((error: unknown) => this.#log.error(`turn ${turn.id}: ${wordsOf(error)}`));
    this.#tails.set(turn.device, tail);
    void tail.then(() => {
      if (this.#tails.get(turn.device) === tail) this.#tails.delete(turn.device);
    });
  }

  /** Stops a turn. One that nobody knows is over too: the service waits for an end. */
  onAbort(id: string): void {
    const turn = this.#open.get(id);
    if (turn) {
      turn.abort.abort(new Error("stopped by the SmartPi service"));
    } else if (!this.#outbox.holdsDone(id)) {
      this.#answered.record(id, "over");
      void new Turn(id, id.split(".")[0] as string, this.#outbox, this.#send).end("aborted");
    }
  }

  /**
   * Text for a device that came without a turn. If a turn of that device waits for just that, it is its answer.
   *
   * @returns whether it was taken.
   */
  async claimPush(device: string, text: string): Promise<boolean> {
    const recovery = this.#recoveries.get(device);
    if (!recovery || recovery.turn.hasStarted) return false;
    await recovery.turn.reply(text, false);
    recovery.onPush?.();
    return true;
  }

  /** The answer of a turn that an earlier process began went out as a push that names it. */
  onOrphanPush(turn: string): void {
    this.#pushed.add(turn);
  }

  async #run(turn: Turn, frame: Deliver): Promise<void> {
    let holdsSlot = await this.#takeSlot(turn.abort.signal);
    const freeSlot = (): void => {
      if (holdsSlot) this.#freeSlot();
      holdsSlot = false;
    };
    try {
      if (turn.abort.signal.aborted) {
        await this.#end(turn, "aborted");
        return;
      }
      const isOrphan = this.#answered.isOrphan(turn.id);
      if (isOrphan) this.#recoveries.set(turn.device, { turn, onPush: undefined });
      if (this.#pushed.delete(turn.id)) turn.answers += 1;
      this.#answered.record(turn.id, "begun");
      const agent = this.#agent;
      if (!agent) throw new Error("the channel is not started");
      const run = this.#current.run(turn, () =>
        agent.run(frame, turn, turn.abort.signal, (agentId) => {
          turn.agentId = agentId;
        }),
      );
      const result = await this.#orAbandoned(run, turn);
      if (turn.abort.signal.aborted) {
        await this.#end(turn, "aborted");
        return;
      }
      if (result?.isDeferred || (isOrphan && !turn.hasStarted)) {
        freeSlot();
        await this.#awaitPush(turn);
      }
      if (turn.answers > 0) await this.#end(turn, "answered");
      else if (turn.abort.signal.aborted) await this.#end(turn, "aborted");
      else await this.#end(turn, turn.hasStarted ? "silent" : "duplicate");
    } catch (error) {
      await this.#fail(turn, error);
    } finally {
      this.#open.delete(turn.id);
      this.#recoveries.delete(turn.device);
      freeSlot();
    }
  }

  /** The result of a run, or nothing if it was stopped and does not come back. */
  async #orAbandoned<T>(run: Promise<T>, turn: Turn): Promise<T | undefined> {
    const { signal } = turn.abort;
    let timer: NodeJS.Timeout | undefined;
    const abandoned = new Promise<undefined>((resolve) => {
      signal.addEventListener("abort", () => {
        timer = setTimeout(() => {
          this.#log.warn(`turn ${turn.id} did not stop within ${this.#times.abortGraceMs / 1000} s; it is given up`);
          resolve(undefined);
        }, this.#times.abortGraceMs);
      });
    });
    try {
      return await Promise.race([run, abandoned]);
    } finally {
      clearTimeout(timer);
      run.catch(() => undefined); // an abandoned run may still fail; nobody waits for it
    }
  }

  /** Waits for the answer of a run that this process did not see begin; if it began to come already, for its rest. */
  #awaitPush(turn: Turn): Promise<void> {
    return new Promise((resolve) => {
      const { recoveryMs, recoverySettleMs } = this.#times;
      const finish = (): void => {
        clearTimeout(timer);
        turn.abort.signal.removeEventListener("abort", finish);
        resolve();
      };
      let timer = setTimeout(finish, turn.answers > 0 ? recoverySettleMs : recoveryMs);
      const onPush = (): void => {
        clearTimeout(timer);
        timer = setTimeout(finish, recoverySettleMs);
      };
      turn.abort.signal.addEventListener("abort", finish);
      this.#recoveries.set(turn.device, { turn, onPush });
      turn.stage("thinking");
    });
  }

  async #fail(turn: Turn, error: unknown): Promise<void> {
    if (turn.abort.signal.aborted) {
      await this.#end(turn, "aborted");
    } else if (error instanceof AgentUnresolvedError) {
      this.#log.error(`cannot resolve agentId for ${turn.device}: ${error.message}`);
      await this.#end(turn, "failed", { code: Code.NoAgent, detail: error.message });
    } else {
      this.#log.error(`turn ${turn.id} failed: ${wordsOf(error)}`);
      await this.#end(turn, "failed", { code: error instanceof NotAdmittedError ? Code.NotAllowed : Code.AgentError, detail: wordsOf(error) });
    }
  }

  async #end(turn: Turn, ...how: Parameters<Turn["end"]>): Promise<void> {
    await turn.end(...how);
    this.#answered.record(turn.id, "over");
  }

  /** Waits for a slot. Returns false if the turn was stopped meanwhile. */
  #takeSlot(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    if (this.#running < CONCURRENT) {
      this.#running += 1;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const take = (): void => {
        signal.removeEventListener("abort", leave);
        resolve(true);
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        resolve(false);
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(take);
    });
  }

  #freeSlot(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#running -= 1;
  }
}
