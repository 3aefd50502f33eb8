/** The channel as OpenClaw sees it: one account, its link to the service, many devices as peers. */

import { createChatChannelPlugin } from "openclaw/plugin-sdk/channel-core";
import { HostAgent } from "./agent.ts";
import { bridgeOf } from "./bridge.ts";
import { ACCOUNT_ID, channelSection, CHANNEL_ID, readAccount, type Account } from "./config.ts";
import { stateFolder } from "./gateway-id.ts";
import type { AccountStatus, ActionContext, ActionResult, GatewayContext, HostConfig, Log, OutboundContext } from "./host.ts";
import { handleSend } from "./actions.ts";
import { deviceOf, findDevice } from "./devices.ts";
import { sendMedia, sendText, type SentMessage } from "./outbound.ts";
import { TEXT_BYTES } from "./wire.ts";
import { getRuntime, setStartedBridge, startedBridge } from "./runtime.ts";
import { PLUGIN_VERSION } from "./version.ts";
import { both, LINK_DOWN } from "./words.ts";
import type { Bridge } from "./bridge.ts";

/** Runs the account until `abortSignal` fires. */
async function startAccount(context: GatewayContext): Promise<void> {
  const log = context.log ?? consoleLog;
  const account = readAccount(context.cfg);
  const setStatus = (patch: Partial<AccountStatus>): void => context.setStatus({ ...context.getStatus(), accountId: context.accountId, ...patch });
  if (!account.configured) throw new Error(`channels.${CHANNEL_ID}: ${account.problems.join("; ") || "not configured"}`);

  const runtime = getRuntime();
  setStatus({ running: true, connected: false, lifecycle: "starting", lastError: null });
  const bridge = await bridgeOf(stateFolder(runtime.state), PLUGIN_VERSION, log);
  if (context.abortSignal.aborted) return;
  const agent = new HostAgent(runtime, context.channelRuntime ?? runtime.channel, context.cfg);
  const link = bridge.start(agent, log, { linkKeyFile: account.linkKeyFile, pluginVersion: PLUGIN_VERSION, hostVersion: runtime.version }, {
    onReady: () => setStatus({ connected: true, lifecycle: "ready", lastConnectedAt: Date.now(), lastError: null }),
    onDown: (reason, detail, retryMs) =>
      setStatus({ connected: false, lifecycle: retryMs === undefined ? "stopped" : "recovering", lastError: `${both(LINK_DOWN[reason]).replace("\n", " / ")} (${detail})` }),
  });
  setStartedBridge(bridge);
  try {
    await aborted(context.abortSignal);
  } finally {
    bridge.stop(link);
    if (startedBridge() === bridge) setStartedBridge(undefined);
    setStatus({ running: false, connected: false, lifecycle: "stopped" });
  }
}

const consoleLog: Log = { info: (line) => console.log(line), warn: (line) => console.warn(line), error: (line) => console.error(line) };

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function sendVia<C, R>(send: (bridge: Bridge, context: C) => Promise<R>): (context: C) => Promise<R> {
  return async (context) => {
    const bridge = startedBridge();
    if (!bridge) throw new Error("the SmartPi channel does not run in this process; is the gateway running?");
    return send(bridge, context);
  };
}

/** What `channels status` shows of the account besides its runtime. */
function describe(account: Account): Record<string, unknown> {
  return { accountId: ACCOUNT_ID, name: "SmartPi", enabled: account.enabled, configured: account.configured };
}

export const smartpiPlugin = createChatChannelPlugin({
  base: {
    id: CHANNEL_ID,
    meta: {
      id: CHANNEL_ID,
      label: "SmartPi",
      selectionLabel: "SmartPi (devices)",
      docsPath: "/channels/openclaw-smartpi",
      docsLabel: CHANNEL_ID,
      blurb: "Talk to your agents from SmartPi devices, ESP32 boards, phones and scripts.",
      order: 90,
    },
    capabilities: { chatTypes: ["direct"], media: false, blockStreaming: false },
    reload: { configPrefixes: [`channels.${CHANNEL_ID}`] },
    config: {
      listAccountIds: (config: HostConfig) => (channelSection(config) ? [ACCOUNT_ID] : []),
      defaultAccountId: () => ACCOUNT_ID,
      resolveAccount: (config: HostConfig) => readAccount(config),
      inspectAccount: (config: HostConfig) => readAccount(config),
      isEnabled: (account: Account) => account.enabled,
      isConfigured: (account: Account) => account.configured,
      unconfiguredReason: (account: Account) => account.problems.join("; ") || "not configured",
      describeAccount: describe,
      resolveAllowFrom: () => ["*"],
    },
    status: {
      defaultRuntime: { accountId: ACCOUNT_ID, running: false, connected: false, lastStartAt: null, lastStopAt: null, lastError: null },
      buildAccountSnapshot: ({ account, runtime }: { account: Account; runtime?: AccountStatus }) => ({ ...describe(account), ...runtime }),
    },
    messaging: {
      normalizeTarget: (target: string) => deviceOf(target) ?? target.trim(),
      targetResolver: {
        hint: "<name or key of a device>",
        // Every target is ours to read: a name too, and a wrong one is told with the names that there are.
        looksLikeId: () => true,
        resolveTarget: async ({ cfg, input }: { cfg: HostConfig; input: string }) => {
          const { deviceKey, name } = await findDevice(cfg, input);
          return { to: deviceKey, kind: "user", display: name };
        },
      },
    },
    actions: {
      describeMessageTool: () => ({ actions: ["send"] }),
      supportsAction: ({ action }: { action: string }) => action === "send",
      // The agent's tool runs where the channel runs. The command line runs elsewhere and hands over to the gateway.
      resolveExecutionMode: () => (startedBridge() ? "local" : "gateway"),
      handleAction: sendVia<ActionContext, ActionResult>(handleSend),
    },
    gateway: { startAccount },
  },
  // Only devices that a person bound get through the service, so the channel itself is open.
  security: {
    dm: {
      channelKey: CHANNEL_ID,
      resolvePolicy: () => "open",
      resolveAllowFrom: () => ["*"],
      defaultPolicy: "open",
    },
  },
  outbound: {
    // The agent's `message` tool needs `direct`, which works only where the channel runs; the command line runs elsewhere and needs `gateway`.
    get deliveryMode() {
      return startedBridge() ? "direct" : "gateway";
    },
    textChunkLimit: Math.floor(TEXT_BYTES / 4),
    sendText: sendVia<OutboundContext, SentMessage>(sendText),
    sendMedia: sendVia<OutboundContext, SentMessage>(sendMedia),
  },
});
