import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Answered } from "../src/answered.ts";
import { openFolder, readGatewayId, stateFolder } from "../src/gateway-id.ts";
import { newRid, Outbox } from "../src/outbox.ts";
import type { KeptFrame } from "../src/wire.ts";

const quiet = { info: () => undefined, warn: (line: string) => void warned.push(line), error: (line: string) => void warned.push(line) };
let warned: string[];
let folder: string;
const reply = (rid: string, text = "x"): KeptFrame => ({ t: "reply", rid, turn: "d.m", text });
const lines = (name: string): string[] => readFileSync(join(folder, name), "utf8").split("\n").filter(Boolean);

beforeEach(() => {
  warned = [];
  folder = mkdtempSync(join(tmpdir(), "smartpi-outbox-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("outbox", () => {
  test("what is kept is on disk before keep resolves, and comes back in order", async () => {
    const outbox = await Outbox.open(folder, quiet);
    await outbox.keep(reply("r-1", "第一"));
    expect(lines("outbox.jsonl")).toHaveLength(1);
    await Promise.all([outbox.keep(reply("r-2")), outbox.keep({ t: "push", rid: "p-1", to: "k", text: "y", by: "main" }), outbox.keep({ t: "done", rid: "d-1", turn: "d.m", outcome: "failed", code: 9020, detail: "z" })]);
    outbox.drop("r-2");
    await outbox.close();
    const again = await Outbox.open(folder, quiet);
    expect(again.waiting).toEqual([reply("r-1", "第一"), { t: "push", rid: "p-1", to: "k", text: "y", by: "main" }, { t: "done", rid: "d-1", turn: "d.m", outcome: "failed", code: 9020, detail: "z" }]);
    expect(again.holdsDone("d.m")).toBe(true);
    expect(again.holdsDone("d.n")).toBe(false);
    expect(warned).toEqual([]);
    await again.close();
  });

  test("a torn last line costs only itself, and the next line is whole", async () => {
    const outbox = await Outbox.open(folder, quiet);
    await outbox.keep(reply("r-1"));
    await outbox.keep(reply("r-2"));
    await outbox.close();
    const path = join(folder, "outbox.jsonl");
    truncateSync(path, statSync(path).size - 9);
    const again = await Outbox.open(folder, quiet);
    expect(again.waiting.map((frame) => frame.rid)).toEqual(["r-1"]);
    expect(warned).toHaveLength(1);
    await again.keep(reply("r-3"));
    await again.close();
    const third = await Outbox.open(folder, quiet);
    expect(third.waiting.map((frame) => frame.rid)).toEqual(["r-1", "r-3"]);
    await third.close();
  });

  test("lines that are no frames are left out", async () => {
    writeFileSync(join(folder, "outbox.jsonl"), `null\n{"keep":{"t":"auth"}}\n{"keep":{"t":"reply","rid":"r-1"}}\n${JSON.stringify({ keep: reply("r-2") })}\n`);
    const outbox = await Outbox.open(folder, quiet);
    expect(outbox.waiting).toEqual([reply("r-2")]);
    await outbox.close();
  });

  test("it goes out in order, at most 64 unanswered, all of it again after a break", async () => {
    const outbox = await Outbox.open(folder, quiet);
    for (let index = 0; index < 70; index += 1) await outbox.keep(reply(`r-${index}`));
    let sent: string[] = [];
    const send = (frame: KeptFrame): boolean => sent.push(frame.rid) > 0;
    outbox.connect(send);
    expect(sent).toEqual(Array.from({ length: 64 }, (_, index) => `r-${index}`));
    outbox.drop("r-0");
    expect(sent.at(-1)).toBe("r-64");
    outbox.drop("r-0");
    expect(sent).toHaveLength(65);
    outbox.disconnect();
    await outbox.keep(reply("r-70"));
    expect(sent).toHaveLength(65);
    sent = [];
    outbox.connect(send);
    expect(sent[0]).toBe("r-1");
    for (let index = 1; index <= 70; index += 1) outbox.drop(`r-${index}`);
    expect(sent).toEqual(Array.from({ length: 70 }, (_, index) => `r-${index + 1}`));
    expect(outbox.size).toBe(0);
    await outbox.close();
  });

  test("a frame that is not on disk yet is not sent, nor is what follows it", async () => {
    const outbox = await Outbox.open(folder, quiet);
    const sent: string[] = [];
    outbox.connect((frame) => sent.push(frame.rid) > 0);
    const kept = outbox.keep(reply("r-1"));
    expect(sent).toEqual([]);
    await kept;
    expect(sent).toEqual(["r-1"]);
    await outbox.close();
  });

  test("a socket that refuses a frame gets it first the next time", async () => {
    const outbox = await Outbox.open(folder, quiet);
    await outbox.keep(reply("r-1"));
    await outbox.keep(reply("r-2"));
    outbox.connect(() => false);
    const sent: string[] = [];
    outbox.connect((frame) => sent.push(frame.rid) > 0);
    expect(sent).toEqual(["r-1", "r-2"]);
    await outbox.close();
  });

  test("the file does not grow with what was stored", async () => {
    const outbox = await Outbox.open(folder, quiet);
    await outbox.keep(reply("r-stays", "s"));
    for (let index = 0; index < 400; index += 1) {
      await outbox.keep(reply(`r-${index}`));
      outbox.drop(`r-${index}`);
    }
    await outbox.close();
    expect(lines("outbox.jsonl").length).toBeLessThan(300);
    const again = await Outbox.open(folder, quiet);
    expect(again.waiting).toEqual([reply("r-stays", "s")]);
    expect(lines("outbox.jsonl")).toHaveLength(1);
    expect(existsSync(join(folder, "outbox.jsonl.new"))).toBe(false);
    await again.close();
  });

  test("a disk that fails is told, and the frame still goes out", async () => {
    const outbox = await Outbox.open(folder, quiet);
    await outbox.close();
    const sent: string[] = [];
    outbox.connect((frame) => sent.push(frame.rid) > 0);
    await outbox.keep(reply("r-1"));
    expect(sent).toEqual(["r-1"]);
    expect(warned[0]).toContain("held in memory only");
  });

  test("a newer plugin takes over, and late answers of the older one arrive", async () => {
    const older = await Outbox.open(folder, quiet);
    await older.keep(reply("r-1"));
    const newer = await older.handOver(() => Outbox.open(folder, quiet));
    await older.keep(reply("r-2"));
    expect(newer.waiting.map((frame) => frame.rid)).toEqual(["r-1", "r-2"]);
    await newer.close();
  });

  test("ids do not repeat and fit the protocol", () => {
    const ids = new Set(Array.from({ length: 1_000 }, () => newRid("done")));
    expect(ids.size).toBe(1_000);
    for (const id of ids) expect(id).toMatch(/^d-[0-9a-f]{24}$/);
  });
});

describe("answered turns", () => {
  test("survive a restart, with what was begun and not ended", async () => {
    const first = await Answered.open(folder, quiet);
    first.record("dev.1", "begun");
    first.record("dev.1", "over");
    first.record("dev.2", "begun");
    expect(first.isOrphan("dev.2")).toBe(false);
    await first.close();
    appendFileSync(join(folder, "answered.jsonl"), '{"turn":"dev.3","is":"be');
    const second = await Answered.open(folder, quiet);
    expect([second.isOver("dev.1"), second.isOver("dev.2"), second.isOver("dev.3")]).toEqual([true, false, false]);
    expect([second.isOrphan("dev.1"), second.isOrphan("dev.2")]).toEqual([false, true]);
    expect(second.orphanOf("dev")).toBe("dev.2");
    expect(second.orphanOf("de")).toBeUndefined();
    second.record("dev.2", "over");
    expect(second.orphanOf("dev")).toBeUndefined();
    await second.close();
  });

  test("hold the last 2,000", async () => {
    const answered = await Answered.open(folder, quiet);
    for (let index = 0; index < 2_001; index += 1) answered.record(`d.${index}`, "over");
    expect(answered.isOver("d.0")).toBe(false);
    expect(answered.isOver("d.1")).toBe(true);
    for (let index = 0; index < 5_000; index += 1) answered.record(`e.${index}`, "over");
    await answered.close();
    expect(lines("answered.jsonl").length).toBeLessThanOrEqual(7_100);
    const again = await Answered.open(folder, quiet);
    expect([again.isOver("e.4999"), again.isOver("e.3000"), again.isOver("e.2999")]).toEqual([true, true, false]);
    await again.close();
  });
});

describe("gateway id", () => {
  test("is made once, for the owner only", async () => {
    const own = await openFolder(folder);
    const ids = await Promise.all([readGatewayId(own), readGatewayId(own), readGatewayId(own)]);
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
    if (process.platform !== "win32") {
      expect(statSync(join(own, "gateway-id")).mode & 0o777).toBe(0o600);
      expect(statSync(own).mode & 0o777).toBe(0o700);
    }
  });

  test("a damaged one is told, not replaced", async () => {
    const own = await openFolder(folder);
    writeFileSync(join(own, "gateway-id"), "abc");
    await expect(readGatewayId(own)).rejects.toThrow("damaged");
  });

  test("the state folder is the host's, else the one of the environment", () => {
    expect(stateFolder({ resolveStateDir: () => "/told" }, {})).toBe("/told");
    expect(stateFolder(undefined, { OPENCLAW_STATE_DIR: "/env" })).toBe("/env");
    expect(stateFolder({}, { OPENCLAW_HOME: "/home" })).toBe(join("/home", ".openclaw"));
  });
});
