import type { CareView, Cause, ChainLink, Evidence, FindingView, LinkRow, NoPlan, Plan, PlannedStep, PluginFix, PluginRow, RepairOutcome, RepairView, ServiceAct, Severity, Step, StepView, Supervision, Language } from "../backend";
import { plansOf } from "../repairStory";
import { IDS } from "./gateway";
import { ago } from "./ago";

const PORT = 18789;
/** What the program looks at. */
const LINKS: readonly ChainLink[] = ["service", "plugin", "gateway", "pairing", "agent", "model"];

/** Rows that all work, for hours; some of them otherwise. */
export function linkRows(tongue: Language, more: Partial<Record<ChainLink, Partial<LinkRow>>> = {}, atMs: number | null = ago(228)): LinkRow[] {
  const names: Partial<Record<ChainLink, string>> = { service: { en: "Study", zh: "书房电脑" }[tongue], gateway: `ws://127.0.0.1:${PORT}`, agent: { en: "Home", zh: "管家" }[tongue], model: "openai/gpt-6-astra" };
  return LINKS.map((link) => ({ link, state: "works", behind: null, atMs, failure: null, name: names[link] ?? null, ...more[link] }));
}

/** What stands behind a broken link. */
export function behind(link: ChainLink): Partial<LinkRow> {
  return { state: "behind", behind: link, atMs: null, name: null };
}

export function pluginRows(fixes: Partial<Record<PluginRow["link"], PluginFix | "hidden">> = {}): PluginRow[] {
  const links = ["installed", "ours", "version", "host", "enabled", "allowed", "channel", "connected"] as const;
  const shows: Partial<Record<PluginRow["link"], string>> = { installed: "openclaw-smartpi", version: "0.2.0", host: "2026.9.6" };
  return links.map((link) => {
    const fix = fixes[link];
    return { link, shows: shows[link] ?? null, fix: fix === "hidden" ? { kind: "hidden", value: "notPermitted" } : { kind: "known", value: fix ?? null } };
  });
}

/** Those of an OpenClaw that nobody looks at from here. */
export function pluginElsewhere(): PluginRow[] {
  return pluginRows()
    .filter(({ link }) => link !== "host")
    .map(({ link }) => ({ link, shows: null, fix: { kind: "hidden", value: "otherComputer" } }));
}

export function careView(tongue: Language, more: Partial<CareView> = {}): CareView {
  return { rows: linkRows(tongue), findings: [], plugin: pluginRows(), missing: [], traps: [], lookedMs: ago(0.1), looking: false, running: null, service: supervision("running"), acting: null, last: null, ...more };
}

const MAY = { running: ["restart", "stop", "uninstall"], stopped: ["start", "uninstall"], failed: ["start", "uninstall"], absent: ["install"], restarting: ["stop", "uninstall"], changing: [], byHand: [] } as const satisfies Record<Supervision["state"], readonly ServiceAct[]>;

/** The service that runs OpenClaw. */
export function supervision(state: Supervision["state"], held: Supervision["held"] = null): Supervision {
  const isThere = state !== "absent" && state !== "byHand";
  return { state, unit: isThere ? "openclaw-gateway.service" : null, byItself: isThere, startedMs: state === "running" ? ago(228) : null, may: held ? [] : [...MAY[state]], held };
}

export function supervisionAfter(act: ServiceAct): Supervision {
  return supervision(act === "uninstall" ? "absent" : act === "stop" ? "stopped" : "running");
}

/** A step as the program plans it. */
function planned(step: Step, more: Partial<PlannedStep> = {}): PlannedStep {
  return { step, action: { kind: "own" }, risk: "none", stops: "nothing", undo: "notNeeded", sendsSharedToken: false, ...more };
}

