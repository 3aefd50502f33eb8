/** A channel service for tests: the plugin's side of PROTOCOL.md section 4 and nothing else. It keeps what it got in memory. */

import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { WebSocketServer, type WebSocket } from "ws";
import { decodeFromPlugin, linkAuthMac, linkReadyMac, sameMac, type FromPlugin, type FromService, type LinkAuth } from "../src/wire.ts";

export interface FakeOptions {
  /** Folder for `link.key` and `service.json`. */
  folder: string;
  /** Written into `service.json`. */
  control?: string;
  /** Answers `stored` to what the plugin keeps; on unless set. */
  stores?: boolean;
}

/** A received frame with its time. */
export interface Received { frame: FromPlugin; at: number }

export class FakeService {
  readonly folder: string;
  readonly key = randomBytes(32);
  readonly received: Received[] = [];
  /** First value for each `rid`: what a real store would hold. */
  readonly kept = new Map<string, FromPlugin>();
  /** Text of every frame that arrived before `ready`. */
  readonly beforeReady: string[] = [];
  readonly hellos: LinkAuth[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  stores: boolean;
  /** Answers pushes with `refused` and this code. */
  refuses: number | undefined;
  /** Called instead of the normal greeting, for services that misbehave. */
  greet: ((socket: WebSocket) => void) | undefined;
  readonly #control: string | undefined;
  readonly #sockets = new Set<WebSocket>();
  #server: ReturnType<typeof createServer> | undefined;
  #link: WebSocket | undefined;
  #gen = 0;
  #waiters: (() => void)[] = [];

  constructor(options: FakeOptions) {
    this.folder = options.folder;
    this.stores = options.stores ?? true;
    this.#control = options.control;
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(this.linkKeyFile, this.key, { mode: 0o600 });
    chmodSync(this.linkKeyFile, 0o600);
  }

  get linkKeyFile(): string {
    return join(this.folder, "link.key");
  }

  get isLinked(): boolean {
    return this.#link !== undefined;
  }

  /** Listens on a free port, or again on the one of before, and writes `service.json`. */
  async start(port = 0): Promise<number> {
    const server = createServer((_request, response) => response.writeHead(404).end());
    const sockets = new WebSocketServer({ server, path: "/openclaw", maxPayload: 131_072, perMessageDeflate: false });
    sockets.on("connection", (socket, request) => {
      this.headers.push(request.headers);
      this.#sockets.add(socket);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        if (this.#link === socket) this.#link = undefined;
        this.#wake();
      });
      socket.on("error", () => undefined);
      (this.greet ?? ((greeted: WebSocket) => this.#greet(greeted)))(socket);
    });
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    this.#server = server;
    const bound = (server.address() as AddressInfo).port;
    writeFileSync(join(this.folder, "service.json"), JSON.stringify({ port: bound, pid: process.pid, ...(this.#control ? { control: this.#control } : {}) }));
    return bound;
  }

  /** Stops as `kill -9` would: sockets die without a close frame. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.terminate();
    rmSync(join(this.folder, "service.json"), { force: true });
    const server = this.#server;
    this.#server = undefined;
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  send(frame: FromService | { t: string }): void {
    if (!this.#link) throw new Error("no plugin is linked");
    this.#link.send(JSON.stringify(frame));
  }

  /** Sends a message of a device; returns its turn. */
  deliver(device: string, message: string, text: string, name = "Kitchen"): string {
    const turn = `${device}.${message}`;
    this.send({ t: "deliver", turn, device, name, text, ts: Date.now() });
    return turn;
  }

  /** Frames of one type, of one turn if that is given. */
  frames<T extends FromPlugin["t"]>(type: T, turn?: string): Extract<FromPlugin, { t: T }>[] {
    return this.received.map(({ frame }) => frame).filter((frame): frame is Extract<FromPlugin, { t: T }> => frame.t === type && (turn === undefined || (frame as { turn?: string }).turn === turn));
  }

  /** Waits until `probe` gives something. */
  async until<T>(what: string, probe: () => T | undefined | false, limitMs = 5_000): Promise<T> {
    const end = Date.now() + limitMs;
    for (;;) {
      const found = probe();
      if (found !== undefined && found !== false) return found;
      const left = end - Date.now();
      if (left <= 0) throw new Error(`waited ${limitMs} ms for ${what}; last frames: ${JSON.stringify(this.received.slice(-8).map(({ frame }) => frame))}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, 50));
        this.#waiters.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  linked(limitMs?: number): Promise<true> {
    return this.until("the link", () => this.isLinked as true | false, limitMs);
  }

  done(turn: string, limitMs?: number): Promise<Extract<FromPlugin, { t: "done" }>> {
    return this.until(`done of ${turn}`, () => this.frames("done", turn)[0], limitMs);
  }

  #greet(socket: WebSocket): void {
    const sn = randomBytes(32).toString("base64url");
    socket.send(JSON.stringify({ t: "hello", v: { min: 1, max: 1 }, sn, epoch: "e1", hb: 30 }));
    let isReady = false;
    socket.on("message", (data) => {
      const text = String(data);
      const frame = decodeFromPlugin(text);
      if (isReady) {
        this.#onFrame(socket, frame);
        return;
      }
      this.beforeReady.push(text);
      if (frame.t !== "auth") throw new Error(`${frame.t} before ready`);
      const proof = { key: this.key, sn, cn: frame.cn, gateway: frame.gateway };
      if (!sameMac(frame.mac, linkAuthMac(proof))) {
        socket.send(JSON.stringify({ t: "err", code: 9003, en: "Not authenticated.", zh: "未通过验证。" }));
        socket.send(JSON.stringify({ t: "bye", code: 9003 }));
        socket.close(4003);
        return;
      }
      this.hellos.push(frame);
      isReady = true;
      this.#gen += 1;
      this.#link = socket;
      socket.send(JSON.stringify({ t: "ready", gen: this.#gen, mac: linkReadyMac(proof, this.#gen) }));
      this.#wake();
    });
  }

  #onFrame(socket: WebSocket, frame: FromPlugin): void {
    this.received.push({ frame, at: Date.now() });
    if (frame.t === "ping") socket.send(JSON.stringify({ t: "pong", c: frame.c }));
    if (this.refuses !== undefined && frame.t === "push") socket.send(JSON.stringify({ t: "refused", rid: frame.rid, code: this.refuses }));
    else if (this.stores && (frame.t === "reply" || frame.t === "push" || frame.t === "done")) {
      if (!this.kept.has(frame.rid)) this.kept.set(frame.rid, frame);
      socket.send(JSON.stringify({ t: "stored", rid: frame.rid }));
    }
    this.#wake();
  }

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }
}
