/**
 * What each side signs or MACs, byte for byte: the transcripts of docs/PROTOCOL.md.
 *
 * Pure JavaScript throughout: a page on plain http has no `crypto.subtle`.
 */
import * as ed from "@noble/ed25519";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";

import type { BindingCode } from "./bindingCode.ts";
import { equalBytes, fromBase64url, toBase32, toBase64url, toHex, utf8 } from "./encoding.ts";

ed.hashes.sha512 = sha512;

/** Transport part of every transcript: plain WebSocket. */
const PLAIN = "plain";

/** The nonces and the service's key of one connection, as raw bytes. */
export interface Meeting {
  readonly sn: Uint8Array;
  readonly spk: Uint8Array;
  readonly cn: Uint8Array;
}

/** A key of this phone. */
export interface DeviceKey {
  /** Private seed, 32 bytes. */
  readonly seed: Uint8Array;
  /** Public key, 32 bytes. */
  readonly pk: Uint8Array;
  /** Its name on the wire: 26 characters. */
  readonly name: string;
}

/** Why a service is not trusted. The first check that failed. */
export type Impostor = "other_key" | "bad_signature" | "bad_mac";

/** Random bytes of the system; the only source that a page on plain http has. */
export function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** A label and parts, each behind its length: no two lists of parts give the same bytes. */
export function transcript(label: string, ...parts: readonly (Uint8Array | string)[]): Uint8Array {
  const pieces = [label, ...parts].map((part) => (typeof part === "string" ? utf8(part) : part));
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + 4 + piece.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const piece of pieces) {
    view.setUint32(at, piece.length);
    bytes.set(piece, at + 4);
    at += 4 + piece.length;
  }
  return bytes;
}

/** The key that belongs to a seed of 32 bytes. */
export function deviceKeyOf(seed: Uint8Array): DeviceKey {
  const pk = ed.getPublicKey(seed);
  return { seed, pk, name: toBase32(sha256(pk)).slice(0, 26) };
}

/** First 16 bytes of SHA-256 of a service's public key: part `k` of the QR code. */
export function keyPin(spk: Uint8Array): Uint8Array {
  return sha256(spk).slice(0, 16);
}

/** What a person compares: the first 8 hex digits of SHA-256 of the service's key, from the key or from its pin. */
export function fingerprint(pin: Uint8Array): string {
  return toHex(pin.slice(0, 4));
}

/** What a device proves when it claims a code. base64url. */
export function bindMac(code: BindingCode, meeting: Meeting, pk: Uint8Array, name: string, kind: string, confirm: string): string {
  const { sn, spk, cn } = meeting;
  const claim = transcript("smartpi1-bind-device", code.b, sn, spk, pk, cn, PLAIN, name, kind, confirm);
  return toBase64url(hmac(sha256, code.s, claim));
}

/** The device's three checks before it shows a code, in order. `null`: all hold. */
export function checkBindWait(code: BindingCode, meeting: Meeting, pk: Uint8Array, mac: string, sig: string): Impostor | null {
  if (!equalBytes(keyPin(meeting.spk), code.k)) return "other_key";
  const claim = transcript("smartpi1-bind-service", code.b, meeting.sn, meeting.spk, pk, meeting.cn, PLAIN);
  if (!verify(meeting.spk, claim, sig)) return "bad_signature";
  const claimed = fromBase64url(mac, 32);
  return claimed !== null && equalBytes(hmac(sha256, code.s, claim), claimed) ? null : "bad_mac";
}

/** The two digits that both sides compute and the person carries over. */
export function bindCode(code: BindingCode, meeting: Meeting, pk: Uint8Array): string {
  const { sn, spk, cn } = meeting;
  const digest = hmac(sha256, code.s, transcript("smartpi1-bind-code", code.b, sn, spk, pk, cn));
  const number = new DataView(digest.buffer, digest.byteOffset).getBigUint64(0) % 100n;
  return number.toString().padStart(2, "0");
}

function authTranscript(label: string, meeting: Meeting, device: string): Uint8Array {
  return transcript(label, meeting.spk, meeting.sn, meeting.cn, device, PLAIN);
}

/** This phone's signature over the meeting. base64url. */
export function signAuth(key: DeviceKey, meeting: Meeting): string {
  return toBase64url(ed.sign(authTranscript("smartpi1-auth-device", meeting, key.name), key.seed));
}

/** Whether the service has the key that it named in its hello. */
export function readyHolds(meeting: Meeting, device: string, sig: string): boolean {
  return verify(meeting.spk, authTranscript("smartpi1-auth-service", meeting, device), sig);
}

/** Strict verification: RFC 8032, canonical, no keys of small order. */
function verify(pk: Uint8Array, message: Uint8Array, sig: string): boolean {
  const signature = fromBase64url(sig, 64);
  if (signature === null) return false;
  try {
    return !ed.Point.fromBytes(pk).isSmallOrder() && ed.verify(signature, message, pk, { zip215: false });
  } catch {
    return false;
  }
}
