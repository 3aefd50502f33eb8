import type { CareView, ChainLink, LinkRow } from "./backend";
import type { Words } from "./locales/en";

/** What a mark beside a state looks like. */
export type HealthShape = "good" | "bad" | "aged" | "unsure" | "hidden" | "off" | "behind" | "wait";

/** What a look told is as good as now for so long, ms: as the program judges it (`care::chain::FRESH_MS`). */
export const FRESH_MS = 60_000;

/** Whether a look is as good as now. */
export function isFresh(atMs: number | null, now: number): boolean {
  return atMs !== null && now - atMs <= FRESH_MS;
}

/** A link in words: its state, and how old that is. */
export type LinkStory = { shape: HealthShape; text: string; age: string };

/** `at` says a moment. */
export function linkStory(row: LinkRow, at: (ms: number) => string, words: Words): LinkStory {
  const say = words.health;
  const age = row.atMs === null ? "" : say.since(at(row.atMs));
  switch (row.state) {
    case "works":
      return { shape: "good", text: say.works, age };
    case "broken":
      return { shape: "bad", text: say.broken, age };
    case "stale":
      if (row.atMs === null) return { shape: "aged", text: say.stale, age: "" };
      return { shape: "aged", text: byAnswers(row) ? say.seenWorking(at(row.atMs)) : say.staleAt(at(row.atMs)), age: "" };
    case "unproven":
      return { shape: "unsure", text: say.unproven, age };
    case "cannotSee":
      return { shape: "hidden", text: say.cannotSee, age };
    case "notLooked":
      return { shape: "off", text: byAnswers(row) ? say.notSeenYet : say.notLooked, age: "" };
    case "notUsed":
      return { shape: "off", text: row.link === "pairing" ? say.notConnected : say.echoAnswers, age: "" };
    case "behind":
      return { shape: "behind", text: row.behind === null ? say.behindSome : say.behind(linkName(row.behind, words)), age: "" };
  }
}

/** Whether it shows in the answers, and not in a connection. */
function byAnswers({ link }: LinkRow): boolean {
  return link === "agent" || link === "model";
}

export function linkName(link: ChainLink, words: Words): string {
  return words.health.links[link].name;
}

/** All of it in a sentence. Good only while every link that is used works. */
export function overall({ findings, missing, plugin, rows: all }: Pick<CareView, "findings" | "missing" | "plugin" | "rows">, words: Words): { shape: HealthShape; title: string; text: string } {
  const say = words.health;
  const rows = all.filter(({ state }) => state !== "notUsed");
  const broken = findings.filter(({ severity }) => severity === "broken").length;
  const states = new Set(rows.map(({ state }) => state));
  if (broken > 0 || states.has("broken")) return { shape: "bad", title: say.someBroken(Math.max(broken, 1)), text: "" };
  if (rows.every(({ state }) => state === "notLooked")) return { shape: "off", title: say.notYet, text: say.notYetText };
  if (rows.every(({ state }) => state === "works")) {
    const warned = findings.some(({ severity }) => severity === "warning") || missing.length > 0 || plugin.some(({ fix }) => fix.kind === "known" && fix.value !== null);
    if (warned) return { shape: "wait", title: say.worksForNow, text: say.worksForNowText };
    const isEcho = all.some(({ link, state }) => link === "agent" && state === "notUsed");
    return { shape: "good", title: say.allWell, text: isEcho ? say.allWellEcho : say.allWellText };
  }
  if (rows.every(({ state }) => state === "works" || state === "stale")) return { shape: "aged", title: say.agedTitle, text: say.agedText };
  return { shape: "unsure", title: say.unsureTitle, text: say.unsureText };
}

/** Whether something waits for the person: what the navigation and the tray point at. */
export function needsAttention({ findings, missing, last }: Pick<CareView, "findings" | "missing" | "last">): boolean {
  return findings.some(({ severity }) => severity === "broken") || missing.length > 0 || isOpen(last);
}

/** An interrupted repair that nobody has looked at. */
export function isOpen(last: CareView["last"]): boolean {
  return last !== null && last.interrupted && !last.acknowledged;
}
