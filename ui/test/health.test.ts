import { flushPromises } from "@vue/test-utils";
import { describe, expect, test, vi } from "vitest";

import type { CareView, Evidence, LinkRow, NoPlan, Publisher } from "../src/backend";
import { behind, careView, COPIES, finding, linkRows, planOf, pluginRows, repairView, supervision, WAR } from "../src/backend.fake/care";
import { copiesOf, counsel, factsOf } from "../src/findingStory";
import { FRESH_MS, linkStory, needsAttention, overall } from "../src/healthStory";
import { en } from "../src/locales/en";
import { zh } from "../src/locales/zh";
import { show } from "../src/pages";
import { actionText, repairStory, riskOf, sentOf, siteDataOf, stepText, stopsOf, undoOf } from "../src/repairStory";
import { stage, type Stage } from "./stage";

const NOW = 1_800_000_000_000;
const at = (ms: number): string => `at ${ms - NOW}`;
const lasting = (ms: number): string => `${ms} ms`;
const row = (more: Partial<LinkRow>): LinkRow => ({ link: "gateway", state: "works", behind: null, atMs: NOW, failure: null, name: null, ...more });
const asked = (on: Stage, name: string): unknown[][] => on.backend.asked.filter(([one]) => one === name);
const dialog = (on: Stage) => on.app.get("dialog");

describe("a link", () => {
  test("is green only where it works", () => {
    for (const state of ["works", "broken", "stale", "unproven", "cannotSee", "notLooked", "behind"] as const) {
      expect(linkStory(row({ state }), at, en).shape === "good", state).toBe(state === "works");
    }
  });

  test("looks and reads different in each state, in both languages", () => {
    for (const words of [en, zh]) {
      const stories = (["works", "broken", "stale", "unproven", "cannotSee", "notLooked", "behind"] as const).map((state) => linkStory(row({ state, behind: "pairing" }), at, words));
      expect(new Set(stories.map(({ shape }) => shape)).size).toBe(7);
      expect(new Set(stories.map(({ text }) => text)).size).toBe(7);
    }
  });

  test("says since when, and which one it waits for", () => {
    expect(linkStory(row({}), at, en).age).toBe("since at 0");
    expect(linkStory(row({ atMs: null }), at, en).age).toBe("");
    expect(linkStory(row({ state: "stale", atMs: NOW - 600_000 }), at, en)).toMatchObject({ text: "Worked at the check of at -600000", age: "" });
    expect(linkStory(row({ state: "behind", behind: "pairing" }), at, en).text).toContain("SmartPi's access");
  });

  test("that shows in answers says so, and one that is not used says why", () => {
    for (const words of [en, zh]) {
      const told = (more: Partial<LinkRow>): string => linkStory(row(more), at, words).text;
      expect(told({ link: "model", state: "stale", atMs: NOW })).toBe(words.health.seenWorking("at 0"));
      expect(told({ link: "agent", state: "notLooked" })).toBe(words.health.notSeenYet);
      expect(told({ link: "plugin", state: "notUsed" })).toBe(words.health.echoAnswers);
      expect(told({ link: "pairing", state: "notUsed" })).toBe(words.health.notConnected);
    }
  });
});

describe("all of it in a sentence", () => {
  const said = (care: Partial<CareView>): string => {
    return overall(careView("en", care), en).shape;
  };

  test("is good only where every link works and nothing is found", () => {
    expect(said({})).toBe("good");
    expect(said({ findings: [finding("copiesDiffer", [], "warning")] })).toBe("wait");
    expect(said({ findings: [finding("deadRecords", [], "note")] })).toBe("good");
    for (const state of ["unproven", "cannotSee", "notLooked", "behind"] as const) expect(said({ rows: linkRows("en", { pairing: { state } }) }), state).toBe("unsure");
    expect(said({ rows: linkRows("en", { pairing: { state: "stale" } }) })).toBe("aged");
    expect(said({ rows: linkRows("en", { pairing: { state: "notUsed" } }) })).toBe("good");
    expect(said({ missing: [{ entry: "allowed", atMs: NOW }] })).toBe("wait");
    expect(said({ plugin: pluginRows({ allowed: "allow" }) })).toBe("wait");
    expect(said({ plugin: pluginRows({ allowed: "hidden" }) })).toBe("good");
    expect(said({ traps: [{ kind: "plainSecret", path: "gateway.auth.token" }] })).toBe("good");
    expect(said({ rows: linkRows("en", { gateway: { state: "broken" } }) })).toBe("bad");
    expect(said({ findings: [finding("clockWrong", [])] })).toBe("bad");
    expect(said({ rows: linkRows("en").map((one) => ({ ...one, state: "notLooked" })) })).toBe("off");
  });

  test("points at what waits for a person", () => {
    const none = { findings: [], missing: [], last: null };
    expect(needsAttention(none)).toBe(false);
    expect(needsAttention({ ...none, findings: [finding("copiesDiffer", [], "warning")] })).toBe(false);
    expect(needsAttention({ ...none, findings: [finding("hung", [])] })).toBe(true);
    expect(needsAttention({ ...none, missing: [{ entry: "channel", atMs: NOW }] })).toBe(true);
    const interrupted = repairView("deviceTokenStale", null, ["unsure"], { interrupted: true });
    expect(needsAttention({ ...none, last: interrupted })).toBe(true);
    expect(needsAttention({ ...none, last: { ...interrupted, acknowledged: true } })).toBe(false);
  });
});

