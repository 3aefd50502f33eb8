import type { CareView, Failure, GatewayView } from "./backend";
import type { Words } from "./locales/en";

/** How SmartPi stands with OpenClaw in a sentence, the shape that goes with it, and what it means. */
export type GatewayStory = { shape: "good" | "busy" | "wait" | "bad" | "off"; title: string; text: string };

const SOON_MS = 60_000;

/** `at` says a moment. */
export function gatewayStory(gateway: GatewayView, now: number, at: (ms: number) => string, words: Words): GatewayStory {
  const say = words.gateway;
  switch (gateway.state) {
    case "off":
      return { shape: "off", title: say.off, text: say.offText };
    case "connecting":
      return { shape: "busy", title: say.connecting, text: "" };
    case "online":
      return { shape: "good", title: say.online(at(gateway.sinceMs)), text: hostText(gateway, words) };
    case "waiting": {
      const isSoon = gateway.retryMs === null || gateway.retryMs - now < SOON_MS;
      return { shape: "wait", title: say.waiting, text: isSoon ? say.retrySoon : say.retryAt(at(gateway.retryMs ?? now)) };
    }
    case "stuck":
      return { shape: "bad", title: say.stuck, text: "" };
  }
}

function hostText({ version, url }: GatewayView, words: Words): string {
  const say = words.gateway;
  const address = url?.replace(/^wss?:\/\//, "").replace(/\/$/, "") ?? "";
  if (version === null) return address;
  return address === "" ? say.host(version) : say.hostAt(version, address);
}

/** The command that starts OpenClaw: its service where it has one, and never a second OpenClaw beside it. */
export function startLine({ service }: CareView, words: Words): string {
  return (service?.unit ?? null) === null ? words.welcome.startCommand : words.welcome.startServiceCommand;
}

/** The command that a person types where this is the way out; empty where there is none. */
export function wayOut({ code, detail }: Failure, care: CareView, words: Words): string {
  if (code === "gateway_down") return startLine(care, words);
  if (code === "gateway_pairing_elsewhere") return `openclaw devices approve ${requestOf(detail)}`.trim();
  return code === "gateway_token_wrong" ? words.welcome.restartCommand : "";
}

function requestOf(detail: unknown): string {
  if (typeof detail !== "object" || detail === null || !("requestId" in detail)) return "";
  return typeof detail.requestId === "string" ? detail.requestId : "";
}

/** An address as one reads it. */
export function plainAddress(url: string): string {
  return url.replace(/\/$/, "");
}
