/** What a QR code says: `#1.<b>.<s>.<k>`, in the fragment that never leaves the phone. */
import { fromBase64url } from "./encoding.ts";

/** A binding code as raw bytes. */
export interface BindingCode {
  /** Which code, 8 bytes. */
  readonly b: Uint8Array;
  /** The secret, 16 bytes: held in memory only, never stored. */
  readonly s: Uint8Array;
  /** First 16 bytes of SHA-256 of the service's public key. */
  readonly k: Uint8Array;
}

/** `none`: there is no code at all; `newer`: a version this page does not know; `broken`: not a whole code. */
export type ScannedCode = { readonly is: "code"; readonly code: BindingCode } | { readonly is: "none" | "newer" | "broken" };

/** Reads a URL fragment, with or without its `#`. Parts after `k` are ignored. */
export function readBindingCode(fragment: string): ScannedCode {
  const text = fragment.replace(/^#/, "");
  if (text === "") return { is: "none" };
  const [version, b, s, k] = text.split(".");
  if (version !== "1") return { is: /^\d+$/.test(version ?? "") ? "newer" : "broken" };
  const code = { b: fromBase64url(b ?? "", 8), s: fromBase64url(s ?? "", 16), k: fromBase64url(k ?? "", 16) };
  if (code.b === null || code.s === null || code.k === null) return { is: "broken" };
  return { is: "code", code: { b: code.b, s: code.s, k: code.k } };
}
