import type { GatewayDevice, GatewayDevices, GatewayView, PairingRequest, Language } from "../backend";
import { ago } from "./ago";

const NAMES = {
  en: { ours: "SmartPi on Study", phone: "Anna's iPhone", dashboard: null, laptop: "Living room Mac", node: "Garage computer", tablet: "Ben's tablet" },
  zh: { ours: "书房电脑的 SmartPi", phone: "小安的 iPhone", dashboard: null, laptop: "客厅 Mac", node: "车库电脑", tablet: "小本的平板" },
};

/** Ids look like real ones: 64 hexadecimal digits. */
const id = (start: string): string => start + "6be7ae6dbc75ad89e9aea80bcf68f9d4c53d644d103f3d0660bc25895729ada".slice(0, 64 - start.length);

export const IDS = { ours: id("5a17e9c0"), phone: id("3b72b038"), dashboard: id("d222b85d"), laptop: id("911670c5"), node: id("bd1e5529"), tablet: id("660bc258") } as const;

export const REQUESTS = { tablet: "5e42109d-0eb8-48e0-89f0-b66ddd16e884", phone: "3ea15ea3-d744-4ec4-a4c0-98490c205ec8", dashboard: "f8956f9c-df12-4e56-9bfe-5757153634c5" } as const;

export function gatewayView(more: Partial<GatewayView> = {}): GatewayView {
  return { state: "online", sinceMs: ago(228), url: "ws://127.0.0.1:18789", version: "2026.9.6", failure: null, retryMs: null, pending: [], devicesRevision: 1, agentsRevision: 1, ...more };
}

export function pairedDevices(tongue: Language): GatewayDevice[] {
  const names = NAMES[tongue];
  const device = (key: keyof typeof IDS, more: Partial<GatewayDevice>): GatewayDevice => ({
    deviceId: IDS[key], name: names[key], platform: "linux", clientId: "cli", clientMode: "cli", roles: ["operator"], scopes: ["operator.read"],
    tokens: [{ role: "operator", scopes: ["operator.read"], madeMs: ago(60 * 24 * 30), usedMs: ago(3), revokedMs: null }], approvedMs: ago(60 * 24 * 30), seenMs: ago(2), connected: true, ours: false, ...more,
  });
  return [
    device("ours", { clientId: "gateway-client", clientMode: "ui", scopes: ["operator.admin", "operator.pairing"], tokens: [{ role: "operator", scopes: ["operator.admin"], madeMs: ago(228), usedMs: null, revokedMs: null }], ours: true }),
    device("phone", {
      platform: "ios", clientId: "openclaw-ios", clientMode: "ui", roles: ["node", "operator"], scopes: ["operator.read", "operator.write", "operator.approvals", "operator.questions"],
      tokens: [{ role: "operator", scopes: ["operator.read", "operator.write"], madeMs: ago(60 * 24 * 30), usedMs: ago(3), revokedMs: null }, { role: "node", scopes: [], madeMs: ago(60 * 24 * 30), usedMs: ago(3), revokedMs: null }],
    }),
    device("dashboard", { platform: "MacIntel", clientId: "openclaw-control-ui", clientMode: "webchat", scopes: ["operator.admin", "operator.pairing", "operator.read", "operator.write"], connected: false, seenMs: ago(60 * 26) }),
    device("laptop", { platform: "macos", clientId: "openclaw-macos", clientMode: "ui", scopes: ["operator.read", "operator.write"], connected: false, seenMs: ago(60 * 24 * 9) }),
    device("node", { clientId: "node-host", clientMode: "node", roles: ["node"], scopes: [], tokens: [], connected: false, seenMs: null }),
  ];
}

export function everybody(tongue: Language): GatewayDevices {
  return { pending: [], paired: pairedDevices(tongue), names: true };
}

/** A device that is not in yet, one that asks for more, and one whose details changed. */
export function pairingRequests(tongue: Language): PairingRequest[] {
  const names = NAMES[tongue];
  return [
    {
      requestId: REQUESTS.tablet, deviceId: IDS.tablet, name: names.tablet, platform: "android", clientId: "openclaw-android", clientMode: "ui", roles: ["node", "operator"],
      scopes: ["operator.read", "operator.write", "operator.approvals", "operator.questions", "operator.talk.secrets"], approvedScopes: null, approvedRoles: null, atMs: ago(4),
    },
    {
      requestId: REQUESTS.phone, deviceId: IDS.phone, name: names.phone, platform: "ios", clientId: "openclaw-ios", clientMode: "ui", roles: ["operator"],
      scopes: ["operator.read", "operator.write", "operator.admin"], approvedScopes: ["operator.read", "operator.write"], approvedRoles: ["node", "operator"], atMs: ago(1),
    },
    {
      requestId: REQUESTS.dashboard, deviceId: IDS.dashboard, name: null, platform: "Win32", clientId: "openclaw-control-ui", clientMode: "webchat", roles: ["operator"],
      scopes: ["operator.read"], approvedScopes: ["operator.admin", "operator.read"], approvedRoles: ["operator"], atMs: ago(0.5),
    },
  ];
}