describe("what shows a finding", () => {
  const every: Evidence[] = [
    { kind: "occupant", process: { pid: 7, program: null, uid: 0, container: "web", unit: "x.service" } },
    ...(["anotherUser", "earlierProcess", "nodeHost", "noGateway", "inContainer"] as const).map((kind): Evidence => ({ kind: "notMine", why: { kind } })),
    { kind: "notMine", why: { kind: "anotherState", stateDir: null } }, { kind: "notMine", why: { kind: "anotherState", stateDir: "/s" } }, { kind: "notMine", why: { kind: "anotherPort", port: 5 } },
    { kind: "nobody", why: { kind: "stopped" } }, { kind: "nobody", why: { kind: "lockLeft", pid: 7 } }, { kind: "nobody", why: { kind: "elsewhere", pid: 7, port: null } },
    { kind: "nobody", why: { kind: "elsewhere", pid: 7, port: 5 } }, { kind: "nobody", why: { kind: "lockUnseen", why: "changing" } },
    { kind: "unseen", what: { kind: "listeners", why: "notPermitted" } }, { kind: "unseen", what: { kind: "owner", uid: 3, why: "unsupported" } }, { kind: "unseen", what: { kind: "process", pid: 7, fact: "start", why: "unreadable" } },
    { kind: "unseen", what: { kind: "lock", why: "elsewhere" } }, { kind: "unseen", what: { kind: "lockWithoutStart", path: "/l" } }, { kind: "unseen", what: { kind: "lockOlderThanBoot", path: "/l" } },
    { kind: "unseen", what: { kind: "sandboxed", pid: 7 } }, { kind: "unseen", what: { kind: "here", why: "notAsked" } },
    ...(["identity", "boot", "stateDir", "process"] as const).map((what): Evidence => ({ kind: "contradiction", what })),
    ...(["tokenMissing", "tokenMismatch", "deviceTokenMismatch", "scopeMismatch", "signatureInvalid", "signatureExpired"] as const).map((kind): Evidence => ({ kind: "refusal", refusal: { kind } })),
    { kind: "refusal", refusal: { kind: "protocol", expected: 9 } }, { kind: "refusal", refusal: { kind: "rateLimited", retryAfterMs: 5 } }, { kind: "refusal", refusal: { kind: "unrecognised", code: "AUTH_NEW" } },
    { kind: "stopped" }, { kind: "silent" }, { kind: "clockAhead", ms: 303_000 }, { kind: "clockAhead", ms: -303_000 }, { kind: "request", id: "r-1", reason: "scope-upgrade" },
    { kind: "device", id: "5a17e9c0ff", name: "Old" }, { kind: "dashboards", count: 1, lastMs: NOW }, { kind: "dashboards", count: 3, lastMs: NOW },
    { kind: "service", service: { unit: "a.service", scope: "system", path: null, port: null, stateDir: null, phase: "failed", starts: "onDemand", restarts: 1, exitStatus: 78 } },
    { kind: "port", port: 9 }, { kind: "missing", path: "/gone" }, { kind: "temporary", path: "/tmp/x" }, { kind: "nextStart", unit: "a.service", pid: 8 },
  ];

  test.each([["en", en], ["zh", zh]] as const)("is told in %s, each thing in words of its own", (_, words) => {
    const facts = factsOf(every, { at, lasting }, words);
    expect(facts.length).toBe(every.length + 1);
    const texts = facts.map(({ text }) => text);
    expect(new Set(texts).size).toBe(texts.length);
    for (const text of texts) expect(text).not.toMatch(/undefined|null|NaN|\[object/);
  });

  test("names the numbers that matter", () => {
    const told = (evidence: Evidence): string => factsOf([evidence], { at, lasting }, en)[0]?.text ?? "";
    expect(told({ kind: "clockAhead", ms: 303_000 })).toBe("This computer is 303000 ms ahead of OpenClaw.");
    expect(told({ kind: "clockAhead", ms: -60 })).toBe("This computer is 60 ms behind OpenClaw.");
    expect(told({ kind: "occupant", process: { pid: 4711, program: "node", uid: 1001, container: null, unit: "claw.service" } })).toBe("node (process 4711), run by claw.service, of the user number 1001");
    expect(told({ kind: "refusal", refusal: { kind: "unrecognised", code: "AUTH_NEW" } })).toContain("AUTH_NEW");
  });

  test("names a service with all that tells it from another", () => {
    const [service, file, folder] = factsOf(WAR.slice(1, 2), { at, lasting }, en);
    expect(service?.text).toBe("openclaw-gateway.service, of your account, port 18789, is about to be started again, started again 4 times");
    expect(file).toMatchObject({ exact: true, text: "/home/anna/.config/systemd/user/openclaw-gateway.service" });
    expect(folder).toMatchObject({ exact: true, text: "/home/anna/.openclaw" });
  });

  test("says which copy of the token counts, and which differ", () => {
    const copies = copiesOf([...COPIES].reverse(), en);
    expect(copies[0]).toMatchObject({ wins: true, same: true, exact: "/home/anna/.openclaw/openclaw.json", value: "1ecaa2" });
    expect(copies.filter(({ same }) => same === false)).toHaveLength(2);
    expect(copies.find(({ same }) => same === null)?.value).toBe(en.evidence.placeholder);
  });
});

test("where there is no plan, the one way on is said", () => {
  const said = (why: NoPlan, cause: Parameters<typeof finding>[0] = "unrecognised", words = en, evidence: Evidence[] = []) => counsel({ cause, evidence }, why, NOW, NOW, at, words);
  expect(said({ kind: "notAboutTokens" }, "foreignProgram").text).toBe(en.health.counsel.otherProgram);
  expect(said({ kind: "notAboutTokens" }, "wrongInstance").text).toBe(en.health.counsel.otherInstance);
  expect(said({ kind: "wait", afterMs: 5 }).text).toContain("at 5");
  expect(said({ kind: "wait", afterMs: 0 }).text).toBe(en.health.counsel.waited);
  expect(said({ kind: "nothingLeft" }).report).toBe(true);
  expect(said({ kind: "onlyThePerson", advice: "report" }).report).toBe(true);
  expect(said({ kind: "onlyThePerson", advice: "startGateway" }).command).toBe("openclaw gateway run");
  expect(counsel(finding("nobodyListens", []), { kind: "onlyThePerson", advice: "startGateway" }, null, NOW, at, en, true).command).toBe("openclaw gateway start");
  expect(said({ kind: "onlyThePerson", advice: "wakeGateway" }).command).toBe("openclaw gateway restart");
  expect(said({ kind: "onlyThePerson", advice: "enterToken" }, "copiesDiffer").text).toBe(en.health.counsel.sameToken);
  for (const [to, told] of [[{ kind: "variable", name: "MINE" }, "MINE=…"], [{ kind: "file", path: "/s" }, "/s"], [{ kind: "store", name: "S" }, "entry S"], [{ kind: "program", provider: "vault" }, "vault"], [{ kind: "provider", provider: "gone" }, "secrets.providers"]] as const) {
    const copy: Evidence = { kind: "copy", copy: { place: { kind: "config", path: "/c" }, value: { kind: "reference", to, found: false } }, wins: false };
    expect(said({ kind: "onlyThePerson", advice: "mendReference" }, "deviceTokenStale", en, [copy]).text).toContain(told);
    expect(copiesOf([copy], en)[0]?.value).toMatch(/finds no token$/);
  }
  expect(said({ kind: "onlyThePerson", advice: "keepOneService" }, "restartWar").text).toBe(en.health.counsel.keepOneService);
  expect(said({ kind: "onlyThePerson", advice: "reinstallService" }, "legacyService").text).toBe(en.health.counsel.replaceService);
  expect(said({ kind: "onlyThePerson", advice: "reinstallService" }, "servicePathTemporary").text).toBe(en.health.counsel.installElsewhere);
  expect(said({ kind: "onlyThePerson", advice: "reinstallService" }, "servicePathGone", zh).text).toBe(zh.health.counsel.reinstallService);
  const published = (engine: Publisher["engine"], container: string | null): Evidence[] => [{ kind: "published", by: { engine, port: 18789, pid: 140, program: "docker-proxy", container, ofRoot: true } }];
  const stop = { kind: "onlyThePerson", advice: "stopContainer" } as const;
  for (const [words, of] of [[en, "Docker"], [zh, "Docker"]] as const) {
    expect(said(stop, "cannotTell", words, published("docker", "my-claw")).text).toContain("my-claw");
    expect(said(stop, "cannotTell", words, published("docker", null)).text).toContain(of);
    expect(said(stop, "foreignProgram", words, published("wsl", null)).text).toBe(words.health.counsel.stopInWsl);
    expect(factsOf(published("podman", "my-claw"), { at, lasting: String }, words)[0]?.text).toMatch(/Podman.*my-claw|my-claw.*Podman/);
  }
  expect(said({ kind: "onlyThePerson", advice: "setClock" }, "clockWrong", zh).text).toBe(zh.health.counsel.setClock);
});

describe("a plan in words", () => {
  test("says what stops, what can go wrong, what undo does and who is sent the token", () => {
    const stale = planOf("deviceTokenStale");
    expect(stale.steps.map(({ step }) => stepText(step, en))).toEqual([en.repair.steps.forgetDeviceToken, en.repair.steps.connectWithSharedToken]);
    expect(stopsOf(stale, en)).toEqual([en.repair.stops.ourLink]);
    expect(riskOf(stale, en)).toBe(en.repair.risks.none);
    expect(undoOf(stale, en)).toBe(en.repair.undoPutBack);
    expect(sentOf(stale, en)).toContain("port 18789");
    const wrong = planOf("sharedTokenWrong");
    expect(stopsOf(wrong, en)).toEqual([en.repair.stops.gateway, en.repair.stops.ourLink]);
    expect(riskOf(wrong, en)).toBe(en.repair.risks.interrupts);
    expect(undoOf(wrong, en)).toBe(en.repair.undoNothing);
    const dead = planOf("deadRecords");
    expect([stopsOf(dead, en), undoOf(dead, en), sentOf(dead, en)]).toEqual([[en.repair.stops.nothing], "Cannot be undone: step 1.", en.repair.sendsNone]);
  });

  test("says which part is the person's, and when it is their turn", () => {
    const plan = planOf("noAuthConfigured");
    expect(plan.steps.map(({ step }) => stepText(step, en))).toEqual([en.repair.steps.writeAuth, en.repair.steps.awaitRestart]);
    expect(plan.steps.map(({ action }) => actionText(action, zh).label)).toEqual([zh.repair.actions.config, zh.repair.actions.person]);
    expect(sentOf(plan, en)).toBe(en.repair.sends);
    const at = (step: number) => repairStory({ outcome: null, interrupted: false, steps: [] }, { plan: plan.id, step, of: 2, waits: false }, en, plan);
    expect([at(0), at(1), at(2)].map(({ title }) => title)).toEqual([en.repair.running, en.repair.yourTurn, en.repair.running]);
  });

  test("shows the exact action of each step", () => {
    expect(planOf("sharedTokenWrong").steps.map(({ action }) => actionText(action, en).text)).toEqual(["", "ws://127.0.0.1:18789", "openclaw gateway restart"]);
    expect(actionText({ kind: "rpc", method: "device.pair.remove", params: { deviceId: "x" } }, en)).toMatchObject({ text: 'device.pair.remove {"deviceId":"x"}', exact: true });
  });

  test("and how it ended are told apart", () => {
    const of = (more: Parameters<typeof repairView>[3], outcome: Parameters<typeof repairView>[1] = null) => repairStory(repairView("deviceTokenStale", outcome, ["done", "done"], more), null, en);
    expect(of({}, { kind: "verified" })).toMatchObject({ shape: "good", title: "Repaired" });
    expect(of({}, { kind: "didNotHelp" }).shape).toBe("bad");
    expect(of({}, { kind: "failed", step: 1 }).text).toContain("Step 2 failed");
    expect(of({}, { kind: "changed", step: 0 }).text).toContain("before step 1");
    expect(of({ interrupted: true }).title).toBe(en.repair.interrupted);
    expect(of({ steps: [{ state: "undone", failure: null }, { state: "done", failure: null }] }, { kind: "verified" }).title).toBe("Undone");
    expect(repairStory(repairView("hung", null, []), { plan: "x", step: 2, of: 2, waits: false }, en).text).toBe(en.repair.checking);
  });
});

describe("the page", () => {
  test("looks when it opens, unless that was just done or nobody wished to be connected", async () => {
    expect(asked(await stage("health-aged"), "careLook")).toHaveLength(1);
    expect(asked(await stage("health"), "careLook")).toEqual([]);
    const on = await stage("health-never");
    expect(asked(on, "careLook")).toEqual([]);
    expect(on.get("health-whole").attributes("data-shape")).toBe("off");
    await on.click("health-look");
    expect(asked(on, "careLook")).toHaveLength(1);
    expect(on.get("health-whole").attributes("data-shape")).toBe("good");
  });

  test("says that it is looking, and looks once", async () => {
    const on = await stage("health-looking");
    expect(on.text("health-look")).toBe(en.health.looking);
    expect(on.get("health-whole").attributes("data-shape")).toBe("busy");
    await on.click("health-look");
    expect(asked(on, "careLook")).toEqual([]);
  });

  test("does not call well what nobody looked at for a while", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    const on = await stage("health");
    const shapes = (): Set<string | undefined> => new Set(on.all("plugin-row").map((one) => one.attributes("data-shape")));
    expect(shapes()).toEqual(new Set(["good"]));
    await vi.advanceTimersByTimeAsync(FRESH_MS);
    expect(shapes()).toEqual(new Set(["aged"]));
    await on.click("health-look");
    expect(shapes()).toEqual(new Set(["good"]));
  });

  test("gives a broken link one next step", async () => {
    const on = await stage("health-clock");
    const broken = on.all("link").filter((one) => one.attributes("data-state") === "broken");
    expect(broken).toHaveLength(1);
    expect(broken[0]?.text()).toContain(en.failures.gateway_clock.next);
    expect(on.has("link-repair")).toBe(false);
    const stale = await stage("health-stale");
    await stale.click("link-repair");
    expect(dialog(stale).text()).toContain(en.repair.title);
  });

  test("leads from a plugin that is away to where it is connected", async () => {
    const on = await stage("health-many");
    await on.click("link-settings");
    expect(on.has("page-settings")).toBe(true);
  });

  test("starts a service that stands still", async () => {
    const on = await stage("health");
    on.backend.tell(({ service, care }) => {
      service.phase = "stopped";
      care.rows = linkRows("en", { service: { state: "broken" }, plugin: behind("service") });
    });
    await flushPromises();
    await on.click("link-start");
    expect(asked(on, "startService")).toHaveLength(1);
  });

  test("leads from a row of the plugin to where it is mended", async () => {
    const on = await stage("health-many");
    expect(on.all("plugin-row").filter((one) => one.attributes("data-shape") === "bad")).toHaveLength(2);
    await on.click("plugin-fix");
    expect(dialog(on).text()).toContain(en.health.fixAsk.enable);
    await on.click("entries-no");
    on.backend.tell(({ care }) => (care.plugin = pluginRows({ version: "replace" })));
    await flushPromises();
    await on.click("plugin-setup");
    expect(on.has("page-settings")).toBe(true);
  });

  test("is marked in the navigation while something is broken, and not for less", async () => {
    expect((await stage("health-stale")).has("nav-unwell")).toBe(true);
    expect((await stage("health-interrupted")).has("nav-unwell")).toBe(true);
    expect((await stage("health-cannot-tell")).has("nav-unwell")).toBe(false);
    expect((await stage("home")).has("nav-unwell")).toBe(false);
  });

  test("tells two OpenClaws that end each other, and offers the exact lines that end it", async () => {
    const on = await stage("health-war");
    expect(on.text("finding-evidence")).toContain("openclaw-gateway-b.service");
    await on.click("finding-repair");
    for (const words of ["disable --now openclaw-gateway-b.service", "reset-failed openclaw-gateway.service", "enable --now openclaw-gateway.service"]) expect(on.text("repair-exactly")).toContain(`systemctl --user ${words}`);
    expect(on.text("repair-costly")).toBe(en.repair.stops.gateway);
    expect(on.has("repair-stops")).toBe(false);
  });

  test("leaves a service of the computer to the person, with the line to type", async () => {
    const on = await stage("health-scopes");
    expect(on.text("counsel")).toContain(en.health.counsel.keepOneService);
    expect(on.text("finding-command")).toContain("sudo systemctl disable --now openclaw-gateway.service");
    expect(on.has("finding-repair")).toBe(false);
    expect(on.has("finding-untouched")).toBe(false);
  });

  test("says that it changes no services of a Mac itself, and shows the lines", async () => {
    const on = await stage("health-agents");
    expect(on.text("finding-untouched")).toBe(en.health.untouched);
    expect(on.text("finding-command")).toContain("sudo launchctl disable system/ai.openclaw.gateway");
    expect(on.has("finding-repair")).toBe(false);
  });

  test("names the one process that would be told to end, and nobody has to wait for it", async () => {
    const on = await stage("health-stray");
    await on.click("finding-repair");
    expect(on.text("repair-exactly")).toContain("kill -TERM 4711");
    const waits = await stage("health-waiting");
    expect(waits.text("repair-card")).toContain(en.repair.waitsText);
    await waits.click("repair-stop-waiting");
    expect(asked(waits, "careStopWaiting")).toHaveLength(1);
  });

  test("lets the person choose another way, with its own steps, and begins exactly that one", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    const on = await stage("health-war");
    await on.click("finding-repair");
    expect(on.text("repair-ways")).toContain(en.repair.ways.recommended);
    expect(on.get("repair-steps").findAll("li")).toHaveLength(3);
    await vi.advanceTimersByTimeAsync(1500);
    await on.get("repair-way-1").setValue();
    expect(on.text("repair-ways")).toContain("19789");
    expect(on.text("repair-exactly")).toContain("openclaw --profile b gateway install --force --port 19789");
    // It has to be read as well.
    await on.click("repair-yes");
    expect(asked(on, "careRepair")).toEqual([]);
    await vi.advanceTimersByTimeAsync(1500);
    await on.click("repair-yes");
    expect(asked(on, "careRepair")).toEqual([["careRepair", "19a2-restartWar-other"]]);
    const copy = await stage("health-copy");
    await copy.click("finding-repair");
    await copy.get("repair-way-1").setValue();
    expect(copy.text("repair-stops")).toBe(en.repair.stops.nothing);
    expect(copy.text("repair-ways")).toContain(en.repair.ways.keepRunning.means);
    const one = await stage("health-stale");
    await one.click("finding-repair");
    expect(one.has("repair-ways")).toBe(false);
  });

  test("tells the worst first, and makes a report where there is nothing else", async () => {
    const on = await stage("health-many");
    expect(on.all("finding").map((one) => one.attributes("data-cause"))).toEqual(["rateLimited", "copiesDiffer", "dashboardStale", "deadRecords"]);
    const none = await stage("health-no-help");
    await none.click("finding-report");
    expect(none.has("report-text")).toBe(true);
  });
});

