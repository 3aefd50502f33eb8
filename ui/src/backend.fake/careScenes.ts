import type { CareView, Evidence, GatewayView, Language } from "../backend";
import { AGENTS, behind, careView, COPIES, finding, linkRows, pluginElsewhere, pluginRows, repairView, SCOPES, supervision, WAR } from "./care";
import { gatewayView, IDS } from "./gateway";
import { ago } from "./ago";
import { homeView } from "./home";
import type { Scene } from "./scenes";

function scene(tongue: Language, care: Partial<CareView>, gateway: Partial<GatewayView> = {}, more: Partial<Scene> = {}): Scene {
  const view = homeView(tongue);
  view.care = careView(tongue, care);
  view.gateway = gatewayView(gateway);
  return { view, page: { page: "health" }, ...more };
}

/** SmartPi is turned away: what stands behind its access cannot be checked. */
function turnedAway(tongue: Language, code: string): Partial<CareView> {
  return { rows: linkRows(tongue, { pairing: { state: "broken", failure: { code } as never } }) };
}

const stale: Evidence[] = [{ kind: "refusal", refusal: { kind: "deviceTokenMismatch" } }, { kind: "device", id: IDS.ours, name: null }];
const away = { state: "stuck", version: null, sinceMs: ago(3), failure: { code: "gateway_device_token_stale", detail: "AUTH_DEVICE_TOKEN_MISMATCH" } } as const;
const nothing = (tongue: Language) => linkRows(tongue, Object.fromEntries(["service", "plugin", "gateway", "pairing", "agent", "model"].map((link) => [link, { state: "notLooked", name: null }])), null);

/** A gateway that somebody started by hand has the port of the person's own. */
function stray(tongue: Language): Partial<CareView> {
  return {
    rows: linkRows(tongue, { gateway: { state: "broken", failure: { code: "gateway_other" } }, pairing: behind("gateway"), agent: behind("gateway"), model: behind("gateway") }),
    findings: [
      finding("wrongInstance", [
        { kind: "occupant", process: { pid: 4711, program: "node", uid: 1000, container: null, unit: null } },
        { kind: "notMine", why: { kind: "anotherState", stateDir: "/home/anna/.openclaw-old" } },
        { kind: "nextStart", unit: "openclaw-gateway.service", pid: 4711 },
      ]),
    ],
  };
}

