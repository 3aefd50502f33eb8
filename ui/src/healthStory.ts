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
      return { shape: "aged", text: row.atMs === null ? say.stale : say.staleAt(at(row.atMs)), age: "" };
    case "unproven":
      return { shape: "unsure", text: say.unproven, age };
    case "cannotSee":
      return { shape: "hidden", text: say.cannotSee, age };
    case "notLooked":
      return { shape: "off", text: say.notLooked, age: "" };
    case "behind":
      return { shape: "behind", text: row.behind === null ? say.behindSome : say.behind(linkName(row.behind, words)), age: "" };
  }
}

export function linkName(link: ChainLink, words: Words): string {
  return words.health.links[link].name;
}

/** All of it in a sentence. Good only while every link works. */
export function overall({ findings, rows }: Pick<CareView, "findings" | "rows">, words: Words): { shape: HealthShape; title: string; text: string } {
  const say = words.health;
  const broken = findings.filter(({ severity }) => severity === "broken").length;
  const states = new Set(rows.map(({ state }) => state));
  if (broken > 0 || states.has("broken")) return { shape: "bad", title: say.someBroken(Math.max(broken, 1)), text: "" };
  if (rows.every(({ state }) => state === "notLooked")) return { shape: "off", title: say.notYet, text: say.notYetText };
  if (rows.every(({ state }) => state === "works")) {
    const warned = findings.some(({ severity }) => severity === "warning");
    return warned ? { shape: "wait", title: say.worksForNow, text: say.worksForNowText } : { shape: "good", title: say.allWell, text: say.allWellText };
  }
  if (rows.every(({ state }) => state === "works" || state === "stale")) return { shape: "aged", title: say.agedTitle, text: say.agedText };
  return { shape: "unsure", title: say.unsureTitle, text: say.unsureText };
}

/** Whether something waits for the person: what the navigation and the tray point at. */
export function needsAttention({ findings, last }: Pick<CareView, "findings" | "last">): boolean {
  return findings.some(({ severity }) => severity === "broken") || isOpen(last);
}

/** An interrupted repair that nobody has looked at. */
export function isOpen(last: CareView["last"]): boolean {
  return last !== null && last.interrupted && !last.acknowledged;
}
