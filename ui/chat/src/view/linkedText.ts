/** Text of a message with its addresses made into links. Only http, https and mailto, only what stands there in plain sight. */
import { element } from "./element.ts";

const ADDRESS = /\b(?:https?:\/\/|mailto:)[^\s<>"'`\u3000-\u303f\uff00-\uffef\u200e\u200f\u202a-\u202e\u2066-\u2069]+/giu;

const BRACKETS = [
  ["(", ")"],
  ["[", "]"],
  ["{", "}"],
] as const;

/** A piece of text; `href` where it is a link. */
export interface Piece {
  readonly text: string;
  readonly href?: string;
}

/** Cuts a text into plain pieces and links; put together they are the text. */
export function linkPieces(text: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = trimmed(match[0]);
    const href = safeHref(address);
    if (href === null) continue;
    if (match.index > at) pieces.push({ text: text.slice(at, match.index) });
    pieces.push({ text: address, href });
    at = match.index + address.length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at) });
  return pieces;
}

/** Without the punctuation that ends a sentence, and without a bracket that was opened before. */
function trimmed(address: string): string {
  let end = address.replace(/[.,;:!?*_~]+$/u, "");
  for (const [open, close] of BRACKETS) {
    if (end.endsWith(close) && !end.includes(open)) end = end.slice(0, -1);
  }
  return end.replace(/[.,;:!?]+$/u, "");
}

function safeHref(address: string): string | null {
  try {
    const url = new URL(address);
    if (url.protocol === "mailto:") return url.pathname === "" ? null : url.href;
    return (url.protocol === "http:" || url.protocol === "https:") && url.hostname !== "" && url.username === "" && url.password === "" ? url.href : null;
  } catch {
    return null;
  }
}

/** The pieces as nodes. */
export function linkedText(text: string): (Node | string)[] {
  return linkPieces(text).map((piece) =>
    piece.href === undefined
      ? piece.text
      : element("a", { href: piece.href, target: "_blank", rel: "noopener noreferrer nofollow" }, piece.text),
  );
}
