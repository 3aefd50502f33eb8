import type { GatewayDevices, GatewayView, Language } from "../backend";
import { everybody, gatewayView, pairingRequests, REQUESTS } from "./gateway";
import { ago } from "./ago";
import { homeView } from "./home";
import type { Scene } from "./scenes";
import { FINGERPRINT } from "./target";

function scene(tongue: Language, gateway: Partial<GatewayView>, gatewayDevices?: Scene["gatewayDevices"]): Scene {
  const view = homeView(tongue);
  view.gateway = gatewayView(gateway);
  if (gateway.pending) view.notices.unshift({ id: 9, atMs: ago(1), kind: "pairing", names: gateway.pending.flatMap(({ name }) => name ?? []), deviceKey: null, failure: null });
  return { view, page: { page: "gateway" }, gatewayDevices };
}

const THERE = { url: "wss://192.168.1.4:18789/", tlsFingerprint: FINGERPRINT };

function there(one: Scene): Scene {
  one.view.settings.gatewayElsewhere = THERE;
  return one;
}

/** What OpenClaw 2026.4.26 says: no names, and not who is connected. */
const old = (tongue: Language): GatewayDevices => ({ ...everybody(tongue), paired: everybody(tongue).paired.map((device) => ({ ...device, connected: null })), names: false });

/** Every situation of the page about OpenClaw. */
export const GATEWAY_SCENES = {
  gateway: (tongue) => scene(tongue, {}),
  "gateway-off": (tongue) => scene(tongue, { state: "off", url: null, version: null, sinceMs: ago(240) }),
  "gateway-connecting": (tongue) => scene(tongue, { state: "connecting", version: null, sinceMs: ago(0.1) }),
  "gateway-asks": (tongue) => scene(tongue, { pending: pairingRequests(tongue) }),
  "gateway-waiting": (tongue) => scene(tongue, { state: "waiting", version: null, sinceMs: ago(3), failure: { code: "gateway_down", detail: "127.0.0.1:18789: connection refused" }, retryMs: Date.now() + 20_000 }),
  "gateway-later": (tongue) => scene(tongue, { state: "waiting", version: null, sinceMs: ago(3), failure: { code: "gateway_limited" }, retryMs: Date.now() + 290_000 }),
  "gateway-stuck": (tongue) => scene(tongue, { state: "stuck", version: null, sinceMs: ago(3), failure: { code: "gateway_token_wrong", detail: "AUTH_TOKEN_MISMATCH: unauthorized: gateway token mismatch (source: gateway.auth.token)" } }),
  "gateway-other": (tongue) => scene(tongue, { state: "stuck", version: null, sinceMs: ago(3), failure: { code: "gateway_other", detail: { port: 18789, pid: 4711, user: "ben" } } }),
  "gateway-keyring": (tongue) => scene(tongue, { state: "stuck", version: null, sinceMs: ago(3), failure: { code: "keyring_locked" } }),
  "gateway-alone": (tongue) => scene(tongue, {}, { ...everybody(tongue), paired: everybody(tongue).paired.slice(0, 1) }),
  "gateway-loading": (tongue) => scene(tongue, {}, "never"),
  "gateway-failed": (tongue) => scene(tongue, {}, { code: "gateway_no_answer", detail: "device.pair.list: 15 s" }),
  "gateway-old": (tongue) => scene(tongue, { version: "2026.4.26" }, old(tongue)),
  // The person chose the OpenClaw of another computer.
  "gateway-there": (tongue) => there(scene(tongue, { url: THERE.url })),
  "gateway-there-changed": (tongue) => there(scene(tongue, { state: "stuck", version: null, url: THERE.url, sinceMs: ago(3), failure: { code: "gateway_certificate_changed", detail: { fingerprint: FINGERPRINT.replaceAll("9", "2") } } })),
  "gateway-there-asks": (tongue) => there(scene(tongue, { state: "stuck", version: null, url: THERE.url, sinceMs: ago(3), failure: { code: "gateway_pairing_elsewhere", detail: { requestId: REQUESTS.tablet } } })),
  "target": (tongue) => ({ ...scene(tongue, {}), page: { page: "settings" } }),
  "target-there": (tongue) => ({ ...there(scene(tongue, { url: THERE.url })), page: { page: "settings" } }),
  // SmartPi was let in with less than it wants.
  "gateway-limited": (tongue) =>
    scene(tongue, { pending: pairingRequests(tongue).slice(1, 2) }, { ...everybody(tongue), paired: everybody(tongue).paired.map((device) => (device.ours ? { ...device, scopes: ["operator.pairing"] } : device)) }),
} satisfies Record<string, (tongue: Language) => Scene>;
