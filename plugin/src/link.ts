/**
 * The link to the channel service: dials it, proves the key both ways, keeps the socket alive, dials again.
 * Nothing but `auth` is sent before the service has proved that it knows the key.
 */

import { randomBytes } from "node:crypto";
import { watch, type FSWatcher } from "node:fs";
import { dirname } from "node:path";
import { readLinkKey, readServiceFile, ServiceFilesError } from "./config.ts";
import {
  Code, decode, encode, FrameError, LINK_FRAME_BYTES, linkAuthMac, linkReadyMac, sameMac, VERSION,
  type Bye, type FromPlugin, type FromService, type Hello, type LinkProof, type Ready,
} from "./wire.ts";

/** As much of the global `WebSocket` as the link uses. */
export interface Socket {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** Why the link is down, as a word for the status and for the choice of the wait. */
export type DownReason =
  | "service_absent" | "service_files" | "refused_connection" | "handshake_timeout" | "service_not_proven" | "key_refused"
  | "other_version" | "other_gateway" | "replaced" | "silent" | "protocol" | "closed";

/** What the link tells its owner. */
export interface LinkEvents {
  /** Both sides proved the key. `gen` counts the service's links. */
  onReady(gen: number): void;
  /** A frame of the service other than the handshake and the heartbeat. */
  onFrame(frame: FromService): void;
  /** An attempt failed or the link broke. `retryMs` is absent if the link stays closed. */
  onDown(reason: DownReason, detail: string, retryMs: number | undefined): void;
}

export interface LinkOptions {
  linkKeyFile: string;
  /** 32 hex characters. */
  gateway: string;
  pluginVersion: string;
  hostVersion: string;
  events: LinkEvents;
  /** For tests; the global `WebSocket` otherwise. */
  openSocket?: (url: string) => Socket;
  /** For tests; `Math.random` otherwise. */
  random?: () => number;
}

const HANDSHAKE_MS = 10_000;
const BACKOFF_FIRST_MS = 500;
const BACKOFF_CAP_MS = 30_000;
/** A session of this length resets the count of failures. */
const STEADY_MS = 60_000;
/** Least waits after refusals that will not go away by themselves. Ten refused proofs a minute would lock out every device of this address. */
const LEAST_WAIT_MS: Partial<Record<DownReason, number>> = { key_refused: 30_000, service_not_proven: 30_000, other_version: 60_000, other_gateway: 60_000 };

interface Attempt {
  socket: Socket;
  phase: "greeting" | "proving" | "ready";
  key: Uint8Array;
  proof?: LinkProof;
  /** What the service said before it closed. */
  said?: { reason: DownReason; detail: string; retryMs?: number };
  readyAt?: number;
  heardAt: number;
  silenceMs: number;
  pings: number;
  timer?: NodeJS.Timeout | undefined;
}

/** One link at a time; `start` once, `stop` once. */
export class Link {
  readonly #options: LinkOptions;
  #attempt: Attempt | undefined;
  #failures = 0;
  #stopped = false;
  #retry: NodeJS.Timeout | undefined;
  #watcher: FSWatcher | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Whether both sides proved the key and the socket stands. */
  get isReady(): boolean {
    return this.#attempt?.phase === "ready";
  }

  start(): void {
    void this.#dial();
  }

  /** Closes the link for good. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#unwatch();
    const attempt = this.#attempt;
    this.#attempt = undefined;
    if (attempt) closeSocket(attempt, 1000);
  }

  /** Sends a frame if the link is ready. Returns whether it was handed to the socket. */
  send(frame: FromPlugin): boolean {
    return this.#attempt?.phase === "ready" && sendOn(this.#attempt, frame);
  }

