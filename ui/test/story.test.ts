import { describe, expect, test } from "vitest";

import type { ActivityTurn, ActivityUnasked, NoticeView, Turn } from "../src/backend";
import { homeDevices, homeTurns, homeUnasked, homeView } from "../src/backend.fake/home";
import { isName } from "../src/deviceName";
import { deviceStory } from "../src/deviceStory";
import { detailNumber, detailText } from "../src/failureDetail";
import { en } from "../src/locales/en";
import { zh } from "../src/locales/zh";
import { dayHeading, dayOf, daysBetween, moment, span } from "../src/moments";
import { joined, oldestOf, timeline } from "../src/timeline";
import { turnSteps, turnStory } from "../src/turnStory";
import { leftOf } from "../src/composables/useCountdown";
import { addressOfUrl } from "../src/addresses";

const at = (text: string): number => new Date(text).getTime();
const NOW = at("2026-11-21T14:30:00");

describe("moments", () => {
  test("are times of day today, and name the day before and others", () => {
    expect(moment(at("2026-11-21T08:05:00"), NOW, "en", en)).toBe("08:05");
    expect(moment(at("2026-11-20T18:20:00"), NOW, "en", en)).toBe("yesterday 18:20");
    expect(moment(at("2026-11-20T18:20:00"), NOW, "zh", zh)).toBe("昨天 18:20");
    expect(moment(at("2026-11-03T00:00:00"), NOW, "en", en)).toBe("3 November 00:00");
    expect(moment(at("2025-11-03T12:00:00"), NOW, "zh", zh)).toBe("2025年11月3日 12:00");
    expect(dayHeading(NOW, NOW, "zh", zh)).toBe("今天");
  });

  test("count days by the calendar, not by hours", () => {
    expect(daysBetween(at("2026-11-20T23:59:00"), at("2026-11-21T00:01:00"))).toBe(1);
    expect(daysBetween(at("2026-11-21T00:01:00"), at("2026-11-21T23:59:00"))).toBe(0);
    expect(daysBetween(at("2026-03-28T12:00:00"), at("2026-03-30T00:30:00"))).toBe(2);
  });

  test("spans are as exact as a person needs", () => {
    const plain = (ms: number, words = en): string => span(ms, words).replaceAll("\u00a0", " ");
    expect([-5, 0, 80, 835, 4_240, 9_960, 41_000, 59_700, 125_000].map((ms) => plain(ms))).toEqual(["0 ms", "0 ms", "80 ms", "0.8 s", "4.2 s", "10 s", "41 s", "1 min", "2 min 5 s"]);
    expect(plain(125_000, zh)).toBe("2 分 5 秒");
  });
});

describe("a device", () => {
  const [device] = homeDevices("en");
  if (!device) throw new Error("no device");
  const story = (change: Partial<typeof device>, phase: "running" | "stopped" = "running") => deviceStory({ ...device, ...change }, phase, () => "14:02", en);

  test("is online since, unsure, or offline since", () => {
    expect(story({ state: "online" })).toEqual({ shape: "good", text: "Online since 14:02" });
    expect(story({ state: "unsure" })).toEqual({ shape: "unsure", text: "Unsure: no answer for a while" });
    expect(story({ state: "offline" })).toEqual({ shape: "off", text: "Offline since 14:02" });
    expect(story({ state: "offline", sinceMs: 0, lastSeenMs: 0 }).text).toBe("Never connected yet");
    expect(story({ state: "offline" }, "stopped").text).toBe(en.devices.serviceOff);
  });

  test("has a name of 1 to 32 characters, counted as a person counts", () => {
    expect([isName(" a "), isName("厨".repeat(32)), isName("😀".repeat(32))]).toEqual([true, true, true]);
    expect([isName("  "), isName("a".repeat(33)), isName("a\u0007b")]).toEqual([false, false, false]);
  });
});