const forget = planned({ kind: "forgetDeviceToken", deviceId: IDS.ours }, { stops: "ourLink", undo: "putBack" });
const withShared = planned({ kind: "connectWithSharedToken", deviceId: IDS.ours, port: PORT }, { action: { kind: "connect", port: PORT }, stops: "ourLink", sendsSharedToken: true });
const readAgain = planned({ kind: "readTokenAgain", place: { kind: "config", path: "/home/anna/.openclaw/openclaw.json" } });
const restart = planned({ kind: "restartGateway" }, { action: { kind: "command", program: "openclaw", arguments: ["gateway", "restart"] }, risk: "interrupts", stops: "gateway" });
const byHand = planned({ kind: "awaitRestart" }, { action: { kind: "person" }, risk: "interrupts", stops: "gateway", sendsSharedToken: true });
const writeAuth = planned({ kind: "writeAuth", configPath: "/home/anna/.openclaw/openclaw.json" }, { action: { kind: "config", paths: ["gateway.auth.mode", "gateway.auth.token"] }, risk: "some", stops: "sharedTokenClients", undo: "putBack", sendsSharedToken: true });
const approve = planned(
  { kind: "approvePairing", requestId: "5e42109d-0eb8-48e0-89f0-b66ddd16e884", deviceId: IDS.ours, reason: "not-paired" },
  { action: { kind: "rpc", method: "device.pair.approve", params: { requestId: "5e42109d-0eb8-48e0-89f0-b66ddd16e884" } }, undo: "impossible", sendsSharedToken: true },
);
const remove = planned({ kind: "removeRecord", deviceId: IDS.node }, { action: { kind: "rpc", method: "device.pair.remove", params: { deviceId: IDS.node } }, risk: "some", undo: "impossible" });
const reinstall = planned({ kind: "reinstallService" }, { action: { kind: "command", program: "openclaw", arguments: ["gateway", "install", "--force"] }, risk: "interrupts", stops: "gateway", undo: "putBack" });

const systemctl = (...words: string[]): PlannedStep["action"] => ({ kind: "command", program: "systemctl", arguments: ["--user", ...words] });
const SECOND = "openclaw-gateway-b.service";
const OWN = "openclaw-gateway.service";
const switchOff = planned({ kind: "switchOff", unit: SECOND, stopsWithinMs: 330_000 }, { action: systemctl("disable", "--now", SECOND), risk: "interrupts", stops: "gateway", undo: "putBack" });
const switchOn = planned({ kind: "switchOn", unit: OWN }, { action: systemctl("enable", "--now", OWN), undo: "putBack", sendsSharedToken: true });
const forgetFailures = planned({ kind: "forgetFailures", unit: OWN }, { action: systemctl("reset-failed", OWN) });
const STRAY = { pid: 4711, start: 52_013, bootId: "8f0e1a52-4d0c-4c1e-9d5b-3f1d2a7b9c11", exe: "/usr/bin/node", argv: ["openclaw-gateway"], stateDir: "/home/anna/.openclaw-old", port: PORT };
const endStray = planned({ kind: "endGateway", target: STRAY, endsWithinMs: 330_000 }, { action: { kind: "signal", signal: "TERM", pid: STRAY.pid }, risk: "interrupts", stops: "gateway", undo: "impossible" });

const STEPS: Partial<Record<Cause, PlannedStep[]>> = {
  deviceTokenStale: [forget, withShared],
  sharedTokenWrong: [readAgain, withShared, restart],
  pairingPending: [approve, withShared],
  deadRecords: [remove],
  copiesDiffer: [readAgain, reinstall],
  noAuthConfigured: [writeAuth, byHand],
  restartWar: [switchOff, forgetFailures, switchOn],
  serviceAndCopy: [planned({ kind: "endGateway", target: { ...STRAY, stateDir: "/home/anna/.openclaw" }, endsWithinMs: 330_000 }, { action: { kind: "signal", signal: "TERM", pid: STRAY.pid }, risk: "interrupts", stops: "gateway", undo: "impossible" }), switchOn],
  wrongInstance: [endStray, switchOn],
  dashboardStale: [planned({ kind: "openDashboard" }, { action: { kind: "open" } })],
};

