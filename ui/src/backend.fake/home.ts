import type { ActivityTurn, ActivityUnasked, DeviceView, NoticeView, SetupLook, Language, View } from "../backend";
import { ago } from "./ago";
import { careView } from "./care";
import { gatewayView } from "./gateway";

const NAMES = {
  en: { service: "Study", kitchen: "Kitchen speaker", phone: "Anna's phone", board: "Balcony board", script: "Morning news" },
  zh: { service: "书房电脑", kitchen: "厨房音箱", phone: "小安的手机", board: "阳台开发板", script: "早间新闻" },
};

/** Keys look like real ones: 26 letters and digits. */
export const KEYS = {
  kitchen: "kzdvvj2umnduyauf35o36k6kw4",
  phone: "p3nfa5c7qwx2lmzt4yhb6reosd",
  board: "b2oardx7k4mznq5tyhw6cvrgle",
  script: "s5criptq2w7nzm4xyhk6bvtgra",
} as const;

export function homeDevices(tongue: Language): DeviceView[] {
  const names = NAMES[tongue];
  const device = (deviceKey: string, name: string, kind: string, more: Partial<DeviceView>): DeviceView => ({
    deviceKey, name, kind, state: "online", sinceMs: ago(95), lastSeenMs: ago(0.2), waiting: 0, boundAtMs: ago(60 * 24 * 40), talking: false, muted: false, speaksFirst: "anyone", ...more,
  });
  return [
    device(KEYS.kitchen, names.kitchen, "speaker", { talking: true }),
    device(KEYS.phone, names.phone, "phone", { sinceMs: ago(22) }),
    device(KEYS.board, names.board, "board", { state: "unsure", sinceMs: ago(200), lastSeenMs: ago(1), muted: true }),
    device(KEYS.script, names.script, "script", { state: "offline", sinceMs: ago(60 * 19), lastSeenMs: ago(60 * 19), waiting: 3 }),
  ];
}

export function homeView(tongue: Language): View {
  const names = NAMES[tongue];
  return {
    revision: 1,
    app: {
      version: "0.2.0", language: tongue, desktop: true, tray: true, autostart: true, welcomed: true,
      dataDir: "/home/anna/.local/share/smartpi", logFile: "/home/anna/.local/state/smartpi/logs/smartpi.log",
    },
    release: { wanted: true, lookedMs: ago(190), trouble: null, newer: null, download: null },
    service: { phase: "running", sinceMs: ago(240), failure: null, name: names.service, port: 8765 },
    network: {
      permission: "allowed",
      addresses: [
        { ip: "192.168.1.20", url: "http://192.168.1.20:8765/", reach: "network", interface: "wlp2s0", provenMs: ago(12) },
        { ip: "10.0.0.7", url: "http://10.0.0.7:8765/", reach: "network", interface: "enp3s0", provenMs: null },
        { ip: "127.0.0.1", url: "http://127.0.0.1:8765/", reach: "computer", interface: "", provenMs: null },
      ],
      hints: ["other_network", "firewall", "isolation", "vpn"],
    },
    assistant: { kind: "gateway", link: "online", sinceMs: ago(230), gateway: "b1c4e0a2f7d94c58a3e6b0d1f2a49c77", plugin: "0.2.0", host: "2026.9.6", refusedGateway: null },
    gateway: gatewayView(),
    care: careView(tongue),
    devices: homeDevices(tongue),
    activity: 0,
    lastTurn: { atMs: ago(18), well: true },
    pending: [],
    notices: homeNotices(tongue),
    settings: { language: null, port: 8765, keepTextDays: 30, answerAfterS: 30, quiet: { connected: false, disconnected: false, bound: false, confirm: false, trouble: false }, gatewayElsewhere: null },
    secrets: { place: "keyring", why: null },
    troubles: [],
  };
}

function homeNotices(tongue: Language): NoticeView[] {
  const names = NAMES[tongue];
  return [
    { id: 5, atMs: ago(22), kind: "connected", names: [names.phone], deviceKey: KEYS.phone, failure: null },
    { id: 4, atMs: ago(75), kind: "disconnected", names: [names.phone], deviceKey: KEYS.phone, failure: null },
    { id: 6, atMs: ago(180), kind: "trouble", names: [], deviceKey: null, failure: { code: "cannot_listen", detail: "10.0.0.7:8765: address not available" } },
    { id: 3, atMs: ago(230), kind: "assistant_up", names: [], deviceKey: null, failure: null },
    { id: 2, atMs: ago(240), kind: "started", names: [], deviceKey: null, failure: null },
    { id: 1, atMs: ago(60 * 19), kind: "disconnected", names: [names.script], deviceKey: KEYS.script, failure: null },
  ];
}