/** Every situation of the page about the health of it all. */
export const CARE_SCENES = {
  health: (tongue) => scene(tongue, {}),
  "health-aged": (tongue) => scene(tongue, { rows: linkRows(tongue, { plugin: { state: "stale" }, gateway: { state: "stale" } }), lookedMs: ago(9) }),
  "health-echo": (tongue) => {
    const unused = { state: "notUsed", atMs: null, name: null } as const;
    const all = scene(tongue, { rows: linkRows(tongue, { plugin: unused, gateway: unused, pairing: unused, agent: unused, model: unused }), plugin: [] }, { state: "off", url: null, version: null });
    all.view.assistant = { kind: "echo", link: "online", sinceMs: ago(9), gateway: null, plugin: null, host: null, refusedGateway: null };
    return all;
  },
  "health-off": (tongue) =>
    scene(tongue, { rows: linkRows(tongue, { gateway: { name: "2026.9.6" }, pairing: { state: "notUsed", atMs: null }, agent: { state: "stale", atMs: ago(34) }, model: { state: "stale", atMs: ago(34), name: null } }) }, { state: "off", url: null, version: null }),
  "health-gone": (tongue) =>
    scene(tongue, {
      rows: linkRows(tongue, { plugin: { state: "broken", atMs: ago(4) } }),
      plugin: pluginRows({ allowed: "allow", channel: "writeChannel", connected: "hidden" }),
      missing: [
        { entry: "channel", atMs: ago(4) },
        { entry: "allowed", atMs: ago(4) },
      ],
    }),
  "health-service-stopped": (tongue) => scene(tongue, { rows: linkRows(tongue, { gateway: { state: "broken", failure: { code: "gateway_down" } as never }, pairing: behind("gateway"), agent: behind("gateway"), model: behind("gateway") }), service: supervision("stopped") }),
  "health-service-absent": (tongue) => scene(tongue, { service: supervision("absent") }),
  "health-service-held": (tongue) => scene(tongue, { service: supervision("failed", "several") }),
  "health-service-acting": (tongue) => scene(tongue, { service: supervision("changing"), acting: "restart" }),
  "health-service-asked": (tongue) => scene(tongue, {}, {}, { page: { page: "health", act: "stop" } }),
  "health-plugin": (tongue) => scene(tongue, { plugin: pluginRows({ allowed: "allow" }) }),
  "health-foreign": (tongue) => scene(tongue, { rows: linkRows(tongue, { plugin: { state: "broken" } }), plugin: pluginRows({ ours: "leaveAlone", version: "hidden", host: "hidden", enabled: "undeny", allowed: "hidden", channel: "hidden", connected: "hidden" }) }),
  "health-traps": (tongue) =>
    scene(tongue, {
      traps: [
        { kind: "toolsWithoutMessage", path: "tools.allow", agent: null },
        { kind: "toolsWithoutMessage", path: "agents.entries.kitchen.tools.allow", agent: "kitchen" },
        { kind: "plainSecret", path: "gateway.auth.token" },
        { kind: "plainSecret", path: "channels.telegram.botToken" },
      ],
    }),
  "health-elsewhere": (tongue) => {
    const url = "wss://office.lan:18789/";
    const unseen = { state: "notLooked", atMs: null, name: null } as const;
    const all = scene(tongue, { rows: linkRows(tongue, { gateway: { name: url }, agent: unseen, model: unseen }), plugin: pluginElsewhere(), lookedMs: null }, { url });
    all.view.settings.gatewayElsewhere = { url, tlsFingerprint: null };
    return all;
  },
  "health-model": (tongue) => scene(tongue, { rows: linkRows(tongue, { model: { state: "broken", atMs: ago(2), failure: { code: "model_failed" } } }) }),
  "health-agent": (tongue) => scene(tongue, { rows: linkRows(tongue, { agent: { state: "broken", atMs: ago(2), failure: { code: "agent_nobody" }, name: null }, model: behind("agent") }) }),
  "health-never": (tongue) => scene(tongue, { rows: nothing(tongue), plugin: [], lookedMs: null }, { state: "off", url: null, version: null }),
  "health-looking": (tongue) => scene(tongue, { rows: nothing(tongue), plugin: [], lookedMs: null, looking: true }, {}, { looks: true }),
  "health-stale": (tongue) => scene(tongue, { ...turnedAway(tongue, "gateway_device_token_stale"), findings: [finding("deviceTokenStale", stale)] }, away),
  "health-token": (tongue) =>
    scene(tongue, { ...turnedAway(tongue, "gateway_token_wrong"), findings: [finding("sharedTokenWrong", [{ kind: "refusal", refusal: { kind: "tokenMismatch" } }, ...COPIES])] }, { ...away, failure: { code: "gateway_token_wrong" } }),
  "health-clock": (tongue) =>
    scene(
      tongue,
      {
        ...turnedAway(tongue, "gateway_clock"),
        findings: [finding("clockWrong", [{ kind: "refusal", refusal: { kind: "signatureExpired" } }, { kind: "clockAhead", ms: 303_000 }], "broken", { kind: "onlyThePerson", advice: "setClock" })],
      },
      { ...away, failure: { code: "gateway_clock" } },
    ),
  "health-other": (tongue) =>
    scene(
      tongue,
      {
        rows: linkRows(tongue, { gateway: { state: "broken", failure: { code: "gateway_other" } }, pairing: behind("gateway"), agent: behind("gateway"), model: behind("gateway") }),
        findings: [
          finding(
            "wrongInstance",
            [
              { kind: "occupant", process: { pid: 4711, program: "node", uid: 1001, container: null, unit: null } },
              { kind: "notMine", why: { kind: "anotherState", stateDir: "/home/ben/.openclaw" } },
            ],
            "broken",
            { kind: "notAboutTokens" },
          ),
        ],
      },
      { ...away, failure: { code: "gateway_other" } },
    ),
  "health-stray": (tongue) => scene(tongue, stray(tongue), { ...away, failure: { code: "gateway_other" } }),
  "health-waiting": (tongue) => scene(tongue, { ...stray(tongue), running: { plan: "19a2-wrongInstance", step: 0, of: 2, waits: true } }, { ...away, failure: { code: "gateway_other" } }),
  "health-war": (tongue) =>
    scene(
      tongue,
      {
        rows: linkRows(tongue, { gateway: { state: "broken", failure: { code: "gateway_other" } }, pairing: behind("gateway") }),
        findings: [finding("restartWar", WAR)],
      },
      { ...away, failure: { code: "gateway_other" } },
    ),
  "health-copy": (tongue) =>
    scene(tongue, {
      findings: [finding("serviceAndCopy", [{ kind: "occupant", process: { pid: 4711, program: "node", uid: 1000, container: null, unit: null } }, SCOPES[0] as Evidence], "warning")],
    }),
  "health-scopes": (tongue) =>
    scene(tongue, {
      findings: [finding("twoServices", [{ kind: "port", port: 18789 }, ...SCOPES], "warning", { kind: "onlyThePerson", advice: "keepOneService" }, ["sudo systemctl disable --now openclaw-gateway.service"])],
    }),
  "health-agents": (tongue) =>
    scene(tongue, {
      findings: [finding("restartWar", [{ kind: "port", port: 18789 }, ...AGENTS], "broken", { kind: "onlyThePerson", advice: "keepOneService" }, ["sudo launchctl disable system/ai.openclaw.gateway", "sudo launchctl bootout system/ai.openclaw.gateway"])],
    }),
  "health-pairing": (tongue) =>
    scene(
      tongue,
      {
        ...turnedAway(tongue, "gateway_pairing_needed"),
        findings: [finding("pairingPending", [{ kind: "refusal", refusal: { kind: "pairingRequired", reason: "not-paired", requestId: "5e42109d-0eb8-48e0-89f0-b66ddd16e884" } }, { kind: "request", id: "5e42109d-0eb8-48e0-89f0-b66ddd16e884", reason: "not-paired" }])],
      },
      { ...away, failure: { code: "gateway_pairing_needed" } },
    ),
  "health-repairing": (tongue) =>
    scene(tongue, { ...turnedAway(tongue, "gateway_token_wrong"), findings: [finding("sharedTokenWrong", COPIES)], running: { plan: "19a2-sharedTokenWrong", step: 1, of: 3, waits: false } }, away),
  "health-by-hand": (tongue) =>
    scene(
      tongue,
      { ...turnedAway(tongue, "gateway_token_missing"), findings: [finding("noAuthConfigured", [{ kind: "refusal", refusal: { kind: "tokenMissing" } }])], running: { plan: "19a2-noAuthConfigured", step: 1, of: 2, waits: false } },
      { ...away, failure: { code: "gateway_token_missing" } },
    ),
  "health-checking": (tongue) =>
    scene(tongue, { ...turnedAway(tongue, "gateway_token_wrong"), findings: [finding("sharedTokenWrong", COPIES)], running: { plan: "19a2-sharedTokenWrong", step: 3, of: 3, waits: false } }, away),
  "health-verified": (tongue) => scene(tongue, { last: repairView("deviceTokenStale", { kind: "verified" }, ["done", "done"], { undoable: true }) }),
  "health-no-help": (tongue) =>
    scene(
      tongue,
      {
        ...turnedAway(tongue, "gateway_device_token_stale"),
        findings: [finding("deviceTokenStale", stale, "broken", { kind: "nothingLeft" })],
        last: repairView("deviceTokenStale", { kind: "didNotHelp" }, ["done", "done"], { undoable: true }),
      },
      away,
    ),
  "health-failed": (tongue) =>
    scene(
      tongue,
      {
        ...turnedAway(tongue, "gateway_device_token_stale"),
        findings: [finding("deviceTokenStale", stale)],
        last: repairView("deviceTokenStale", { kind: "failed", step: 1 }, [], { steps: [{ state: "done", failure: null }, { state: "failed", failure: "gateway_no_answer" }], undoable: true }),
      },
      away,
    ),
  "health-interrupted": (tongue) =>
    scene(
      tongue,
      { ...turnedAway(tongue, "gateway_token_wrong"), findings: [finding("sharedTokenWrong", COPIES)], last: repairView("sharedTokenWrong", null, ["done", "unsure", "waiting"], { interrupted: true }) },
      away,
    ),
  "health-cannot-tell": (tongue) =>
    scene(
      tongue,
      {
        rows: linkRows(tongue, { plugin: { state: "cannotSee" }, gateway: { state: "unproven" }, pairing: { state: "cannotSee" } }),
        findings: [finding("cannotTell", [{ kind: "unseen", what: { kind: "process", pid: 4711, fact: "program", why: "notPermitted" } }], "note", { kind: "onlyThePerson", advice: "report" })],
        plugin: pluginRows({ version: "hidden", connected: "hidden" }),
      },
      { state: "connecting", version: null },
    ),
  "health-many": (tongue) =>
    scene(
      tongue,
      {
        rows: linkRows(tongue, { plugin: { state: "broken", failure: { code: "plugin_not_installed" } } }),
        findings: [
          finding("rateLimited", [{ kind: "refusal", refusal: { kind: "rateLimited", retryAfterMs: 300_000 } }], "broken", { kind: "wait", afterMs: 300_000 }),
          finding("copiesDiffer", COPIES, "warning"),
          finding("dashboardStale", [{ kind: "dashboards", count: 14, lastMs: ago(2) }], "warning"),
          finding("deadRecords", [{ kind: "device", id: IDS.node, name: null }], "note"),
        ],
        plugin: pluginRows({ enabled: "enable", connected: "restartGateway" }),
      },
    ),
} satisfies Record<string, (tongue: Language) => Scene>;
