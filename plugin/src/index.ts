/** Entry of the plugin in the gateway and in the `openclaw` command line. */

import { defineChannelPluginEntry } from "openclaw/plugin-sdk/channel-core";
import { smartpiPlugin } from "./channel.ts";
import { registerCommands } from "./cli.ts";
import { CHANNEL_ID } from "./config.ts";
import type { Command, HostConfig, SendingContext, SendingEvent } from "./host.ts";
import { setRuntime, startedBridge } from "./runtime.ts";

interface HookApi {
  on?(name: "message_sending", hear: (event: SendingEvent, context: SendingContext) => void): void;
}

interface CliApi {
  registerCli(register: (context: { program: Command; config: HostConfig }) => void, options: object): void;
}

export default defineChannelPluginEntry({
  id: CHANNEL_ID,
  name: "SmartPi",
  description: "Talk to your agents from SmartPi devices, ESP32 boards, phones and scripts",
  plugin: smartpiPlugin,
  setRuntime,
  registerFull(api: HookApi) {
    // Older hosts have no such hook; then nobody tells in whose conversation something is said.
    api.on?.("message_sending", ({ to, content }, { channelId, sessionKey }) => {
      if (channelId === CHANNEL_ID) startedBridge()?.speakers.hear(to, content, sessionKey);
    });
  },
  registerCliMetadata(api: CliApi) {
    api.registerCli(({ program, config }) => registerCommands(program, config), {
      descriptors: [{ name: "smartpi", description: "Bind and manage SmartPi devices (绑定和管理 SmartPi 设备)", hasSubcommands: true }],
    });
  },
});
