/** The page against the golden frames and the known answers that the Rust service is tested against. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { readBindingCode } from "../src/bindingCode.ts";
import { answerToWait, claimFrame } from "../src/claim.ts";
import { fromBase64url, toBase64url } from "../src/encoding.ts";
import { bindCode, checkBindWait, deviceKeyOf, fingerprint, keyPin, readyHolds, signAuth } from "../src/proof.ts";
import { type BindWait, cleanName, decodeFrame, encodeFrame, type FromDevice } from "../src/wire.ts";

const golden = new URL("../../../tests/golden/", import.meta.url);
const vectors = JSON.parse(readFileSync(new URL("vectors.json", golden), "utf8")) as Record<string, string>;
const raw = (name: string, length: number): Uint8Array => fromBase64url(vectors[name] ?? "", length) ?? expect.fail(`${name} is not a blob`);
const key = deviceKeyOf(raw("device_seed", 32));
const meeting = { sn: raw("sn", 32), spk: raw("spk", 32), cn: raw("cn", 32) };
const scanned = readBindingCode(new URL(vectors["binding_url"] ?? "").hash);
const code = scanned.is === "code" ? scanned.code : expect.fail("the golden URL is a code");
const claim = { code, key, phone: vectors["name"] ?? "" };

describe("known answers", () => {
  it("derives this phone's key and name", () => {
    expect(toBase64url(key.pk)).toBe(vectors["pk"]);
    expect(key.name).toBe(vectors["device_key"]);
  });

  it("reads the QR code and pins the service's key", () => {
    expect(toBase64url(code.b)).toBe(vectors["b"]);
    expect(toBase64url(code.s)).toBe(vectors["s"]);
    expect(toBase64url(keyPin(meeting.spk))).toBe(vectors["k"]);
    expect(fingerprint(code.k)).toBe("24f6ed6a");
  });

  it("claims, checks the answer, and computes the digits", () => {
    expect(claimFrame(claim, meeting)).toMatchObject({ mac: vectors["bind_mac"], kind: "phone", confirm: "code" });
    expect(checkBindWait(code, meeting, key.pk, vectors["bind_wait_mac"] ?? "", vectors["bind_wait_sig"] ?? "")).toBeNull();
    expect(bindCode(code, meeting, key.pk)).toBe(vectors["code"]);
  });

  it("signs the meeting and verifies the service", () => {
    expect(signAuth(key, meeting)).toBe(vectors["auth_sig"]);
    expect(readyHolds(meeting, key.name, vectors["ready_sig"] ?? "")).toBe(true);
  });
});

describe("a service that is not the one of the QR code", () => {
  const wait: BindWait = { t: "bind_wait", mac: vectors["bind_wait_mac"] ?? "", sig: vectors["bind_wait_sig"] ?? "", expires_s: 120 };
  const flipped = (text: string): string => (text.startsWith("A") ? "B" : "A") + text.slice(1);

  it("shows no digits with another key, signature or MAC, in this order", () => {
    const other = { ...meeting, spk: key.pk };
    expect(answerToWait(claim, other, { ...wait, sig: flipped(wait.sig), mac: flipped(wait.mac) }, 0)).toEqual({ is: "failed", why: "other_key" });
    expect(answerToWait(claim, meeting, { ...wait, sig: flipped(wait.sig), mac: flipped(wait.mac) }, 0)).toEqual({ is: "failed", why: "bad_signature" });
    expect(answerToWait(claim, meeting, { ...wait, mac: flipped(wait.mac) }, 0)).toEqual({ is: "failed", why: "bad_mac" });
    expect(answerToWait(claim, meeting, wait, 1_000)).toEqual({ is: "code", digits: vectors["code"], until: 121_000 });
  });

  it("refuses a proof for other nonces, another phone or another code", () => {
    const bad = (length: number): Uint8Array => new Uint8Array(length).fill(7);
    for (const other of [{ ...meeting, sn: bad(32) }, { ...meeting, cn: bad(32) }]) {
      expect(answerToWait(claim, other, wait, 0)).toEqual({ is: "failed", why: "bad_signature" });
      expect(readyHolds(other, key.name, vectors["ready_sig"] ?? "")).toBe(false);
    }
    expect(readyHolds(meeting, "a".repeat(26), vectors["ready_sig"] ?? "")).toBe(false);
    expect(checkBindWait({ ...code, s: bad(16) }, meeting, key.pk, wait.mac, wait.sig)).toBe("bad_mac");
    expect(checkBindWait({ ...code, b: bad(8) }, meeting, key.pk, wait.mac, wait.sig)).toBe("bad_signature");
  });

  it("refuses a service key of small order", () => {
    const weak = { ...meeting, spk: new Uint8Array(32) };
    expect(readyHolds(weak, key.name, toBase64url(new Uint8Array(64)))).toBe(false);
  });
});

describe("golden frames", () => {
  /** Of devices that have TLS. A page has none: it does not know these frames, and meets none of them. */
  const overTls = ["announce.json", "announce_reveal.json", "announce_wait.json", "bind_ok_tls.json", "token.json"];
  const all = readdirSync(new URL("device/", golden));
  const names = all.filter((name) => !overTls.includes(name));
  const read = (name: string): { from: string; frame: FromDevice } => JSON.parse(readFileSync(new URL(`device/${name}`, golden), "utf8"));
  const made: Record<string, FromDevice> = {
    bind: claimFrame(claim, meeting),
    auth: { ...(read("auth.json").frame as Extract<FromDevice, { t: "auth" }>), sig: signAuth(key, meeting) },
    msg: { t: "msg", id: "01JD0000000000000000000001", text: "turn on the light 开灯" },
    got: { t: "got", n: 14 },
    bind_shown: { t: "bind_shown" },
  };

  it("are all here", () => {
    expect(names.length).toBeGreaterThanOrEqual(24);
    expect(all.length).toBe(names.length + overTls.length);
  });

  it("of announced devices are unknown here, not malformed", () => {
    expect(decodeFrame(JSON.stringify(read("announce_wait.json").frame)).is).toBe("unknown");
  });

  it.each(names)("%s", (name) => {
    const { from, frame } = read(name);
    if (from !== "device") expect(decodeFrame(JSON.stringify(frame))).toEqual({ is: "frame", frame });
    const ours = made[name.replace(".json", "")];
    if (from === "device" && name !== "msg_with_unknown_field.json") expect(JSON.parse(encodeFrame(ours ?? expect.fail("no such frame here")))).toEqual(frame);
  });

  it("with an unknown field are read, with a missing or mistyped one refused", () => {
    for (const name of names) {
      const { from, frame } = read(name);
      if (from === "device") continue;
      expect(decodeFrame(JSON.stringify({ ...frame, mood: "good" })).is, name).toBe("frame");
      for (const field of Object.keys(frame)) {
        const { is } = decodeFrame(JSON.stringify({ ...frame, [field]: [1] }));
        expect(is, `${name} ${field}`).toBe("malformed");
      }
    }
  });

  it("of a later version are told from nonsense", () => {
    expect(decodeFrame('{"t":"dance"}').is).toBe("unknown");
    expect(decodeFrame('{"t":"constructor"}').is).toBe("unknown");
    for (const bad of ["", "[]", "null", "3", '{"t":3}', "{", new ArrayBuffer(2), `"${"x".repeat(70_000)}"`]) {
      expect(decodeFrame(bad).is).toBe("malformed");
    }
  });
});