describe("a turn", () => {
  const { assistant } = homeView("en");
  const turn: Turn = { id: "1", state: "sent", receivedMs: 1000, storedMs: 1003, late: false };
  const text = (change: Partial<Turn>, link: "online" | "offline" = "online"): string => turnStory({ ...turn, ...change }, { ...assistant, link }, (ms) => `${ms} ms`, en).text;

  test("is told by what became of it", () => {
    expect(text({ state: "queued" })).toBe("Waits its turn");
    expect(text({ state: "queued" }, "offline")).toBe("Kept until OpenClaw is connected");
    expect(text({})).toBe("The assistant is working on it");
    expect(text({ late: true })).toMatch(/^No answer in time yet/);
    expect(text({ outcome: "answered", finalMs: 5200 })).toBe("The assistant answered after 4200 ms");
    expect(text({ outcome: "answered", finalMs: 42_000, late: true })).toBe("The assistant did not answer in time. The answer came late, after 41000 ms");
  });

  test("has words of its own for every outcome of the protocol, and for one of tomorrow", () => {
    const outcomes = ["silent", "failed", "aborted", "stopped", "duplicate", "of_tomorrow"];
    const texts = outcomes.map((outcome) => text({ outcome }));
    expect(new Set(texts).size).toBe(outcomes.length);
    expect(texts.at(-1)).toBe("It is over");
  });

  test("shows its measured steps in the order in which they happened", () => {
    const steps = turnSteps({ ...turn, deliveredMs: 1004, toolMs: 3000, firstTokenMs: 2000, finalMs: null });
    expect(steps.map(({ step }) => step)).toEqual(["receivedMs", "storedMs", "deliveredMs", "firstTokenMs", "toolMs"]);
    expect(steps[3]).toEqual({ step: "firstTokenMs", afterMs: 1000 });
  });
});

describe("the time line", () => {
  const turn = (id: string, receivedMs: number): ActivityTurn => ({ ...(homeTurns("en")[0] as ActivityTurn), id, receivedMs });
  const notice = (id: number, atMs: number): NoticeView => ({ id, atMs, kind: "started", names: [], deviceKey: null, failure: null });
  const unasked = (rid: string, atMs: number): ActivityUnasked => ({ ...(homeUnasked("en")[0] as ActivityUnasked), rid, atMs, gotMs: null });
  const keys = (more: boolean): string[][] =>
    timeline({ turns: [turn("b", at("2026-11-21T10:00:00")), turn("a", at("2026-11-20T10:00:00"))], unasked: [unasked("u", at("2026-11-21T10:30:00"))] }, [notice(2, at("2026-11-21T11:00:00")), notice(1, at("2026-11-20T09:00:00"))], more, dayOf).map(({ entries }) =>
      entries.map(({ turn: one, unasked: two, notice: other }) => one?.id ?? two?.rid ?? String(other?.id)),
    );

  test("has turns and notices newest first, by day", () => {
    expect(keys(false)).toEqual([["2", "u", "b"], ["a", "1"]]);
  });

  test("holds notices back that are older than the oldest loaded turn", () => {
    expect(keys(true)).toEqual([["2", "u", "b"], ["a"]]);
    expect(oldestOf({ turns: [turn("a", 9)], unasked: [unasked("u", 7)] })).toBe(7);
    expect(oldestOf({ turns: [], unasked: [] })).toBeUndefined();
  });

  test("replaces a turn that was known, and keeps the rest", () => {
    const fresh = { turns: [{ ...turn("b", 2), outcome: "answered" as const }, turn("c", 3)], unasked: [{ ...unasked("u", 2), gotMs: 3 }] };
    const all = joined({ turns: [turn("b", 2), turn("a", 1)], unasked: [unasked("u", 2)] }, fresh);
    expect(all.unasked.map(({ gotMs }) => gotMs)).toEqual([3]);
    expect(all.turns.map(({ id, outcome }) => [id, outcome])).toEqual([["c", null], ["b", "answered"], ["a", null]]);
  });
});

test("a countdown runs from one to nothing", () => {
  expect([leftOf(180, 0, 180), leftOf(180, 90, 180), leftOf(180, 200, 180), leftOf(500, 0, 180)]).toEqual([1, 0.5, 0, 1]);
});

test("a failure's detail is its exact words, and nothing where there are none", () => {
  expect(detailText({ code: "timeout" })).toBe("");
  expect(detailText({ code: "timeout", detail: null })).toBe("");
  expect(detailText({ code: "openclaw_failed", detail: "exit 1" })).toBe("openclaw_failed: exit 1");
  expect(detailText({ code: "wrong_code", detail: { left: 2 } })).toBe('wrong_code: {"left":2}');
  expect(detailNumber({ code: "wrong_code", detail: { left: 2 } }, "left")).toBe(2);
  expect(detailNumber({ code: "wrong_code", detail: "left" }, "left")).toBeNull();
});

test("the address of a URL has no brackets", () => {
  expect(addressOfUrl("http://192.168.1.20:8765/b#1.x")).toBe("192.168.1.20");
  expect(addressOfUrl("http://[fd00::1]:8765/")).toBe("fd00::1");
});
