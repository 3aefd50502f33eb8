/** Bytes as the wire writes them: base64url without padding, base32, hex, UTF-8. */

const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** base64url without padding. */
export function toBase64url(bytes: Uint8Array): string {
  return regroup(bytes, 6, BASE64URL);
}

/** Lowercase base32 of RFC 4648 without padding. */
export function toBase32(bytes: Uint8Array): string {
  return regroup(bytes, 5, BASE32);
}

/** Lowercase hex. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function regroup(bytes: Uint8Array, width: 5 | 6, alphabet: string): string {
  let text = "";
  let pending = 0;
  let bits = 0;
  for (const byte of bytes) {
    pending = (pending << 8) | byte;
    bits += 8;
    while (bits >= width) {
      bits -= width;
      text += alphabet[(pending >> bits) & ((1 << width) - 1)];
    }
    pending &= (1 << bits) - 1;
  }
  return bits > 0 ? text + alphabet[(pending << (width - bits)) & ((1 << width) - 1)] : text;
}

/** Reads base64url of exactly `length` bytes in its one canonical form; `null` for anything else. */
export function fromBase64url(text: string, length: number): Uint8Array | null {
  if (text.length !== Math.ceil((length * 4) / 3)) return null;
  const bytes = new Uint8Array(length);
  let pending = 0;
  let bits = 0;
  let at = 0;
  for (const character of text) {
    const value = BASE64URL.indexOf(character);
    if (value < 0) return null;
    pending = (pending << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (pending >> bits) & 0xff;
    }
    pending &= (1 << bits) - 1;
  }
  return pending === 0 && at === length ? bytes : null;
}

/** Whether two byte strings are equal; the time it takes depends on their lengths only. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let index = 0; index < left.length; index++) difference |= (left[index] ?? 0) ^ (right[index] ?? 0);
  return difference === 0;
}
