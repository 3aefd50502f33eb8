/** What outlives a restart of the channel: outbox, list of turns, running turns. One for each state folder of this process. */

import { Answered } from "./answered.ts";
import type { Agent } from "./agent.ts";
import { openFolder, readGatewayId } from "./gateway-id.ts";
import type { Log } from "./host.ts";
import { Inbound } from "./inbound.ts";
import { Link, type DownReason, type LinkOptions } from "./link.ts";
import { Outbox } from "./outbox.ts";
import { Speakers } from "./speakers.ts";
import type { FromService } from "./wire.ts";

/** What the channel's status row needs to know. */
export interface BridgeEvents {
  onReady(): void;
  onDown(reason: DownReason, detail: string, retryMs: number | undefined): void;
}

/** Joins the link, the outbox and the turns. */
export class Bridge {
  readonly outbox: Outbox;
  readonly answered: Answered;
  readonly inbound: Inbound;
  readonly speakers = new Speakers();
  readonly gateway: string;
  readonly #online = new Set<string>();
  #log: Log;
  #link: Link | undefined;

  private constructor(outbox: Outbox, answered: Answered, gateway: string, log: Log) {
    this.outbox = outbox;
    this.answered = answered;
    this.gateway = gateway;
    this.#log = log;
    const lines: Log = { info: (line) => this.#log.info(line), warn: (line) => this.#log.warn(line), error: (line) => this.#log.error(line) };
    this.inbound = new Inbound(outbox, answered, (frame) => void this.#link?.send(frame), lines);
  }

  /** Opens the bridge of a state folder. `outbox` is given where a newer plugin takes over from an older one in this process. */
  static async open(state: string, log: Log, outbox?: Outbox): Promise<Bridge> {
    const folder = await openFolder(state);
    const gateway = await readGatewayId(folder);
    return new Bridge(outbox ?? (await Outbox.open(folder, log)), await Answered.open(folder, log), gateway, log);
  }

  get log(): Log {
    return this.#log;
  }

  /** Whether the service hears and answers now. */
  get isLinked(): boolean {
    return this.#link?.isReady === true;
  }

  /** Starts the link. A link that an earlier start of the channel left behind is closed. */
  start(agent: Agent, log: Log, options: Omit<LinkOptions, "gateway" | "events">, events: BridgeEvents): Link {
    this.#log = log;
    this.inbound.use(agent);
    this.#link?.stop();
    let saidReason: DownReason | undefined;
    const link = new Link({
      ...options,
      gateway: this.gateway,
      events: {
        onReady: (gen) => {
          saidReason = undefined;
          log.info(`linked to the SmartPi service (link ${gen}, ${this.outbox.size} waiting)`);
          this.outbox.connect((frame) => link.send(frame));
          events.onReady();
        },
        onFrame: (frame) => this.#onFrame(frame),
        onDown: (reason, detail, retryMs) => {
          this.#online.clear();
          this.outbox.disconnect();
          // One line for each new reason: a service that is off for a night must not fill the log.
          if (reason !== saidReason) log.warn(`link to the SmartPi service is down: ${detail}`);
          saidReason = reason;
          events.onDown(reason, detail, retryMs);
        },
      },
    });
    this.#link = link;
    link.start();
    return link;
  }

  /** Stops that link. Turns go on, and their answers are kept. */
  stop(link: Link): void {
    link.stop();
    if (this.#link !== link) return;
    this.#link = undefined;
    this.#online.clear();
    this.outbox.disconnect();
  }

  #onFrame(frame: FromService): void {
    switch (frame.t) {
      case "presence":
        this.#onPresence(frame.device, frame.online);
        break;
      case "deliver":
        this.inbound.onDeliver(frame);
        break;
      case "abort":
        this.inbound.onAbort(frame.turn);
        break;
      case "stored":
        this.outbox.drop(frame.rid, "stored");
        break;
      case "refused":
        this.#log.warn(`the SmartPi service refused ${frame.rid} (${frame.code})`);
        this.outbox.drop(frame.rid, frame.code);
        break;
      case "slow":
        this.#log.warn(`AI response timeout: ${frame.device}`);
        break;
      case "err":
        this.#log.warn(`the SmartPi service says: ${frame.en} (${frame.code})`);
        break;
      case "hello":
      case "ready":
      case "ping":
      case "pong":
      case "bye":
        break; // the link's own
    }
  }

  #onPresence(device: string, online: boolean): void {
    if (online === this.#online.has(device)) return;
    if (online) this.#online.add(device);
    else this.#online.delete(device);
    this.#log.info(`WebSocket ${online ? "connected" : "disconnected"}: ${device}`);
  }
}

/** Bridges of this process. On the global object, because a reload of the plugin makes a second copy of this module. */
interface Shelf { version: string; bridge: Promise<Bridge> }

const SHELF = Symbol.for("openclaw-smartpi.bridges");

/** The bridge of a state folder, opened on first use. */
export async function bridgeOf(state: string, version: string, log: Log): Promise<Bridge> {
  const bridges = ((globalThis as { [SHELF]?: Map<string, Shelf> })[SHELF] ??= new Map<string, Shelf>());
  const found = bridges.get(state);
  if (found?.version === version) return found.bridge;
  const bridge = found ? takeOver(state, log, found.bridge) : Bridge.open(state, log);
  bridges.set(state, { version, bridge });
  bridge.catch(() => bridges.delete(state));
  return bridge;
}

async function takeOver(state: string, log: Log, older: Promise<Bridge>): Promise<Bridge> {
  const folder = await openFolder(state);
  const outbox = await (await older).outbox.handOver(() => Outbox.open(folder, log));
  return Bridge.open(state, log, outbox);
}
