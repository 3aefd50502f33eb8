import type { CareView, EntriesPlan, EntryChange, RemovalPlan } from "../backend";

const ID = "openclaw-smartpi";
const CHANGES: Record<EntryChange, EntriesPlan["changes"]> = {
  putBack: [
    { path: `channels.${ID}.enabled`, before: null, after: "true" },
    { path: `channels.${ID}.linkKeyFile`, before: null, after: '"/home/anna/.local/share/smartpi/link.key"' },
    { path: "plugins.allow", before: null, after: `"${ID}"` },
  ],
  enable: [{ path: `plugins.entries.${ID}.enabled`, before: "false", after: "true" }],
  allow: [{ path: "plugins.allow", before: null, after: `"${ID}"` }],
  writeChannel: [{ path: `channels.${ID}.enabled`, before: "false", after: "true" }],
};

/** What a change of our entries writes. */
export function entriesPlan(change: EntryChange): EntriesPlan {
  return { shown: `shown-${change}`, changes: CHANGES[change], commentsLost: true, backups: "/home/anna/.local/share/smartpi/backups" };
}

/** What goes with the plugin. */
export const REMOVAL: RemovalPlan = {
  shown: "shown-removal",
  version: "0.1.0",
  config: "/home/anna/.openclaw/openclaw.json",
  changes: [
    { path: `channels.${ID}`, before: '{"enabled":true,"linkKeyFile":"/home/anna/.local/share/smartpi/link.key"}', after: null },
    { path: "plugins.allow", before: `"${ID}"`, after: null },
    { path: `plugins.entries.${ID}`, before: '{"enabled":true}', after: null },
  ],
  backups: "/home/anna/.local/share/smartpi/backups",
  refusal: null,
};

/** It was written: nothing is missing, and the row that asked for it is well. */
export function written(care: CareView, change: EntryChange): void {
  if (change === "putBack") care.missing = [];
  care.plugin = care.plugin.map((row) => (row.fix.kind === "known" && row.fix.value === change ? { ...row, fix: { kind: "known", value: null } } : row));
}
