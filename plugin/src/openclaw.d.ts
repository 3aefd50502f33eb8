/** The two subpaths of the host's SDK that every version from 2026.4 to 2026.9 has. */

declare module "openclaw/plugin-sdk/runtime-store" {
  export function createPluginRuntimeStore<T>(options: { pluginId: string; errorMessage: string }): {
    setRuntime: (next: T) => void;
    tryGetRuntime: () => T | null;
    getRuntime: () => T;
  };
}

declare module "openclaw/plugin-sdk/channel-core" {
  export function createChatChannelPlugin(options: object): object;
  export function defineChannelPluginEntry(options: object): unknown;
  export function defineSetupPluginEntry(plugin: object): unknown;
}
