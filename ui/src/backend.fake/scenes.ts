import type { BindEvent, DeviceRoute, DownloadView, Failure, GatewayDevices, PackageKind, Page, SetupLook, Language, View } from "../backend";
import { CARE_SCENES } from "./careScenes";
import { GATEWAY_SCENES } from "./gatewayScenes";
import { ago } from "./ago";
import { FOUND, homeView, KEYS } from "./home";

/** One situation of the program, for a look at it in a browser and for tests. */
export type Scene = {
  view: View;
  page: Page;
  /** What the first code goes through at once. */
  bind?: BindEvent;
  setup?: SetupLook;
  installFailure?: Failure;
  /** The program says nothing at all. */
  silent?: boolean;
  lost?: Failure;
  noTurns?: boolean;
  /** The looking takes for ever. */
  looks?: boolean;
  /** Who has access to OpenClaw, where it is not everybody; why that cannot be said; or the answer never comes. */
  gatewayDevices?: GatewayDevices | Failure | "never";
  /** Devices that are not answered by OpenClaw's default agent. */
  routes?: DeviceRoute[];
};

const CLAIMANT = { en: "Ben's phone", zh: "小本的手机" };

function changed(tongue: Language, change: (view: View) => void): View {
  const view = homeView(tongue);
  change(view);
  return view;
}

function release(tongue: Language, download: DownloadView | null, kind: PackageKind | null = "deb"): Scene {
  const notes = {
    en: "- Be told when a newer version is there, and read what is new in it.\n- Have the token read where OpenClaw's configuration refers to.\n- Remove the plugin from OpenClaw in Settings.",
    zh: "- 有新版本时收到通知，并查看更新内容。\n- 可读取 OpenClaw 配置所引用的令牌。\n- 可在设置中从 OpenClaw 移除插件。",
  };
  const view = changed(tongue, (view) => {
    view.release = { wanted: true, lookedMs: ago(190), trouble: null, newer: { version: "0.3.0", notes, foundMs: ago(190), package: kind }, download };
  });
  return { view, page: { page: "settings" } };
}

const loopbackOnly = (view: View): void => {
  view.network.addresses = view.network.addresses.slice(-1);
};

const claim = (tongue: Language) => ({ name: CLAIMANT[tongue], kind: "phone", address: "192.168.1.34" });

function firstRun(tongue: Language): Scene {
  const view = changed(tongue, (view) => {
    view.app.welcomed = false;
    view.devices = [];
    view.notices = [];
    view.network.permission = "unasked";
    view.assistant = { kind: "echo", link: "online", sinceMs: ago(1), gateway: null, plugin: null, host: null, refusedGateway: null };
    loopbackOnly(view);
  });
  return { view, page: { page: "welcome" } };
}