  async #dial(): Promise<void> {
    let port: number;
    let key: Uint8Array;
    try {
      port = (await readServiceFile(this.#options.linkKeyFile)).port;
      key = await readLinkKey(this.#options.linkKeyFile);
    } catch (error) {
      if (!(error instanceof ServiceFilesError)) throw error;
      this.#down(error.fault === "absent" ? "service_absent" : "service_files", error.message);
      return;
    }
    if (this.#stopped) return;
    const open = this.#options.openSocket ?? ((url: string) => new WebSocket(url) as unknown as Socket);
    let socket: Socket;
    try {
      socket = open(`ws://127.0.0.1:${port}/openclaw`);
    } catch (error) {
      this.#down("refused_connection", String(error));
      return;
    }
    const attempt: Attempt = { socket, phase: "greeting", key, heardAt: Date.now(), silenceMs: HANDSHAKE_MS, pings: 0 };
    this.#attempt = attempt;
    attempt.timer = setTimeout(() => this.#end(attempt, "handshake_timeout", `no handshake on port ${port} within ${HANDSHAKE_MS / 1000} s`, 4001), HANDSHAKE_MS);
    socket.onmessage = (event) => {
      if (this.#attempt === attempt) this.#onText(attempt, event.data);
    };
    socket.onclose = (event) => {
      const fallback = attempt.phase === "greeting" && !attempt.proof ? "refused_connection" : "closed";
      this.#end(attempt, fallback, `the service on port ${port} closed the link (${event.code})`);
    };
    socket.onerror = () => undefined; // `onclose` follows and carries the code
  }

  #onText(attempt: Attempt, data: unknown): void {
    attempt.heardAt = Date.now();
    if (typeof data !== "string" || Buffer.byteLength(data) > LINK_FRAME_BYTES) {
      this.#protocol(attempt, "a frame is binary or too big");
      return;
    }
    let frame: FromService;
    try {
      frame = decode(data);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      if (attempt.phase === "ready" && error.unknownType !== undefined) sendOn(attempt, notUnderstood(error.unknownType));
      else if (error.unknownType === undefined) this.#protocol(attempt, error.message);
      return;
    }
    if (frame.t === "err") this.#onErr(attempt, frame.code, frame.en);
    if (frame.t === "bye") this.#onBye(attempt, frame);
    else if (attempt.phase === "greeting") this.#onHello(attempt, frame);
    else if (attempt.phase === "proving") this.#onReady(attempt, frame);
    else if (frame.t === "ping") sendOn(attempt, { t: "pong", c: frame.c });
    else if (frame.t === "hello" || frame.t === "ready") this.#protocol(attempt, `${frame.t} in the middle of a link`);
    else if (frame.t !== "pong") this.#options.events.onFrame(frame);
  }

  #onHello(attempt: Attempt, frame: FromService): void {
    if (frame.t !== "hello") return;
    const hello: Hello = frame;
    if (hello.v.min > VERSION || hello.v.max < VERSION) {
      this.#end(attempt, "other_version", `the service speaks versions ${hello.v.min} to ${hello.v.max}, this plugin ${VERSION}`, 4007);
      return;
    }
    const { gateway, pluginVersion, hostVersion } = this.#options;
    const proof: LinkProof = { key: attempt.key, sn: hello.sn, cn: randomBytes(32).toString("base64url"), gateway };
    attempt.proof = proof;
    attempt.phase = "proving";
    attempt.silenceMs = Math.min(Math.max(hello.hb, 5), 120) * 1000;
    sendOn(attempt, { t: "auth", v: VERSION, cn: proof.cn, gateway, plugin: pluginVersion, host: hostVersion, mac: linkAuthMac(proof) });
  }

  #onReady(attempt: Attempt, frame: FromService): void {
    if (frame.t !== "ready" || !attempt.proof) return;
    const ready: Ready = frame;
    if (!sameMac(ready.mac, linkReadyMac(attempt.proof, ready.gen))) {
      this.#end(attempt, "service_not_proven", "what listens on the service's port does not know the link key; nothing was sent to it", 4003);
      return;
    }
    attempt.phase = "ready";
    attempt.readyAt = Date.now();
    attempt.key = new Uint8Array();
    clearTimeout(attempt.timer);
    this.#listen(attempt);
    this.#options.events.onReady(ready.gen);
  }

  /** Pings after `silenceMs` without a word, and gives the peer up after half as much again. */
  #listen(attempt: Attempt): void {
    const silentFor = Date.now() - attempt.heardAt;
    if (silentFor >= attempt.silenceMs * 1.5) {
      this.#end(attempt, "silent", `the service was silent for ${Math.round(silentFor / 1000)} s`, 4012);
      return;
    }
    let wait = attempt.silenceMs - silentFor;
    if (wait <= 0) {
      attempt.pings += 1;
      sendOn(attempt, { t: "ping", c: attempt.pings });
      wait = attempt.silenceMs * 1.5 - silentFor;
    }
    attempt.timer = setTimeout(() => this.#listen(attempt), wait);
  }

  #onErr(attempt: Attempt, code: number, words: string): void {
    const reason = reasonOf(code);
    if (reason) attempt.said = { reason, detail: `${words} (${code})` };
    if (attempt.phase === "ready") this.#options.events.onFrame({ t: "err", code, en: words, zh: "" });
  }

  #onBye(attempt: Attempt, bye: Bye): void {
    const reason = reasonOf(bye.code) ?? "closed";
    attempt.said = attempt.said ?? { reason, detail: `the service closed the link (${bye.code})` };
    if (bye.retry_ms !== undefined) attempt.said.retryMs = bye.retry_ms;
    this.#end(attempt, reason, attempt.said.detail, 1000);
  }

