import type { CareView, ChainLink, LinkRow } from "./backend";
import type { Words } from "./locales/en";

/** What a mark beside a state looks like. */
export type HealthShape = "good" | "bad" | "aged" | "unsure" | "hidden" | "off" | "behind" | "wait";

/** A look that is older shows nothing any more, ms: as the program judges it (`care::chain::FRESH_MS`). */
export const FRESH_MS = 60_000;

/** Whether a look is as good as now. */
export function isFresh(atMs: number | null, now: number): boolean {
  return atMs !== null && now - atMs <= FRESH_MS;
}

/** The row as it is now: what the program told as working ages while nobody looks. */
export function rowNow(row: LinkRow, now: number): LinkRow {
  return row.state === "works" && !isFresh(row.atMs, now) ? { ...row, state: "stale" } : row;
}

/** When the first of these rows is not fresh any more, ms since 1970; null: none is fresh. */
export function agesAt(rows: readonly LinkRow[], now: number): number | null {
  const ends = rows.flatMap((row) => (row.state === "works" && row.atMs !== null && isFresh(row.atMs, now) ? [row.atMs + FRESH_MS + 1] : []));
  return ends.length === 0 ? null : Math.min(...ends);
}

/** A link in words: its state, and how old that is. */
export type LinkStory = { shape: HealthShape; text: string; age: string };

/** `at` says a moment. The row is one of {@link rowNow}. */
export function linkStory(row: LinkRow, now: number, at: (ms: number) => string, words: Words): LinkStory {
  const say = words.health;
  const age = row.atMs === null ? "" : isFresh(row.atMs, now) ? say.checkedNow : say.checkedAt(at(row.atMs));
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

/** All of it in a sentence. Good only while every link works; the rows are those of {@link rowNow}. */
export function overall(care: Pick<CareView, "findings" | "lookedMs">, rows: readonly LinkRow[], words: Words): { shape: HealthShape; title: string; text: string } {
  const say = words.health;
  const broken = care.findings.filter(({ severity }) => severity === "broken").length;
  const states = new Set(rows.map(({ state }) => state));
  if (broken > 0 || states.has("broken")) return { shape: "bad", title: say.someBroken(Math.max(broken, 1)), text: "" };
  if (rows.every(({ state }) => state === "notLooked")) return { shape: "off", title: say.notYet, text: say.notYetText };
  if (rows.every(({ state }) => state === "works")) {
    const warned = care.findings.some(({ severity }) => severity === "warning");
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
