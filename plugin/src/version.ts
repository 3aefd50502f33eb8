/** The plugin's version, put in by the build from package.json. */

declare const __PLUGIN_VERSION__: string;

export const PLUGIN_VERSION = typeof __PLUGIN_VERSION__ === "string" ? __PLUGIN_VERSION__ : "0.0.0";