const SAID = {
  en: [
    ["Is the garage door closed?", null],
    ["What did we plan for Saturday?", "On Saturday at ten you meet Anna at the market. The weather stays dry."],
    ["Turn on the light in the kitchen, please.", "The kitchen light is on."],
    ["Good morning, what is new?", "Three new mails, nothing urgent. Your train is on time."],
    ["Sort all my photos of last year.", null],
    ["Note: buy coffee.", null],
  ],
  zh: [
    ["车库门关好了吗？", null],
    ["周六有什么安排？", "周六上午十点，您和小安在集市见面，天气晴。"],
    ["请打开厨房的灯。", "厨房的灯已打开。"],
    ["早上好，有什么新消息？", "有三封新邮件，都不急。您的列车准点。"],
    ["整理去年所有的照片。", null],
    ["记一下：买咖啡。", null],
  ],
} as const;

export function homeTurns(tongue: Language): ActivityTurn[] {
  const names = NAMES[tongue];
  const turn = (index: number, deviceKey: string, deviceName: string, minutes: number, answerMs: number | null, more: Partial<ActivityTurn>): ActivityTurn => {
    const at = ago(minutes);
    const done = answerMs !== null;
    const [said, answered] = SAID[tongue][index] ?? [null, null];
    return {
      id: `01K9${String(index).padStart(22, "0")}`, deviceKey, deviceName, state: done ? "done" : "sent", outcome: done ? "answered" : null,
      receivedMs: at, storedMs: at + 3, deliveredMs: at + 4, acceptedMs: at + 19, startedMs: at + 240,
      firstTokenMs: done ? at + answerMs * 0.4 : null, toolMs: null, finalMs: done ? at + answerMs : null, sentMs: done ? at + answerMs + 2 : null, gotMs: done ? at + answerMs + 31 : null,
      endedMs: done ? at + answerMs + 8 : null, late: false, said, answered, ...more,
    };
  };
  return [
    turn(0, KEYS.kitchen, names.kitchen, 1, null, { toolMs: ago(1) + 2100 }),
    turn(1, KEYS.phone, names.phone, 18, 41_200, { late: true }),
    turn(2, KEYS.kitchen, names.kitchen, 34, 4_200, { toolMs: ago(34) + 1900 }),
    turn(3, KEYS.script, names.script, 60 * 20, 8_700, { gotMs: null }),
    turn(4, KEYS.phone, names.phone, 60 * 22, 600_000, { outcome: "stopped", finalMs: null, late: true }),
    turn(5, KEYS.board, names.board, 60 * 50, 2_600, { said: null, answered: null }),
  ];
}

export function homeUnasked(tongue: Language): ActivityUnasked[] {
  const names = NAMES[tongue];
  const said = { en: "The washing machine has finished.", zh: "洗衣机已经洗完了。" }[tongue];
  return [
    { rid: "p-1", deviceKey: KEYS.kitchen, deviceName: names.kitchen, atMs: ago(12), by: "agent", agent: "main", refused: false, said, gotMs: ago(12) + 40 },
    { rid: "p-2", deviceKey: KEYS.board, deviceName: names.board, atMs: ago(50), by: "terminal", agent: null, refused: true, said: null, gotMs: null },
  ];
}

export const FOUND: SetupLook = {
  inWsl: false,
  found: [
    {
      command: "/home/anna/.nvm/versions/node/v24.9.0/bin/openclaw", by: "login_shell", version: "2026.9.6", failure: null,
      plan: {
        plugin: "absent", version: null, config: "/home/anna/.openclaw/openclaw.json", backups: "/home/anna/.local/share/smartpi/openclaw-copies", commentsLost: true, refusal: null,
        changes: [
          { path: "plugins.entries.openclaw-smartpi.enabled", before: null, after: "true" },
          { path: "channels.openclaw-smartpi.enabled", before: null, after: "true" },
          { path: "channels.openclaw-smartpi.linkKeyFile", before: null, after: '"/home/anna/.local/share/smartpi/link.key"' },
          { path: "plugins.allow", before: '["telegram"]', after: '["telegram","openclaw-smartpi"]' },
        ],
      },
    },
  ],
};

/** The plugin is there, and nothing is to be done. */
export const CURRENT: SetupLook = {
  inWsl: false,
  found: FOUND.found.map((one) => ({ ...one, plan: one.plan && { ...one.plan, plugin: "current", version: "0.2.0", changes: [] } })),
};