const openclaw = (...words: string[]): PlannedStep["action"] => ({ kind: "command", program: "openclaw", arguments: words });
const OTHER_PORT = 19_789;
const setPort = planned({ kind: "setPort", profile: "b", configPath: "/home/anna/.openclaw-b/openclaw.json", port: OTHER_PORT }, { action: openclaw("--profile", "b", "config", "set", "gateway.port", String(OTHER_PORT)), risk: "some", undo: "putBack" });
const moveService = planned(
  { kind: "moveService", profile: "b", unit: SECOND, path: `/home/anna/.config/systemd/user/${SECOND}`, port: OTHER_PORT },
  { action: openclaw("--profile", "b", "gateway", "install", "--force", "--port", String(OTHER_PORT)), risk: "some", undo: "putBack" },
);
const releaseOwn = planned({ kind: "switchOff", unit: OWN, stopsWithinMs: 0 }, { action: systemctl("disable", "--now", OWN), risk: "some", undo: "putBack" });

/** What may be chosen instead. */
const WAYS: Partial<Record<Cause, Pick<Plan, "choice" | "steps">>> = {
  restartWar: { choice: { kind: "anotherPort", port: OTHER_PORT }, steps: [switchOff, setPort, forgetFailures, switchOn, moveService] },
  serviceAndCopy: { choice: { kind: "keepRunning" }, steps: [releaseOwn] },
};

/** The plan of another choice, for a cause that has one. */
function othersOf(cause: Cause, more: Partial<Plan>): Plan[] {
  const way = WAYS[cause];
  return way === undefined ? [] : [planOf(cause, { ...more, ...way, id: `19a2-${cause}-other`, fingerprint: "7c1e4b90d2f35a688e0b1c6f2a9d4e71" })];
}

export function planOf(cause: Cause, more: Partial<Plan> = {}): Plan {
  return { id: `19a2-${cause}`, cause, choice: WAYS[cause] === undefined ? null : { kind: "keepService" }, evidence: [], steps: STEPS[cause] ?? [withShared], fingerprint: "0f3c9b7e52d14a608b6c1f0a9d2e7c35", ground: "5be1907c21f84ad39e6b0c7a14d2f380", madeMs: ago(0.1), expiresMs: Date.now() + 590_000, ...more };
}

/** A finding; with a plan, unless `why` says why there is none. */
export function finding(cause: Cause, evidence: Evidence[], severity: Severity = "broken", why?: NoPlan, commands: string[] = []): FindingView {
  return { cause, severity, evidence, commands, repair: why === undefined ? { kind: "plan", plan: planOf(cause, { evidence }), others: othersOf(cause, { evidence }) } : { kind: "none", why } };
}

/** The copies of the shared token, of which two differ. */
export const COPIES: Evidence[] = [
  { kind: "copy", copy: { place: { kind: "config", path: "/home/anna/.openclaw/openclaw.json" }, value: { kind: "token", fingerprint: "1ecaa2" } }, wins: true },
  { kind: "copy", copy: { place: { kind: "gateway", pid: 4711, name: "OPENCLAW_GATEWAY_TOKEN" }, value: { kind: "token", fingerprint: "1ecaa2" } }, wins: false },
  { kind: "copy", copy: { place: { kind: "serviceDefinition", path: "/home/anna/.config/systemd/user/openclaw-gateway.service", name: "OPENCLAW_GATEWAY_TOKEN" }, value: { kind: "token", fingerprint: "90b3de" } }, wins: false },
  { kind: "copy", copy: { place: { kind: "dotEnv", path: "/home/anna/.openclaw/.env", name: "OPENCLAW_GATEWAY_TOKEN" }, value: { kind: "placeholder" } }, wins: false },
  { kind: "copy", copy: { place: { kind: "environment", name: "OPENCLAW_GATEWAY_TOKEN" }, value: { kind: "token", fingerprint: "90b3de" } }, wins: false },
];