describe("a repair", () => {
  test("begins after a moment to read it, with exactly the plan that was read, and shows every step", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    const on = await stage("health-stale");
    await on.click("finding-repair");
    await on.click("repair-yes");
    expect(asked(on, "careRepair")).toEqual([]);
    expect(on.get("repair-yes").attributes("aria-disabled")).toBe("true");
    await vi.advanceTimersByTimeAsync(1500);
    const steps: (() => void)[] = [];
    on.backend.repairPace = () => new Promise((resolve) => steps.push(resolve));
    await on.click("repair-yes");
    expect(asked(on, "careRepair")).toEqual([["careRepair", "19a2-deviceTokenStale"]]);
    expect(on.app.find("dialog").exists()).toBe(false);
    expect(document.activeElement).toBe(on.get("repair-card").element);
    const states = (): (string | undefined)[] => on.get("repair-steps").findAll("li").map((one) => one.attributes("data-state"));
    expect(states()).toEqual(["running", "waiting"]);
    expect(on.get("finding-repair").attributes("aria-disabled")).toBe("true");
    steps.shift()?.();
    await flushPromises();
    expect(states()).toEqual(["done", "running"]);
    expect(on.text("repair-card")).toContain("Step 2 of 2");
    steps.shift()?.();
    await flushPromises();
    expect(on.text("repair-card")).toContain(en.repair.checking);
    steps.shift()?.();
    await flushPromises();
    expect(on.text("repair-card")).toContain("Repaired");
    expect(on.text("repair-change")).toContain(en.health.causes.deviceTokenStale.what);
    expect(on.has("finding")).toBe(false);
    expect(on.get("health-whole").attributes("data-shape")).toBe("good");
  });

  test("of a dashboard says what to do in the browser where the old token stays", async () => {
    const dashboard = planOf("dashboardStale");
    for (const words of [en, zh]) {
      expect(siteDataOf(dashboard, "ws://127.0.0.1:19100/", words)).toContain("http://127.0.0.1:19100");
      expect(siteDataOf(dashboard, null, words)).toContain("http://127.0.0.1:18789");
      expect(siteDataOf(planOf("deviceTokenStale"), null, words)).toBe("");
    }
    const on = await stage("health-many");
    await on.get("finding-repair").element.closest("ul")?.querySelector<HTMLElement>("[data-cause=dashboardStale] [data-test=finding-repair]")?.click();
    await flushPromises();
    expect(on.text("site-data")).toContain("http://127.0.0.1:18789");
  });

  test("is not begun when its plan changes while it is read; the same plan under a new name is", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    const on = await stage("health-stale");
    await on.click("finding-repair");
    await vi.advanceTimersByTimeAsync(1500);
    on.backend.tell(({ care }) => care.findings.forEach(({ repair }) => repair.kind === "plan" && (repair.plan.id = "newer")));
    await flushPromises();
    expect(on.app.find("dialog").exists()).toBe(true);
    on.backend.tell(({ care }) => care.findings.forEach(({ repair }) => repair.kind === "plan" && (repair.plan.fingerprint = "other")));
    await flushPromises();
    expect(on.app.find("dialog").exists()).toBe(false);
    expect(on.text("health-told")).toBe(en.repair.changed);
    expect(asked(on, "careRepair")).toEqual([]);
    await on.click("finding-repair");
    await vi.advanceTimersByTimeAsync(1500);
    await on.click("repair-yes");
    expect(asked(on, "careRepair")).toEqual([["careRepair", "newer"]]);
  });

  test("is not begun when its plan has grown too old", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    const on = await stage("health-stale");
    await on.click("finding-repair");
    await vi.advanceTimersByTimeAsync(11 * 60_000);
    expect(on.app.find("dialog").exists()).toBe(false);
    expect(on.text("health-told")).toBe(en.repair.tooOld);
  });

  test("that is refused says why, and when it can be tried", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    const on = await stage("health-stale");
    on.backend.failNext.set("careRepair", { code: "repair_too_many", detail: { untilMs: Date.now() + 60_000 } });
    await on.click("finding-repair");
    await vi.advanceTimersByTimeAsync(1500);
    await on.click("repair-yes");
    expect(on.get("failure").attributes("data-code")).toBe("repair_too_many");
    expect(on.app.text()).toContain("The next repair can begin");
    expect(on.has("repair-card")).toBe(false);
  });

  test("that was interrupted is told until it was seen, and holds the next one", async () => {
    const on = await stage("health-interrupted");
    expect(on.text("repair-card")).toContain(en.repair.states.unsure);
    await on.click("finding-repair");
    expect(on.app.find("dialog").exists()).toBe(false);
    await on.click("repair-seen");
    expect(asked(on, "careAcknowledge")).toEqual([["careAcknowledge", "19a2-sharedTokenWrong"]]);
    expect(asked(on, "careLook")).toHaveLength(1);
    expect(on.has("repair-card")).toBe(false);
    await on.click("finding-repair");
    expect(on.app.find("dialog").exists()).toBe(true);
  });

  test("that helped stands below what is broken now, and can still be undone", async () => {
    const on = await stage("health-verified");
    const isAbove = (): boolean => {
      const [card, finding] = [on.get("repair-card").element, on.get("finding").element];
      return (card.compareDocumentPosition(finding) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0;
    };
    const found = (severity: "broken" | "warning") => on.backend.tell(({ care }) => (care.findings = [finding("crashLoop", [], severity)]));
    found("warning");
    await flushPromises();
    expect(isAbove()).toBe(true);
    found("broken");
    await flushPromises();
    expect(isAbove()).toBe(false);
    await on.click("repair-undo");
    await on.click("undo-yes");
    expect(isAbove()).toBe(true);
  });

  test("is undone after a question, and put away on a click", async () => {
    const on = await stage("health-verified");
    await on.click("repair-undo");
    await on.click("undo-no");
    expect(asked(on, "careUndo")).toEqual([]);
    await on.click("repair-undo");
    await on.click("undo-yes");
    expect(asked(on, "careUndo")).toEqual([["careUndo", "19a2-deviceTokenStale"]]);
    expect(on.text("repair-card")).toContain("Undone");
    expect(on.has("repair-undo")).toBe(false);
    await on.click("repair-dismiss");
    expect(on.has("repair-card")).toBe(false);
  });

  test("that ended long ago is in the history alone", async () => {
    const on = await stage("health");
    on.backend.tell(({ care }) => (care.last = repairView("deviceTokenStale", { kind: "verified" }, ["done", "done"], { startedMs: Date.now() - 2 * 3_600_000 })));
    await flushPromises();
    expect(on.has("repair-card")).toBe(false);
    expect(asked(on, "careHistory")).toEqual([]);
    (on.get("repair-history").element as HTMLDetailsElement).open = true;
    await on.get("repair-history").trigger("toggle");
    await flushPromises();
    expect(on.all("history-repair")).toHaveLength(3);
    await on.click("history-undo");
    await on.click("undo-yes");
    expect(asked(on, "careUndo")).toHaveLength(1);
  });

  test("speaks Chinese all through", async () => {
    const on = await stage("health-token", "zh");
    await on.click("finding-repair");
    expect(dialog(on).text()).toContain("重新读取令牌，来源：OpenClaw 的配置");
    expect(dialog(on).text()).not.toMatch(/undefined|null/);
  });
});

