/** A service that keeps the promises of docs/PROTOCOL.md in memory, and a network that keeps none. */
import * as ed from "@noble/ed25519";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";

import type { BindingCode } from "../src/bindingCode.ts";
import { fromBase64url, toBase64url } from "../src/encoding.ts";
import type { Line } from "../src/phone.ts";
import { deviceKeyOf, keyPin, transcript } from "../src/proof.ts";
import type { FromDevice, LinkState, ToDevice } from "../src/wire.ts";

/** Repeatable chance. */
export class Dice {
  constructor(private state: number) {}
  next = (): number => {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  below = (limit: number): number => Math.floor(this.next() * limit);
  bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => this.below(256));
  pick = <T>(items: readonly T[]): T => items[this.below(items.length)] as T;
}

interface Stored {
  n: number;
  frame: Extract<ToDevice, { t: "reply" }>;
}

/** What the service has on disk for one phone. */
export class Account {
  readonly messages: { id: string; text: string }[] = [];
  /** Every reply ever made. */
  readonly made: string[] = [];
  replies: Stored[] = [];
  n = 0;
}

type Session = { state: "greeted" | "claimed" | "confirming" | "bound" | "ready" | "closed"; sn: Uint8Array; device: string | null; pk: Uint8Array | null };

export class ScriptedService {
  readonly accounts = new Map<string, Account>();
  readonly keys = new Map<string, Uint8Array>();
  readonly key;
  epoch = "e1";
  up = true;
  link: LinkState = "online";
  /** Called before a `got` is believed. */
  onGot: (device: string, replies: readonly Stored[]) => void = () => undefined;
  /** What the next messages are answered with instead of being stored. */
  refusals: { code: number; retry_ms?: number }[] = [];
  code: { b: Uint8Array; s: Uint8Array; usedBy: string | null } | null = null;
  rids = 0;
  private readonly connections: Connection[] = [];

  constructor(
    readonly dice: Dice,
    readonly name = "Study",
  ) {
    this.key = deviceKeyOf(dice.bytes(32));
  }

  /** Makes a binding code. */
  newCode(): BindingCode {
    this.code = { b: this.dice.bytes(8), s: this.dice.bytes(16), usedBy: null };
    return { b: this.code.b, s: this.code.s, k: keyPin(this.key.pk) };
  }

  get open(): Connection[] {
    return this.connections.filter((connection) => !connection.isOver);
  }

  dial(heard: (data: unknown) => void, closed: (code: number) => void): Connection {
    const connection = new Connection(this, heard, closed);
    this.connections.push(connection);
    return connection;
  }

  /** All that is on its way is lost, and both ends learn of it. */
  breakAll(code = 1006): void {
    for (const connection of this.open) connection.cut(code);
  }

  reply(device: string, re?: string, extra: { code?: number; late?: boolean } = {}): void {
    const account = this.accounts.get(device);
    if (account === undefined) return;
    const n = ++account.n;
    const rid = `r-${++this.rids}`;
    const frame = { t: "reply" as const, n, rid, text: `answer ${rid}`, ...(re === undefined ? {} : { re }), ...extra };
    account.replies.push({ n, frame });
    account.made.push(rid);
    this.ready(device)?.put(frame);
  }

  ready(device: string): Connection | undefined {
    return this.open.find((connection) => connection.session.state === "ready" && connection.session.device === device);
  }

  /** The person removes the device at the computer. */
  remove(device: string): void {
    this.accounts.delete(device);
    this.keys.delete(device);
    this.ready(device)?.end(9004, 4004);
  }

  /** The person typed the code: for the connection that shows one. */
  confirm(): boolean {
    const waiting = this.open.find((connection) => connection.session.state === "confirming");
    if (waiting?.session.pk == null || waiting.session.device === null) return false;
    this.keys.set(waiting.session.device, waiting.session.pk);
    if (!this.accounts.has(waiting.session.device)) this.accounts.set(waiting.session.device, new Account());
    waiting.session.state = "bound";
    waiting.put({ t: "bind_ok", device_key: waiting.session.device });
    return true;
  }
}

/** Frames travel one by one, when the test says so. */
export class Connection implements Line {
  readonly session: Session;
  readonly toService: string[] = [];
  readonly toPhone: ToDevice[] = [];
  isOver = false;
  private closing: number | null = null;

  constructor(
    private readonly service: ScriptedService,
    private readonly heard: (data: unknown) => void,
    private readonly closed: (code: number) => void,
  ) {
    this.session = { state: "greeted", sn: service.dice.bytes(32), device: null, pk: null };
    this.put({
      t: "hello",
      v: { min: 1, max: 1 },
      sn: toBase64url(this.session.sn),
      spk: toBase64url(service.key.pk),
      name: service.name,
      epoch: service.epoch,
      hb: 30,
      limits: { frame: 65_536, text: 32_768, messages_per_s: 20, burst: 40, waiting: 1000 },
    });
  }

