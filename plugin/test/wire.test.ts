import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decode, decodeFromPlugin, encode, FrameError, linkAuthMac, linkReadyMac, sameMac, transcript, type FromPlugin } from "../src/wire.ts";

const golden = join(import.meta.dirname, "..", "..", "tests", "golden");
const vectors = JSON.parse(readFileSync(join(golden, "vectors.json"), "utf8")) as Record<string, string> & { gen: number };
const proof = { key: Buffer.from(vectors.link_key as string, "base64url"), sn: vectors.sn as string, cn: vectors.cn as string, gateway: vectors.gateway as string };

function malformed(text: string): FrameError {
  try {
    decode(text);
  } catch (error) {
    if (error instanceof FrameError) return error;
  }
  throw new Error(`was read: ${text}`);
}

describe("golden frames", () => {
  const files = readdirSync(join(golden, "upstream"));
  test("there are some of each direction", () => expect(files.length).toBeGreaterThan(20));
  for (const file of files) {
    const { from, frame } = JSON.parse(readFileSync(join(golden, "upstream", file), "utf8")) as { from: string; frame: Record<string, unknown> };
    if (from !== "plugin") {
      test(`${file} is read as it is`, () => expect(decode(JSON.stringify(frame))).toEqual(frame));
      test(`${file} with an unknown field is the same`, () => expect(decode(JSON.stringify({ ...frame, hue: { a: [1] } }))).toEqual(frame));
      for (const name of Object.keys(frame).filter((field) => field !== "t")) {
        test(`${file} with a wrong ${name} is refused`, () => expect(malformed(JSON.stringify({ ...frame, [name]: [] })).unknownType).toBeUndefined());
      }
    }
    if (from !== "service") {
      test(`${file} is written as it is`, () => {
        const read = decodeFromPlugin(JSON.stringify(frame));
        expect(JSON.parse(encode(read))).toEqual(frame);
      });
    }
  }
});

describe("proofs", () => {
  test("the plugin's mac is the golden one", () => expect(linkAuthMac(proof)).toBe(vectors.link_auth_mac));
  test("the service's mac is the golden one", () => expect(linkReadyMac(proof, vectors.gen)).toBe(vectors.link_ready_mac));
  test("another gen, gateway, nonce or key gives another mac", () => {
    const good = linkReadyMac(proof, 7);
    expect(linkReadyMac(proof, 8)).not.toBe(good);
    expect(linkReadyMac({ ...proof, gateway: "f".repeat(32) }, 7)).not.toBe(good);
    expect(linkReadyMac({ ...proof, cn: proof.sn }, 7)).not.toBe(good);
    expect(linkReadyMac({ ...proof, key: new Uint8Array(32) }, 7)).not.toBe(good);
    expect(sameMac(good, good)).toBe(true);
    expect(sameMac(good, linkAuthMac(proof))).toBe(false);
    expect(sameMac(good, good.slice(1))).toBe(false);
  });
  test("a transcript keeps parts apart", () => {
    expect(transcript("a", "bc").equals(transcript("a", "b", "c"))).toBe(false);
    expect(transcript("é", new Uint8Array([1])).toString("hex")).toBe("00000002c3a90000000101");
  });
});

describe("strict reading", () => {
  const ping = { t: "ping", c: 1 };
  const nested = (depth: number): string => `{"t":"ping","c":1,"x":${"[".repeat(depth)}1${"]".repeat(depth)}}`;
  const keys = (count: number): string => JSON.stringify(Object.assign({ ...ping }, Object.fromEntries(Array.from({ length: count - 2 }, (_, index) => [`k${index}`, 0]))));

  test("bounds hold at the limit and not one past it", () => {
    expect(decode(nested(7))).toEqual(ping);
    expect(malformed(nested(8)).message).toBe("too deep");
    expect(decode(keys(64))).toEqual(ping);
    expect(malformed(keys(65)).message).toBe("too many entries");
    expect(decode(`{"t":"ping","c":1,"x":[${Array(61).fill(0).join(",")}]}`)).toEqual(ping);
    expect(malformed(`{"t":"ping","c":1,"x":[${Array(62).fill(0).join(",")}]}`).message).toBe("too many entries");
  });
  test("a key may not come twice, however it is spelled", () => {
    expect(malformed('{"t":"ping","c":1,"c":1}').message).toBe("duplicate key");
    expect(malformed('{"t":"ping","c":1,"\\u0063":1}').message).toBe("duplicate key");
    expect(decode('{"t":"ping","c":1,"x":{"c":1},"y":"\\"c\\":"}')).toEqual(ping);
  });
  test.each(["", "[]", "1", "null", '"x"', '{"t":"ping"}', '{"t":"ping","c":"1"}', '{"t":"ping","c":1.5}', '{"t":"ping","c":-1}', '{"t":"ping","c":9007199254740992}', '{"t":"ping","c":1}x', '{"t":1}', '{"c":1}'])(
    "%s is no frame",
    (text) => expect(malformed(text).unknownType).toBeUndefined(),
  );
  test("an unknown type is told apart, so that the socket can be kept", () => {
    expect(malformed('{"t":"dance"}').unknownType).toBe("dance");
    expect(malformed('{"t":"toString"}').unknownType).toBe("toString");
    expect(malformed('{"t":"accepted","turn":"x"}').unknownType).toBe("accepted");
  });
  test("a lone surrogate never reaches the wire", () => {
    const frame: FromPlugin = { t: "partial", turn: "x", text: "a\ud800b" };
    expect(JSON.parse(encode(frame)).text).toBe("a\ufffdb");
  });
});
