/** The host's runtime and the bridge of this process. */

import { createPluginRuntimeStore } from "openclaw/plugin-sdk/runtime-store";
import { CHANNEL_ID } from "./config.ts";
import type { Bridge } from "./bridge.ts";
import type { HostRuntime } from "./host.ts";

const store = createPluginRuntimeStore<HostRuntime>({ pluginId: CHANNEL_ID, errorMessage: "the SmartPi channel is not initialised" });

export const setRuntime = store.setRuntime;
export const getRuntime = store.getRuntime;
export const tryGetRuntime = store.tryGetRuntime;

/** On the global object: the host loads this module more than once, and a hook of one copy must find the channel of another. */
const STARTED = Symbol.for("openclaw-smartpi.started");
const shelf = globalThis as { [STARTED]?: Bridge | undefined };

/** The bridge of the channel that runs in this process; none in a command line process. */
export function startedBridge(): Bridge | undefined {
  return shelf[STARTED];
}

export function setStartedBridge(bridge: Bridge | undefined): void {
  shelf[STARTED] = bridge;
}