  send(text: string): void {
    if (!this.isOver) this.toService.push(text);
  }

  /** The phone hangs up: what it sent before still arrives, what it has not read is gone. */
  close(): void {
    while (this.service.up && this.deliverToService());
    this.isOver = true;
    this.session.state = "closed";
  }

  put(frame: ToDevice): void {
    if (this.closing === null) this.toPhone.push(frame);
  }

  end(code: number, close: number): void {
    this.put({ t: "err", code, en: "", zh: "" });
    this.put({ t: "bye", code });
    this.closing = close;
    this.session.state = "closed";
  }

  cut(code: number): void {
    this.isOver = true;
    this.session.state = "closed";
    this.closed(code);
  }

  /** One frame to the phone. Returns whether there was one, or a close. */
  deliverToPhone(): boolean {
    if (this.isOver || !this.service.up) return false;
    const frame = this.toPhone.shift();
    if (frame !== undefined) this.heard(JSON.stringify(frame));
    else if (this.closing !== null) this.cut(this.closing);
    else return false;
    return true;
  }

  /** One frame to the service. */
  deliverToService(): boolean {
    if (this.isOver || !this.service.up) return false;
    const text = this.toService.shift();
    if (text === undefined) return false;
    if (this.session.state !== "closed") this.take(JSON.parse(text) as FromDevice);
    return true;
  }

  private take(frame: FromDevice): void {
    const { service, session } = this;
    switch (frame.t) {
      case "ping":
        return this.put({ t: "pong", c: frame.c });
      case "bind": {
        const { code } = service;
        const [pk, cn] = [fromBase64url(frame.pk, 32), fromBase64url(frame.cn, 32)];
        if (code === null || pk === null || cn === null || frame.b !== toBase64url(code.b)) return this.end(9001, 4003);
        if (code.usedBy !== null) return this.end(9001, 4003);
        code.usedBy = frame.pk;
        session.pk = pk;
        session.device = deviceKeyName(pk);
        session.state = "claimed";
        const claim = transcript("smartpi1-bind-service", code.b, session.sn, service.key.pk, pk, cn, "plain");
        const sig = toBase64url(ed.sign(claim, service.key.seed));
        return this.put({ t: "bind_wait", mac: toBase64url(hmac(sha256, code.s, claim)), sig, expires_s: 120 });
      }
      case "bind_shown":
        session.state = "confirming";
        return;
      case "auth": {
        const pk = service.keys.get(frame.device_key);
        if (pk === undefined) return this.end(9004, 4004);
        const cn = fromBase64url(frame.cn, 32) as Uint8Array;
        const parts = [service.key.pk, session.sn, cn, frame.device_key, "plain"];
        if (!ed.verify(fromBase64url(frame.sig, 64) as Uint8Array, transcript("smartpi1-auth-device", ...parts), pk)) return this.end(9003, 4003);
        for (const other of service.open) {
          if (other !== this && other.session.state === "ready" && other.session.device === frame.device_key) other.end(9021, 4010);
        }
        session.state = "ready";
        session.device = frame.device_key;
        const account = service.accounts.get(frame.device_key) as Account;
        const resume = frame.epoch === service.epoch ? "ok" : "reset";
        const sig = toBase64url(ed.sign(transcript("smartpi1-auth-service", ...parts), service.key.seed));
        this.put({ t: "ready", device_key: frame.device_key, name: "Phone", epoch: service.epoch, n: account.n, resume, link: service.link, answer_s: 30, sig });
        const from = resume === "ok" ? frame.last_n : 0;
        for (const stored of account.replies) if (stored.n > from) this.put(stored.frame);
        return;
      }
      case "msg": {
        const account = service.accounts.get(session.device ?? "");
        if (account === undefined) return;
        const refusal = service.refusals.shift();
        const known = account.messages.find((message) => message.id === frame.id);
        if (refusal !== undefined) return this.put({ t: "err", re: frame.id, en: "", zh: "", ...refusal });
        if (known !== undefined && known.text !== frame.text) return this.put({ t: "err", code: 9011, re: frame.id, en: "", zh: "" });
        if (known === undefined) account.messages.push({ id: frame.id, text: frame.text });
        return this.put({ t: "ack", id: frame.id, st: known === undefined ? "stored" : "dup" });
      }
      case "got": {
        const account = service.accounts.get(session.device ?? "");
        if (account === undefined) return;
        service.onGot(session.device ?? "", account.replies.filter((stored) => stored.n <= frame.n));
        account.replies = account.replies.filter((stored) => stored.n > frame.n);
        return;
      }
      default:
    }
  }
}

function deviceKeyName(pk: Uint8Array): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  const bits = Array.from(sha256(pk), (byte) => byte.toString(2).padStart(8, "0")).join("");
  return Array.from({ length: 26 }, (_, index) => alphabet[Number.parseInt(bits.slice(index * 5, index * 5 + 5), 2)]).join("");
}
