/** Frames between this plugin and the channel service: docs/PROTOCOL.md, section 4. */

import { createHmac, timingSafeEqual } from "node:crypto";
import { parseStrict, StrictJsonError } from "./strict.ts";

/** The protocol version this plugin speaks. */
export const VERSION = 1;
/** Longest text of a message, bytes of UTF-8. */
export const TEXT_BYTES = 32_768;
/** Largest frame on the link, bytes. */
export const LINK_FRAME_BYTES = 131_072;

/** What the agent is doing. */
export type Stage = "thinking" | "tool" | "writing";
/** How a turn ended. */
export type Outcome = "answered" | "silent" | "failed" | "aborted" | "duplicate";

/** Numbers of PROTOCOL.md section 5 that this plugin uses. */
export const Code = {
  NotAuthenticated: 9003,
  DeviceUnknown: 9004,
  TooLong: 9006,
  NotUnderstood: 9007,
  OtherVersion: 9010,
  NotAllowed: 9014,
  AgentError: 9019,
  NoAgent: 9020,
  Replaced: 9021,
  OtherGateway: 9022,
} as const;

export interface Hello { t: "hello"; v: { min: number; max: number }; sn: string; epoch: string; hb: number }
export interface Ready { t: "ready"; gen: number; mac: string }
export interface Presence { t: "presence"; device: string; name: string; online: boolean }
export interface Deliver { t: "deliver"; turn: string; device: string; name: string; text: string; ts: number }
export interface Stored { t: "stored"; rid: string }
export interface Refused { t: "refused"; rid: string; code: number }
export interface Slow { t: "slow"; turn: string; device: string; after_s: number }
export interface Abort { t: "abort"; turn: string }
export interface Ping { t: "ping"; c: number }
export interface Pong { t: "pong"; c: number }
export interface ErrFrame { t: "err"; code: number; en: string; zh: string; re?: string; of?: string; retry_ms?: number }
export interface Bye { t: "bye"; code: number; retry_ms?: number }

/** From the service. */
export type FromService = Hello | Ready | Presence | Deliver | Stored | Refused | Slow | Abort | Ping | Pong | ErrFrame | Bye;

export interface LinkAuth { t: "auth"; v: number; cn: string; gateway: string; plugin: string; host: string; mac: string }
export interface Accepted { t: "accepted"; turn: string }
export interface Progress { t: "progress"; turn: string; stage: Stage }
export interface Partial { t: "partial"; turn: string; text: string }
export interface Reply { t: "reply"; rid: string; turn: string; text: string; error?: true }
export interface Push { t: "push"; rid: string; to: string; text: string; by?: string; re_turn?: string }
export interface Done { t: "done"; rid: string; turn: string; outcome: Outcome; code?: number; detail?: string }

/** Frames that stay in the outbox until the service says `stored` or `refused`. */
export type KeptFrame = Reply | Push | Done;
/** To the service. */
export type FromPlugin = LinkAuth | Accepted | Progress | Partial | KeptFrame | Ping | Pong | ErrFrame | Bye;

/** The frame cannot be used. */
export class FrameError extends Error {
  /** The unknown `t`, where the frame was fine otherwise: answer 9007 and keep the socket. */
  readonly unknownType: string | undefined;

  constructor(message: string, unknownType?: string) {
    super(message);
    this.unknownType = unknownType;
  }
}

type Check = (value: unknown) => boolean;
interface Shape { required: Record<string, Check>; optional?: Record<string, Check> }

const isText: Check = (value) => typeof value === "string";
const isFlag: Check = (value) => typeof value === "boolean";
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isCode: Check = (value) => isCount(value) && (value as number) <= 65_535;
const isBytes32: Check = (value) => typeof value === "string" && /^[A-Za-z0-9_-]{43}$/.test(value) && Buffer.from(value, "base64url").toString("base64url") === value;
const isVersions: Check = (value) => typeof value === "object" && value !== null && isCount((value as Hello["v"]).min) && isCount((value as Hello["v"]).max);
const isOneOf = (...words: string[]): Check => (value) => words.includes(value as string);

const heartbeat = { ping: { required: { c: isCount } }, pong: { required: { c: isCount } } };
const closing: Record<string, Shape> = {
  err: { required: { code: isCode, en: isText, zh: isText }, optional: { re: isText, of: isText, retry_ms: isCount } },
  bye: { required: { code: isCode }, optional: { retry_ms: isCount } },
};

