/** Entry for OpenClaw's setup: the same channel. */

import { defineSetupPluginEntry } from "openclaw/plugin-sdk/channel-core";
import { smartpiPlugin } from "./channel.ts";

export default defineSetupPluginEntry(smartpiPlugin);