/** Two services that end each other. */
export const WAR: Evidence[] = [
  { kind: "port", port: PORT },
  ...(["", "-b"] as const).map((profile): Evidence => ({
    kind: "service",
    service: {
      unit: `openclaw-gateway${profile}.service`,
      manager: "systemd",
      scope: "user",
      path: `/home/anna/.config/systemd/user/openclaw-gateway${profile}.service`,
      port: PORT,
      stateDir: `/home/anna/.openclaw${profile}`,
      phase: profile === "" ? "restarting" : "running",
      starts: "byItself",
      restarts: profile === "" ? 4 : 3,
      exitStatus: null,
    },
  })),
  { kind: "occupant", process: { pid: 4711, program: "node", uid: 1000, container: null, unit: "openclaw-gateway-b.service" } },
];

/** The person's own service, and the same one as a service of the computer. */
export const SCOPES: Evidence[] = (["user", "system"] as const).map((scope) => ({
  kind: "service",
  service: {
    unit: OWN,
    manager: "systemd",
    scope,
    path: scope === "user" ? `/home/anna/.config/systemd/user/${OWN}` : `/etc/systemd/system/${OWN}`,
    port: PORT,
    stateDir: "/home/anna/.openclaw",
    phase: scope === "user" ? "running" : "stopped",
    starts: "byItself",
    restarts: 0,
    exitStatus: null,
  },
}));

/** An agent of the person's, and a daemon of their Mac. */
export const AGENTS: Evidence[] = (["user", "system"] as const).map((scope) => ({
  kind: "service",
  service: {
    unit: "ai.openclaw.gateway",
    manager: "launchd",
    scope,
    path: `${scope === "user" ? "/Users/anna" : ""}/Library/Launch${scope === "user" ? "Agents" : "Daemons"}/ai.openclaw.gateway.plist`,
    port: PORT,
    stateDir: "/Users/anna/.openclaw",
    phase: scope === "user" ? "restarting" : "running",
    starts: "byItself",
    restarts: 7,
    exitStatus: null,
  },
}));

/** A repair that ended. */
export function repairView(cause: Cause, outcome: RepairOutcome | null, states: StepView["state"][], more: Partial<RepairView> = {}): RepairView {
  const plan = planOf(cause);
  const steps = plan.steps.map((_, index): StepView => ({ state: states[index] ?? "waiting", failure: null }));
  return { plan, startedMs: ago(1), steps, outcome, interrupted: false, undoable: false, acknowledged: false, ...more };
}

/** The plan of this name. */
export function planNamed(id: string, care: CareView): Plan {
  const plan = care.findings.flatMap(({ repair }) => plansOf(repair)).find((one) => one.id === id);
  if (plan === undefined) throw new Error(`no plan ${id}`);
  return plan;
}

/** A repair in which every step was done, and it helped. */
export function repaired(plan: Plan, startedMs: number): RepairView {
  return { plan, startedMs, steps: plan.steps.map(() => ({ state: "done", failure: null })), outcome: { kind: "verified" }, interrupted: false, undoable: true, acknowledged: false };
}

/** The same with what was put aside put back. */
export function undone(repair: RepairView): RepairView {
  return { ...repair, undoable: false, steps: repair.steps.map((step, index) => (repair.plan.steps[index]?.undo === "putBack" ? { ...step, state: "undone" } : step)) };
}

/** What was repaired before, the newest first. */
export function earlierRepairs(): RepairView[] {
  return [
    repairView("deviceTokenStale", { kind: "verified" }, ["done", "done"], { undoable: true, startedMs: ago(14) }),
    repairView("sharedTokenWrong", { kind: "failed", step: 1 }, ["done", "failed", "waiting"], { startedMs: ago(60 * 26), steps: [{ state: "done", failure: null }, { state: "failed", failure: "gateway_no_answer" }, { state: "waiting", failure: null }] }),
    repairView("deadRecords", { kind: "verified" }, ["done"], { startedMs: ago(60 * 24 * 9) }),
  ];
}
