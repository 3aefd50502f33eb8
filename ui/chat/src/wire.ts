/** Frames between this phone and the service, version 1 of docs/PROTOCOL.md. */
import { fromBase64url, utf8 } from "./encoding.ts";
import { isUlid } from "./ulid.ts";

/** The protocol version this page speaks. */
export const VERSION = 1;

/** Largest frame this page reads, in UTF-16 units: no valid one is larger. */
const LARGEST_FRAME = 65_536;

export type TurnState = "queued" | "sent" | "running" | "done" | "failed";
export type Stage = "thinking" | "tool" | "writing";
export type LinkState = "online" | "offline";

export interface Hello {
  t: "hello";
  v: { min: number; max: number };
  sn: string;
  spk: string;
  name: string;
  epoch: string;
  hb: number;
  limits: { frame: number; text: number; messages_per_s: number; burst: number; waiting: number };
}
export interface BindWait {
  t: "bind_wait";
  mac: string;
  sig: string;
  expires_s: number;
}
export interface Ready {
  t: "ready";
  device_key: string;
  name: string;
  epoch: string;
  n: number;
  resume: "ok" | "reset";
  link: LinkState;
  answer_s: number;
  sig: string;
}
export interface Reply {
  t: "reply";
  n: number;
  rid: string;
  text: string;
  re?: string;
  late?: boolean;
  code?: number;
  /** Who says it, where it is not just the answer: `agent:ID`, `terminal`, `user`. */
  by?: string;
}
export interface ErrFrame {
  t: "err";
  code: number;
  en: string;
  zh: string;
  re?: string;
  of?: string;
  retry_ms?: number;
}
export interface Bye {
  t: "bye";
  code: number;
  retry_ms?: number;
}

/** From the service. */
export type ToDevice =
  | Hello
  | BindWait
  | { t: "bind_ok"; device_key: string }
  | Ready
  | { t: "ack"; id: string; st: "stored" | "dup" }
  | { t: "turn"; re: string; s: TurnState; stage?: Stage }
  | { t: "partial"; re: string; text: string }
  | Reply
  | { t: "link"; s: LinkState }
  | ErrFrame
  | { t: "ping"; c: number }
  | { t: "pong"; c: number }
  | Bye;

/** From this phone. */
export type FromDevice =
  | { t: "bind"; v: number; b: string; pk: string; cn: string; name: string; kind: string; confirm: string; mac: string }
  | { t: "bind_shown" }
  | { t: "auth"; v: number; device_key: string; cn: string; epoch: string; last_n: number; sig: string }
  | { t: "msg"; id: string; text: string }
  | { t: "got"; n: number }
  | { t: "ping"; c: number }
  | { t: "pong"; c: number }
  | { t: "bye"; code: number };

/** `unknown`: a type of a later version, to be ignored; `malformed`: the peer does not speak this protocol. */
export type Decoded = { is: "frame"; frame: ToDevice } | { is: "unknown" | "malformed" };

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isFlag: Check = (value) => typeof value === "boolean";
const isBlob = (length: number): Check => (value) => typeof value === "string" && fromBase64url(value, length) !== null;
const isOne = (...words: readonly string[]): Check => (value) => words.includes(value as string);
const isId: Check = (value) => typeof value === "string" && isUlid(value);
const isRid: Check = (value) => typeof value === "string" && /^[A-Za-z0-9._:-]{1,64}$/.test(value);
const isDeviceKey: Check = (value) => typeof value === "string" && /^[a-z2-7]{26}$/.test(value);
const maybe = (check: Check): Check => (value) => value === undefined || check(value);
const has = (fields: Record<string, Check>): Check => (value) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.entries(fields).every(([name, check]) => check((value as Record<string, unknown>)[name]));
};

const SHAPES: Readonly<Record<ToDevice["t"], Check>> = {
  hello: has({
    v: has({ min: isCount, max: isCount }),
    sn: isBlob(32),
    spk: isBlob(32),
    name: isText,
    epoch: isText,
    hb: isCount,
    limits: has({ frame: isCount, text: isCount, messages_per_s: isCount, burst: isCount, waiting: isCount }),
  }),
  bind_wait: has({ mac: isBlob(32), sig: isBlob(64), expires_s: isCount }),
  bind_ok: has({ device_key: isDeviceKey }),
  ready: has({
    device_key: isDeviceKey,
    name: isText,
    epoch: isText,
    n: isCount,
    resume: isOne("ok", "reset"),
    link: isOne("online", "offline"),
    answer_s: isCount,
    sig: isBlob(64),
  }),
  ack: has({ id: isId, st: isOne("stored", "dup") }),
  turn: has({ re: isId, s: isOne("queued", "sent", "running", "done", "failed"), stage: maybe(isOne("thinking", "tool", "writing")) }),
  partial: has({ re: isId, text: isText }),
  reply: has({ n: isCount, rid: isRid, text: isText, re: maybe(isId), late: maybe(isFlag), code: maybe(isCount), by: maybe(isText) }),
  link: has({ s: isOne("online", "offline") }),
  err: has({ code: isCount, en: isText, zh: isText, re: maybe(isText), of: maybe(isText), retry_ms: maybe(isCount) }),
  ping: has({ c: isCount }),
  pong: has({ c: isCount }),
  bye: has({ code: isCount, retry_ms: maybe(isCount) }),
};

const BY_TYPE: ReadonlyMap<string, Check> = new Map(Object.entries(SHAPES));

/** Reads a frame of the service. Unknown fields are ignored. */
export function decodeFrame(data: unknown): Decoded {
  if (typeof data !== "string" || data.length > LARGEST_FRAME) return { is: "malformed" };
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return { is: "malformed" };
  }
  if (typeof value !== "object" || value === null) return { is: "malformed" };
  const type = (value as { t?: unknown }).t;
  if (typeof type !== "string") return { is: "malformed" };
  const check = BY_TYPE.get(type);
  if (check === undefined) return { is: "unknown" };
  return check(value) ? { is: "frame", frame: value as ToDevice } : { is: "malformed" };
}

/** Writes a frame. */
export function encodeFrame(frame: FromDevice): string {
  return JSON.stringify(frame);
}

/** Length of a text as the service counts it: bytes of UTF-8. */
export function textLength(text: string): number {
  return utf8(text).length;
}

/** A person's name for this phone, trimmed, as the service takes it: 1 to 32 characters, no control characters. */
export function cleanName(name: string): string | null {
  const trimmed = name.trim();
  const length = Array.from(trimmed).length;
  return length >= 1 && length <= 32 && !/\p{Cc}/u.test(trimmed) ? trimmed : null;
}