/** Every situation by name. */
export const SCENES = {
  home: (tongue) => ({ view: homeView(tongue), page: { page: "devices" } }),
  details: (tongue) => ({ view: homeView(tongue), page: { page: "devices", deviceKey: KEYS.phone } }),
  "details-off": (tongue) => ({ view: changed(tongue, (view) => (view.gateway = { ...view.gateway, state: "off", url: null, version: null })), page: { page: "devices", deviceKey: KEYS.phone } }),
  "details-hand": (tongue) => ({ view: homeView(tongue), page: { page: "devices", deviceKey: KEYS.phone }, routes: [{ deviceKey: KEYS.phone, agent: "kitchen", known: true, because: "byHand" }] }),
  "details-nobody": (tongue) => ({ view: homeView(tongue), page: { page: "devices", deviceKey: KEYS.phone }, routes: [{ deviceKey: KEYS.phone, agent: "ghost", known: false, because: "channelDefault" }] }),
  remove: (tongue) => ({ view: homeView(tongue), page: { page: "devices", deviceKey: KEYS.script, remove: true } }),
  empty: (tongue) => ({ view: changed(tongue, (view) => (view.devices = [])), page: { page: "devices" } }),
  loading: (tongue) => ({ view: homeView(tongue), page: { page: "devices" }, silent: true }),
  lost: (tongue) => ({ view: homeView(tongue), page: { page: "devices" }, lost: { code: "store_unusable", detail: "/home/anna/.local/share/smartpi/smartpi.db: database disk image is malformed" } }),
  searching: (tongue) => ({ view: homeView(tongue), page: { page: "devices" }, lost: { code: "control_lost" } }),
  stopped: (tongue) => ({
    view: changed(tongue, (view) => {
      view.service = { ...view.service, phase: "stopped", sinceMs: ago(6) };
      view.devices = view.devices.map((device) => ({ ...device, state: "offline", sinceMs: ago(6), talking: false }));
    }),
    page: { page: "devices" },
  }),
  port: (tongue) => ({
    view: changed(tongue, (view) => {
      view.service = { ...view.service, phase: "failed", sinceMs: ago(3), failure: { code: "port_in_use", detail: { port: 8765, holder: { pid: 4711, name: "node" }, offer: 8766 } } };
      view.devices = view.devices.map((device) => ({ ...device, state: "offline", sinceMs: ago(3), talking: false }));
    }),
    page: { page: "devices" },
  }),
  away: (tongue) => ({
    view: changed(tongue, (view) => (view.assistant = { ...view.assistant, link: "offline", sinceMs: ago(9), refusedGateway: "77aa" })),
    page: { page: "devices" },
  }),
  echo: (tongue) => ({
    view: changed(tongue, (view) => (view.assistant = { kind: "echo", link: "online", sinceMs: ago(9), gateway: null, plugin: null, host: null, refusedGateway: null })),
    page: { page: "devices" },
  }),
  asks: (tongue) => ({
    view: changed(tongue, (view) => {
      view.pending = [{ bind: "claim", ...claim(tongue), kind: "speaker", state: "confirming", how: "code", digits: 6, announced: true, sinceMs: ago(0.5) }];
    }),
    page: { page: "devices" },
  }),
  pending: (tongue) => ({
    view: changed(tongue, (view) => {
      view.pending = [{ bind: "claim", ...claim(tongue), state: "confirming", how: "code", digits: 2, announced: false, sinceMs: ago(0.5) }];
    }),
    page: { page: "devices" },
  }),

  bind: (tongue) => ({ view: homeView(tongue), page: { page: "bind" } }),
  "bind-unproven": (tongue) => ({
    view: changed(tongue, (view) => (view.network.addresses = view.network.addresses.slice(1))),
    page: { page: "bind" },
  }),
  "bind-ask": (tongue) => ({
    view: changed(tongue, (view) => {
      view.network.permission = "unasked";
      loopbackOnly(view);
    }),
    page: { page: "bind" },
  }),
  "bind-refused": (tongue) => ({
    view: changed(tongue, (view) => {
      view.network.permission = "refused";
      loopbackOnly(view);
    }),
    page: { page: "bind" },
  }),
  "bind-absent": (tongue) => ({
    view: changed(tongue, (view) => {
      view.network.permission = "absent";
      loopbackOnly(view);
    }),
    page: { page: "bind" },
  }),
  "bind-scanned": (tongue) => ({ view: homeView(tongue), page: { page: "bind" }, bind: { state: "scanned", ...claim(tongue) } }),
  "bind-confirming": (tongue) => ({ view: homeView(tongue), page: { page: "bind" }, bind: { state: "confirming", how: "code", digits: 2, ...claim(tongue) } }),
  "bind-announced": (tongue) => ({ view: homeView(tongue), page: { page: "bind" }, bind: { state: "confirming", how: "code", digits: 6, ...claim(tongue), kind: "speaker" } }),
  "bind-allow": (tongue) => ({ view: homeView(tongue), page: { page: "bind" }, bind: { state: "confirming", how: "allow", digits: 0, ...claim(tongue), kind: "board" } }),
  "bind-bound": (tongue) => ({ view: homeView(tongue), page: { page: "bind" }, bind: { state: "bound", deviceKey: KEYS.phone, name: CLAIMANT[tongue] } }),
  "bind-failed": (tongue) => ({ view: homeView(tongue), page: { page: "bind" }, bind: { state: "failed", reason: "second_claim" } }),
  "bind-stopped": (tongue) => ({
    view: changed(tongue, (view) => (view.service = { ...view.service, phase: "stopped", sinceMs: ago(6) })),
    page: { page: "bind" },
  }),

  activity: (tongue) => ({ view: homeView(tongue), page: { page: "activity" } }),
  "activity-empty": (tongue) => ({
    view: changed(tongue, (view) => {
      view.notices = [];
      view.devices = [];
    }),
    page: { page: "activity" },
    noTurns: true,
  }),

  ...GATEWAY_SCENES,
  ...CARE_SCENES,

  settings: (tongue) => ({ view: homeView(tongue), page: { page: "settings" } }),
  "settings-release": (tongue) => release(tongue, null),
  "settings-release-coming": (tongue) => release(tongue, { state: "coming", got: 3_100_000, of: 8_465_500 }),
  "settings-release-ready": (tongue) => release(tongue, { state: "ready" }),
  "settings-release-failed": (tongue) => release(tongue, { state: "failed", why: "refused", detail: "not signed by the key of SmartPi's releases: The signature verification failed" }),
  "settings-release-elsewhere": (tongue) => release(tongue, null, null),
  "settings-troubled": (tongue) => ({
    view: changed(tongue, (view) => {
      view.secrets = { place: "nowhere", why: "locked" };
      view.app.autostart = null;
      view.release = { wanted: true, lookedMs: ago(60 * 30), trouble: { why: "refused", detail: "not signed by the key of SmartPi's releases: The key id in the signature does not match" }, newer: null, download: null };
      view.network.permission = "absent";
      view.assistant = { ...view.assistant, link: "offline", sinceMs: ago(9) };
      view.troubles = [{ code: "cannot_listen", detail: "10.0.0.7:8765: cannot assign requested address" }];
    }),
    page: { page: "settings" },
  }),

  welcome: firstRun,
  "welcome-looking": (tongue) => ({ ...firstRun(tongue), looks: true }),
  "welcome-none": (tongue) => ({ ...firstRun(tongue), setup: { found: [], inWsl: true } }),
  "welcome-foreign": (tongue) => {
    const scene = firstRun(tongue);
    const [found] = FOUND.found;
    if (found?.plan) {
      const refusal: Failure = { code: "plugin_foreign", detail: "/home/anna/.openclaw/extensions/openclaw-smartpi" };
      scene.setup = { inWsl: false, found: [{ ...found, plan: { ...found.plan, plugin: "foreign", changes: [], refusal } }] };
    }
    return scene;
  },
  "welcome-failed": (tongue) => ({ ...firstRun(tongue), installFailure: { code: "openclaw_failed", detail: "openclaw plugins install: exit status 1\nError: network is unreachable" } }),
} satisfies Record<string, (tongue: Language) => Scene>;


export type SceneName = keyof typeof SCENES;
