import { accounts } from "./en/accounts";
import { activity } from "./en/activity";
import { bind } from "./en/bind";
import { devices } from "./en/devices";
import { evidence } from "./en/evidence";
import { failures } from "./en/failures";
import { gateway } from "./en/gateway";
import { gatewayService } from "./en/gatewayService";
import { health } from "./en/health";
import { repair } from "./en/repair";
import { settings } from "./en/settings";
import { target } from "./en/target";
import { welcome } from "./en/welcome";

/** Every word of the window in English. Its shape is what the other language must have. */
export const en = {
  nav: { label: "Pages", devices: "Devices", activity: "Activity", gateway: "OpenClaw", health: "Health", settings: "Settings" },
  service: {
    label: "Service",
    stopped: "Stopped",
    starting: "Starting…",
    running: "Running",
    stopping: "Stopping…",
    failed: "Not running",
    since: (when: string) => `since ${when}`,
    stoppedTitle: "The service is stopped",
    stoppedText: "No device can connect until you start it again.",
    start: "Start service",
    tryAgain: "Try again",
    usePort: (port: number) => `Use port ${port}`,
  },
  states: {
    loading: "One moment…",
    lostTitle: "SmartPi is not running",
    lostText: "Your devices cannot connect until it runs again. Nothing is lost: what they sent is kept.",
    retry: "Start SmartPi",
    soughtTitle: "Looking for SmartPi…",
    soughtText: "The window lost touch with it for a moment. This page comes back by itself.",
  },
  parts: {
    details: "Details",
    copy: "Copy",
    copied: "Copied",
    cancel: "Cancel",
    save: "Save",
    close: "Close",
    today: "Today",
    yesterday: "Yesterday",
    yesterdayAt: (time: string) => `yesterday ${time}`,
    ms: (count: number) => `${count}\u00a0ms`,
    seconds: (count: string) => `${count}\u00a0s`,
    minutes: (minutes: number, seconds: number) => (seconds === 0 ? `${minutes}\u00a0min` : `${minutes}\u00a0min\u00a0${seconds}\u00a0s`),
    list: (names: string[]) => (names.length < 2 ? (names[0] ?? "") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`),
    sentences: (texts: string[]) => texts.join(" "),
    kinds: { phone: "Phone", speaker: "Speaker", board: "Board", script: "Script", other: "Device" },
  },
  accounts,
  activity,
  bind,
  devices,
  evidence,
  failures,
  gateway,
  gatewayService,
  health,
  repair,
  settings,
  target,
  welcome,
};

/** The words of a language. */
export type Words = typeof en;
