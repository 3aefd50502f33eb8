import { describe, expect, test } from "vitest";
import { cutPieces, fitsFrame } from "../src/pieces.ts";
import { encode, TEXT_BYTES } from "../src/wire.ts";

const frameBytes = (text: string): number => Buffer.byteLength(encode({ t: "reply", rid: "r".repeat(64), turn: "d".repeat(53), text, error: true }));

describe("cutting answers", () => {
  test("a short answer is one piece, unchanged", () => expect(cutPieces("  one\n two ")).toEqual(["  one\n two "]));
  test("white space alone is nothing", () => {
    expect(cutPieces("")).toEqual([]);
    expect(cutPieces(" \n\t")).toEqual([]);
  });
  test("exactly the limit is one piece, one byte more is two", () => {
    expect(cutPieces("a".repeat(TEXT_BYTES))).toHaveLength(1);
    expect(cutPieces("a".repeat(TEXT_BYTES + 1)).map((piece) => piece.length)).toEqual([TEXT_BYTES, 1]);
    expect(fitsFrame("a".repeat(TEXT_BYTES))).toBe(true);
    expect(fitsFrame("a".repeat(TEXT_BYTES + 1))).toBe(false);
  });
  test.each([
    ["Chinese", "开灯。"],
    ["emoji", "👩‍🚀🚀"],
    ["quotes", '"\\"'],
    ["control characters", "\u0001\u001f"],
    ["words", "lorem ipsum dolor "],
  ])("%s: nothing is lost and every frame fits", (_name, part) => {
    const text = part.repeat(20_000);
    const pieces = cutPieces(text);
    expect(pieces.join("")).toBe(text);
    expect(pieces.length).toBeGreaterThan(1);
    for (const piece of pieces) {
      expect(Buffer.byteLength(piece)).toBeLessThanOrEqual(TEXT_BYTES);
      expect(frameBytes(piece)).toBeLessThan(48 * 1024);
      expect(piece.isWellFormed()).toBe(true);
    }
  });
  test("it cuts behind a line end where one is near", () => {
    const line = `${"x".repeat(999)}\n`;
    for (const piece of cutPieces(line.repeat(100)).slice(0, -1)) expect(piece.endsWith("\n")).toBe(true);
  });
});
