/** Cuts an answer into texts that fit into frames. */

import { TEXT_BYTES } from "./wire.ts";

/** A frame's JSON stays below 48 KiB; this much of it is kept for everything but the text. */
const JSON_BYTES = 48 * 1024 - 1024;

/** Whether a text fits into one frame. */
export function fitsFrame(text: string): boolean {
  const weight = weighText(text);
  return weight.utf8 <= TEXT_BYTES && weight.json <= JSON_BYTES;
}

/**
 * Cuts a text at character boundaries, behind a line end or a space where one lies in the last quarter of a piece.
 * Pieces that would be only white space are left out; the rest of the text is kept as it is.
 */
export function cutPieces(text: string): string[] {
  const rest = text.toWellFormed();
  const pieces: string[] = [];
  let start = 0;
  let utf8 = 0;
  let json = 0;
  let at = 0;
  while (at < rest.length) {
    const point = rest.codePointAt(at) as number;
    const weight = weighPoint(point);
    if (utf8 + weight.utf8 > TEXT_BYTES || json + weight.json > JSON_BYTES) {
      const end = softEnd(rest, start, at);
      pieces.push(rest.slice(start, end));
      start = end;
      at = end;
      utf8 = 0;
      json = 0;
      continue;
    }
    utf8 += weight.utf8;
    json += weight.json;
    at += point > 0xffff ? 2 : 1;
  }
  pieces.push(rest.slice(start));
  return pieces.filter((piece) => piece.trim() !== "");
}

function softEnd(text: string, start: number, hardEnd: number): number {
  const earliest = start + Math.ceil((hardEnd - start) * 0.75);
  for (const sign of ["\n", " "]) {
    const found = text.lastIndexOf(sign, hardEnd - 1);
    if (found >= earliest) return found + 1;
  }
  return hardEnd;
}

interface Weight { utf8: number; json: number }

function weighText(text: string): Weight {
  const sum = { utf8: 0, json: 0 };
  for (const sign of text.toWellFormed()) {
    const weight = weighPoint(sign.codePointAt(0) as number);
    sum.utf8 += weight.utf8;
    sum.json += weight.json;
  }
  return sum;
}

/** Bytes of one character as UTF-8 and inside a JSON string. */
function weighPoint(point: number): Weight {
  const utf8 = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  if (point === 0x22 || point === 0x5c) return { utf8, json: 2 };
  if (point < 0x20) return { utf8, json: [8, 9, 10, 12, 13].includes(point) ? 2 : 6 };
  return { utf8, json: utf8 };
}
