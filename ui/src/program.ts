import type { Words } from "./locales/en";

/** Who shows up at the gateway: everything that it says about itself may be made up. */
type Client = { deviceId: string; name: string | null; platform: string | null; clientId: string | null };

/** What would break a line, turn the writing round or cannot be seen. */
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

/** The name of a device, else the first eight digits of its id. */
export function clientName({ name, deviceId }: Pick<Client, "name" | "deviceId">): string {
  return name?.replace(UNSEEN, " ").trim().slice(0, 64) || deviceId.slice(0, 8);
}

const SYSTEMS: readonly [RegExp, string][] = [
  [/^(macos|darwin|mac)/i, "macOS"],
  [/^(ios|iphone)/i, "iOS"],
  [/^ipad/i, "iPadOS"],
  [/^watchos/i, "watchOS"],
  [/^android/i, "Android"],
  [/^win/i, "Windows"],
  [/^linux/i, "Linux"],
];

/** The system that it runs on; an unknown one as it is. */
function systemText(platform: string): string {
  return SYSTEMS.find(([known]) => known.test(platform))?.[1] ?? platform;
}

/** The program, and where it runs: `Command line · Linux`. Empty where the gateway says neither. */
export function programText({ clientId, platform }: Pick<Client, "clientId" | "platform">, words: Words): string {
  const known = words.gateway.programs;
  const program = clientId !== null && Object.hasOwn(known, clientId) ? known[clientId as keyof typeof known] : clientId;
  return [program, platform && systemText(platform)].filter(Boolean).join(" · ");
}

/** What a program looks like. */
export type ProgramShape = "phone" | "computer" | "browser" | "terminal" | "node" | "other";

const SHAPES: Readonly<Record<string, ProgramShape>> = {
  "openclaw-ios": "phone", "openclaw-android": "phone", "openclaw-watchos": "phone", "openclaw-macos": "computer", "openclaw-linux": "computer",
  "openclaw-control-ui": "browser", "webchat-ui": "browser", webchat: "browser", "openclaw-browser-copilot": "browser",
  cli: "terminal", "openclaw-tui": "terminal", "node-host": "node", "openclaw-worker": "node",
};

export function programShape(clientId: string | null): ProgramShape {
  return (clientId !== null && SHAPES[clientId]) || "other";
}