describe("codes and names that are not whole", () => {
  it("tells a missing, a newer and a broken code apart", () => {
    const parts = (vectors["binding_url"] ?? "").split("#")[1] ?? "";
    expect(readBindingCode("").is).toBe("none");
    expect(readBindingCode("#").is).toBe("none");
    expect(readBindingCode(parts.replace("1.", "2.")).is).toBe("newer");
    expect(readBindingCode(parts.slice(0, -1)).is).toBe("broken");
    expect(readBindingCode("#hello").is).toBe("broken");
    expect(readBindingCode(`${parts}.future`).is).toBe("code");
    // The fifth part is for devices with TLS: the code of a page is the same with and without it.
    const tls = (JSON.parse(readFileSync(new URL("vectors.json", golden), "utf8")) as { tls: { binding_url: string } }).tls.binding_url.split("#")[1] ?? "";
    expect(tls.startsWith(`${parts}.`)).toBe(true);
    expect(readBindingCode(tls)).toEqual(readBindingCode(parts));
  });

  it("takes the names that the service takes", () => {
    expect(cleanName("  厨房 ")).toBe("厨房");
    expect(cleanName("k".repeat(32))).toBe("k".repeat(32));
    expect(cleanName("😀".repeat(32))).toBe("😀".repeat(32));
    for (const bad of ["", "  ", "k".repeat(33), "a\nb"]) expect(cleanName(bad)).toBeNull();
  });

  it("reads base64url only in its one form", () => {
    expect(fromBase64url("AA", 1)).toEqual(new Uint8Array([0]));
    for (const bad of ["AB", "A", "AA=", "A+", "AAA"]) expect(fromBase64url(bad, 1)).toBeNull();
  });
});
