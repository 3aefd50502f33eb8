import type { DeviceView, Phase } from "./backend";
import type { Words } from "./locales/en";

/** What a row says about a device, and the shape that goes with it. */
export type DeviceStory = { shape: "good" | "unsure" | "off" | "busy"; text: string };

/** The state of a device in words. `at` says a moment. */
export function deviceStory(device: DeviceView, phase: Phase, at: (ms: number) => string, words: Words): DeviceStory {
  const say = words.devices;
  if (device.state === "offline") {
    if (phase !== "running" && phase !== "starting") return { shape: "off", text: say.serviceOff };
    const since = device.sinceMs || device.lastSeenMs;
    return { shape: "off", text: since === 0 ? say.neverSeen : say.offlineSince(at(since)) };
  }
  if (device.state === "unsure") return { shape: "unsure", text: say.unsure };
  return { shape: "good", text: say.onlineSince(at(device.sinceMs)) };
}