const FROM_SERVICE: Record<FromService["t"], Shape> = {
  hello: { required: { v: isVersions, sn: isBytes32, epoch: isText, hb: isCount } },
  ready: { required: { gen: isCount, mac: isBytes32 } },
  presence: { required: { device: isText, name: isText, online: isFlag } },
  deliver: { required: { turn: isText, device: isText, name: isText, text: isText, ts: isCount } },
  stored: { required: { rid: isText } },
  refused: { required: { rid: isText, code: isCode } },
  slow: { required: { turn: isText, device: isText, after_s: isCount } },
  abort: { required: { turn: isText } },
  ...heartbeat,
  err: closing.err as Shape,
  bye: closing.bye as Shape,
};

const FROM_PLUGIN: Record<FromPlugin["t"], Shape> = {
  auth: { required: { v: isCount, cn: isBytes32, gateway: isText, plugin: isText, host: isText, mac: isBytes32 } },
  accepted: { required: { turn: isText } },
  progress: { required: { turn: isText, stage: isOneOf("thinking", "tool", "writing") } },
  partial: { required: { turn: isText, text: isText } },
  reply: { required: { rid: isText, turn: isText, text: isText }, optional: { error: isFlag } },
  push: { required: { rid: isText, to: isText, text: isText }, optional: { by: isText, re_turn: isText } },
  done: {
    required: { rid: isText, turn: isText, outcome: isOneOf("answered", "silent", "failed", "aborted", "duplicate") },
    optional: { code: isCode, detail: isText },
  },
  ...heartbeat,
  err: closing.err as Shape,
  bye: closing.bye as Shape,
};

/**
 * Reads a frame of the service.
 *
 * @throws {FrameError} with `unknownType` for an unknown `t`; without it for anything else that is no frame.
 */
export function decode(text: string): FromService {
  return decodeAs<FromService>(text, FROM_SERVICE);
}

/**
 * Reads a frame of a plugin: what the service does with one.
 *
 * @throws {FrameError} as {@link decode}.
 */
export function decodeFromPlugin(text: string): FromPlugin {
  return decodeAs<FromPlugin>(text, FROM_PLUGIN);
}

function decodeAs<F extends { t: string }>(text: string, shapes: Record<string, Shape>): F {
  let value: unknown;
  try {
    value = parseStrict(text);
  } catch (error) {
    if (error instanceof StrictJsonError) throw new FrameError(error.message);
    throw error;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new FrameError("not an object");
  const fields = value as Record<string, unknown>;
  const type = fields.t;
  if (typeof type !== "string") throw new FrameError("no frame type `t`");
  const shape = Object.hasOwn(shapes, type) ? shapes[type] : undefined;
  if (!shape) throw new FrameError(`unknown frame type ${JSON.stringify(type.slice(0, 32))}`, type.slice(0, 32));
  const frame: Record<string, unknown> = { t: type };
  for (const [name, check] of Object.entries(shape.required)) {
    if (!Object.hasOwn(fields, name) || !check(fields[name])) throw new FrameError(`${type}: missing or mistyped ${name}`);
    frame[name] = fields[name];
  }
  for (const [name, check] of Object.entries(shape.optional ?? {})) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined || field === null) continue;
    if (!check(field)) throw new FrameError(`${type}: mistyped ${name}`);
    frame[name] = field;
  }
  return frame as unknown as F;
}

/** Writes a frame. A lone surrogate, which no strict reader takes, becomes U+FFFD. */
export function encode(frame: FromPlugin): string {
  return JSON.stringify(frame, (_name, value: unknown) => (typeof value === "string" ? value.toWellFormed() : value));
}

/** The bytes that a MAC covers: the label and each part, each after its length (4 bytes, big-endian). */
export function transcript(label: string, ...parts: (string | Uint8Array)[]): Buffer {
  const pieces: Buffer[] = [];
  for (const part of [label, ...parts]) {
    const bytes = Buffer.from(part as string);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    pieces.push(length, bytes);
  }
  return Buffer.concat(pieces);
}

/** What both sides put into the MACs of one link. Nonces are base64url as on the wire. */
export interface LinkProof { key: Uint8Array; sn: string; cn: string; gateway: string }

/** `auth.mac`: this plugin knows the link key. */
export function linkAuthMac(proof: LinkProof): string {
  return mac(proof.key, transcript("smartpi1-link-plugin", nonce(proof.sn), nonce(proof.cn), proof.gateway));
}

/** `ready.mac`: the service knows the link key. */
export function linkReadyMac(proof: LinkProof, gen: number): string {
  return mac(proof.key, transcript("smartpi1-link-service", nonce(proof.sn), nonce(proof.cn), proof.gateway, String(gen)));
}

/** Compares two MACs in constant time. */
export function sameMac(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left, "base64url"), Buffer.from(right, "base64url")];
  return a.length === b.length && timingSafeEqual(a, b);
}

function nonce(text: string): Buffer {
  return Buffer.from(text, "base64url");
}

function mac(key: Uint8Array, covered: Buffer): string {
  return createHmac("sha256", key).update(covered).digest("base64url");
}
