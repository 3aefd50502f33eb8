import { describe, expect, test } from "vitest";

import { askedBy, hasFullControl, isAllowed, isSameRequest, mayApprove, rightsOf, rightText } from "../src/access";
import type { PairingRequest } from "../src/backend";
import { gatewayView } from "../src/backend.fake/gateway";
import { gatewayStory } from "../src/gatewayStory";
import { en } from "../src/locales/en";
import { zh } from "../src/locales/zh";
import { clientName, programText } from "../src/program";

const words = (rights: { word: string }[]): string[] => rights.map(({ word }) => word);
const request = (more: Partial<PairingRequest> = {}): PairingRequest => ({
  requestId: "r", deviceId: "3b72b038cf3f", name: "Tablet", platform: "android", clientId: "openclaw-android", clientMode: "ui", roles: ["operator"], scopes: ["operator.read"],
  approvedScopes: null, approvedRoles: null, atMs: 1, ...more,
});

describe("what a device may do", () => {
  test("is told by as few scopes as allow the same, the strongest first", () => {
    expect(words(rightsOf(["operator"], ["operator.read", "operator.talk", "operator.write", "operator.pairing", "operator.read"]))).toEqual(["operator.pairing", "operator.write"]);
    expect(words(rightsOf(["operator"], ["operator.read", "operator.admin", "operator.talk.secrets"]))).toEqual(["operator.admin"]);
  });

  test("keeps what we do not know as it is, at the end", () => {
    const rights = rightsOf(["operator", "archivist"], ["custom.thing", "operator.read"]);
    expect(rights.map((right) => rightText(right, en))).toEqual([en.gateway.scopes["operator.read"], "custom.thing", "archivist"]);
  });

  test("is said where it is nothing, and for a node", () => {
    expect(rightsOf(["operator"], []).map((right) => rightText(right, en))).toEqual([en.gateway.roles.operator.right]);
    expect(rightsOf([], []).map((right) => rightText(right, zh))).toEqual([zh.gateway.roles.operator.right]);
    expect(rightsOf(["node"], []).map((right) => rightText(right, en))).toEqual([en.gateway.roles.node.right]);
  });

  // As `operatorScopeSatisfied` of OpenClaw 2026.9.6 judges.
  test.each([
    ["operator.talk", ["operator.write"], true],
    ["operator.sessions.read", ["operator.read"], true],
    ["operator.pairing", ["operator.write"], false],
    ["operator.write", ["operator.read"], false],
    ["operator.future", ["operator.admin"], true],
    ["node.something", ["operator.admin"], false],
  ])("%s is allowed by %j: %s", (wanted, held, allowed) => expect(isAllowed(wanted, held)).toBe(allowed));
});

describe("a request", () => {
  test("of a device that is not in asks for all of it", () => {
    expect(askedBy(request({ roles: ["node", "operator"], scopes: ["operator.write", "operator.read"] }))).toMatchObject({ kind: "new", held: [] });
    expect(words(askedBy(request({ roles: ["node", "operator"], scopes: ["operator.write", "operator.read"] })).fresh)).toEqual(["operator.write", "node"]);
  });

  test("for more shows as new only what the device could not do before", () => {
    const asked = askedBy(request({ scopes: ["operator.read", "operator.talk", "operator.pairing"], approvedScopes: ["operator.write"], approvedRoles: ["operator"] }));
    expect(asked.kind).toBe("more");
    expect(words(asked.fresh)).toEqual(["operator.pairing"]);
    expect(words(asked.held)).toEqual(["operator.write"]);
  });

  test("for another role shows the role alone", () => {
    const asked = askedBy(request({ roles: ["node"], scopes: [], approvedScopes: ["operator.read"], approvedRoles: ["operator"] }));
    expect(words(asked.fresh)).toEqual(["node"]);
  });

  test("for nothing more says so", () => {
    expect(askedBy(request({ approvedScopes: ["operator.admin"], approvedRoles: ["operator"] }))).toMatchObject({ kind: "same", fresh: [] });
  });

  test("is the same one only while everything that was read is the same", () => {
    expect(isSameRequest(request(), request({ atMs: 99 }))).toBe(true);
    for (const other of [request({ scopes: ["operator.admin"] }), request({ name: "Other" }), request({ roles: ["node"] }), request({ approvedScopes: [] })]) expect(isSameRequest(request(), other)).toBe(false);
  });

  test("is granted by whoever has what it asks for; another role only by full control", () => {
    expect(mayApprove(request(), ["operator.pairing", "operator.read"])).toBe(true);
    expect(mayApprove(request(), ["operator.read"])).toBe(false);
    expect(mayApprove(request({ scopes: ["operator.write"] }), ["operator.pairing", "operator.read"])).toBe(false);
    expect(mayApprove(request({ roles: ["node"], scopes: [] }), ["operator.pairing", "operator.read"])).toBe(false);
    expect(mayApprove(request({ roles: ["node"], scopes: [] }), ["operator.admin"])).toBe(true);
    expect([hasFullControl(["operator.pairing"]), hasFullControl(["operator.admin"])]).toEqual([false, true]);
  });
});

describe("who it is", () => {
  test("is the name without what turns or breaks a line, else the first eight digits", () => {
    expect(clientName({ name: " Anna\u202eenohP\n ", deviceId: "3b72b038cf3f" })).toBe("Anna enohP");
    expect(clientName({ name: "\u200b", deviceId: "3b72b038cf3f" })).toBe("3b72b038");
    expect(clientName({ name: null, deviceId: "3b72b038cf3f" })).toBe("3b72b038");
    expect(clientName({ name: "x".repeat(500), deviceId: "3b" })).toHaveLength(64);
  });

  test("is its program and system in words; what is unknown as it is", () => {
    expect(programText({ clientId: "openclaw-control-ui", platform: "MacIntel" }, en)).toBe("Browser dashboard · macOS");
    expect(programText({ clientId: "cli", platform: "win32" }, zh)).toBe("命令行 · Windows");
    expect(programText({ clientId: "constructor", platform: "Plan 9" }, en)).toBe("constructor · Plan 9");
    expect(programText({ clientId: null, platform: null }, en)).toBe("");
  });
});

test("a retry is told by the minute, and a near one without a time that is over when it is read", () => {
  const story = (retryMs: number | null) => gatewayStory(gatewayView({ state: "waiting", retryMs }), 1_000_000, () => "14:03", en).text;
  expect(story(1_020_000)).toBe(en.gateway.retrySoon);
  expect(story(null)).toBe(en.gateway.retrySoon);
  expect(story(1_290_000)).toBe("SmartPi tries again by itself at 14:03.");
});