  #protocol(attempt: Attempt, detail: string): void {
    if (attempt.phase === "ready") {
      sendOn(attempt, notUnderstood());
      sendOn(attempt, { t: "bye", code: Code.NotUnderstood });
    }
    this.#end(attempt, "protocol", detail, 4007);
  }

  /** Ends an attempt once; `closeCode` is absent if the socket is closed already. */
  #end(attempt: Attempt, reason: DownReason, detail: string, closeCode?: number): void {
    if (this.#attempt !== attempt) return;
    this.#attempt = undefined;
    if (closeCode === undefined) clearTimeout(attempt.timer);
    else closeSocket(attempt, closeCode);
    if (attempt.readyAt !== undefined && Date.now() - attempt.readyAt >= STEADY_MS) this.#failures = 0;
    const said = attempt.said;
    this.#down(said?.reason ?? reason, said?.detail ?? detail, said?.retryMs);
  }

  #down(reason: DownReason, detail: string, retryMs = 0): void {
    if (this.#stopped) return;
    if (reason === "replaced") {
      this.#options.events.onDown(reason, detail, undefined);
      return;
    }
    const jitter = (this.#options.random ?? Math.random)() * Math.min(BACKOFF_CAP_MS, BACKOFF_FIRST_MS * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 16);
    const wait = Math.round(Math.max(retryMs, LEAST_WAIT_MS[reason] ?? 0) + jitter);
    this.#retry = setTimeout(() => this.#again(), wait);
    if (reason === "service_absent" || reason === "refused_connection") this.#watchForService();
    this.#options.events.onDown(reason, detail, wait);
  }

  #again(): void {
    clearTimeout(this.#retry);
    this.#unwatch();
    if (!this.#stopped && !this.#attempt) void this.#dial();
  }

  /** A service that starts writes `service.json`: then there is no reason to sit out the wait. */
  #watchForService(): void {
    if (this.#watcher) return;
    try {
      this.#watcher = watch(dirname(this.#options.linkKeyFile), { persistent: false }, (_event, name) => {
        if (name !== null && name !== "service.json") return;
        clearTimeout(this.#retry);
        this.#retry = setTimeout(() => this.#again(), 100);
      });
      this.#watcher.on("error", () => this.#unwatch());
    } catch {
      this.#watcher = undefined; // no folder yet, or no way to watch it: the timer dials
    }
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}

function reasonOf(code: number): DownReason | undefined {
  if (code === Code.NotAuthenticated) return "key_refused";
  if (code === Code.OtherVersion) return "other_version";
  if (code === Code.OtherGateway) return "other_gateway";
  if (code === Code.Replaced) return "replaced";
  return undefined;
}

function notUnderstood(of?: string): FromPlugin {
  const frame = { t: "err" as const, code: Code.NotUnderstood, en: "The frame was not understood.", zh: "无法理解该消息帧。" };
  return of === undefined ? frame : { ...frame, of };
}

function sendOn(attempt: Attempt, frame: FromPlugin): boolean {
  try {
    attempt.socket.send(encode(frame));
    return true;
  } catch {
    return false; // the socket is closing; `onclose` follows
  }
}

function closeSocket(attempt: Attempt, code: number): void {
  clearTimeout(attempt.timer);
  try {
    attempt.socket.close(code);
  } catch {
    // already closed
  }
}