test("the program can open the page, for the tray", async () => {
  const on = await stage("home");
  on.backend.showPage({ page: "health" });
  await flushPromises();
  expect(on.has("page-health")).toBe(true);
  expect(document.title).toBe("Health – SmartPi");
});

describe("the service that runs OpenClaw", () => {
  const card = (on: Stage) => on.app.get("[data-test=gateway-service]");

  test("is started at once, and what interrupts is asked about first", async () => {
    const on = await stage("health-service-stopped");
    await card(on).get("[data-test=service-start]").trigger("click");
    await flushPromises();
    expect(asked(on, "gatewayService")).toEqual([["gatewayService", "start"]]);
    expect(on.app.get("[data-test=service-told]").text()).toBe(en.gatewayService.acts.start.done);
    expect(card(on).attributes("data-state")).toBe("running");
    for (const act of ["restart", "stop"] as const) {
      await card(on).get(`[data-test=service-${act}]`).trigger("click");
      expect(dialog(on).text()).toContain(en.gatewayService.acts[act].text);
      expect(dialog(on).text()).toContain(`openclaw gateway ${act}`);
      await on.app.get("[data-test=service-no]").trigger("click");
    }
    expect(asked(on, "gatewayService")).toHaveLength(1);
    await card(on).get("[data-test=service-stop]").trigger("click");
    await on.app.get("[data-test=service-yes]").trigger("click");
    await flushPromises();
    expect(asked(on, "gatewayService")).toHaveLength(2);
    expect(card(on).attributes("data-state")).toBe("stopped");
  });

  test("is asked about where the tray leads, and only what can be asked", async () => {
    const on = await stage("health-service-asked");
    expect(dialog(on).text()).toContain(en.gatewayService.acts.stop.ask);
    expect(asked(on, "gatewayService")).toEqual([]);
    show({ page: "health", act: "install" });
    await on.app.get("[data-test=service-no]").trigger("click");
    expect(on.app.find("dialog").exists()).toBe(false);
  });

  test("is what a broken OpenClaw leads to", async () => {
    const on = await stage("health-service-stopped");
    await on.app.get("[data-test=link-start-gateway]").trigger("click");
    expect(dialog(on).text()).toContain(en.gatewayService.acts.start.ask);
    await on.app.get("[data-test=service-yes]").trigger("click");
    await flushPromises();
    expect(asked(on, "gatewayService")).toEqual([["gatewayService", "start"]]);
  });

  test("says why nothing can be asked, and what goes on", async () => {
    const held = await stage("health-service-held");
    expect(held.app.get("[data-test=service-held]").text()).toBe(en.gatewayService.held.several);
    expect(card(held).findAll("button.button")).toHaveLength(0);
    const acting = await stage("health-service-acting");
    expect(acting.app.get("[data-test=service-told]").text()).toBe(en.gatewayService.acts.restart.doing);
  });

  test("shows every state with words of its own, in both languages", () => {
    const states = ["absent", "byHand", "running", "changing", "restarting", "failed", "stopped"] as const;
    for (const words of [en, zh]) {
      expect(new Set(states.map((state) => words.gatewayService.state[state])).size).toBe(states.length);
      expect(states.flatMap((state) => supervision(state, "several").may)).toEqual([]);
    }
  });
});
