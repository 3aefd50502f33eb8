import type { ActivityTurn, ActivityUnasked, NoticeView } from "./backend";

/** Something that happened: a question of a device, words that it had not asked for, or a notice. */
export type Entry = { key: string; atMs: number } & (
  | { turn: ActivityTurn; unasked?: undefined; notice?: undefined }
  | { unasked: ActivityUnasked; turn?: undefined; notice?: undefined }
  | { notice: NoticeView; turn?: undefined; unasked?: undefined }
);

/** What happened on one day, newest first. */
export type Day = { dayMs: number; entries: Entry[] };

/** What was loaded, each newest first. */
export interface Loaded { turns: readonly ActivityTurn[]; unasked: readonly ActivityUnasked[] }

const turnKey = (turn: ActivityTurn): string => `${turn.deviceKey}.${turn.id}`;

/** Fresh entries in the place of those with the same id, the rest kept; newest first. */
export function joined(known: Loaded, fresh: Loaded): Loaded {
  const turns = new Map([...known.turns, ...fresh.turns].map((turn) => [turnKey(turn), turn]));
  const unasked = new Map([...known.unasked, ...fresh.unasked].map((entry) => [entry.rid, entry]));
  return {
    turns: [...turns.values()].sort((one, other) => other.receivedMs - one.receivedMs),
    unasked: [...unasked.values()].sort((one, other) => other.atMs - one.atMs),
  };
}

/** Whether something is in both. */
export function overlap(one: Loaded, other: Loaded): boolean {
  return one.turns.some(({ id }) => other.turns.some((known) => known.id === id)) || one.unasked.some(({ rid }) => other.unasked.some((known) => known.rid === rid));
}

/** The time of the oldest that was loaded; nothing where nothing was. */
export function oldestOf({ turns, unasked }: Loaded): number | undefined {
  const times = [turns.at(-1)?.receivedMs, unasked.at(-1)?.atMs].filter((at) => at !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
}

/**
 * Everything in one line, newest first, by day. While older entries are not loaded (`more`), notices that are older than the oldest loaded one are held back: they would
 * stand above entries that belong between them.
 */
export function timeline(loaded: Loaded, notices: readonly NoticeView[], more: boolean, dayOf: (ms: number) => number): Day[] {
  const oldest = more ? (oldestOf(loaded) ?? Infinity) : -Infinity;
  const entries: Entry[] = [
    ...loaded.turns.map((turn): Entry => ({ key: turnKey(turn), atMs: turn.receivedMs, turn })),
    ...loaded.unasked.map((unasked): Entry => ({ key: `unasked.${unasked.rid}`, atMs: unasked.atMs, unasked })),
    ...notices.filter(({ atMs }) => atMs >= oldest).map((notice): Entry => ({ key: `notice.${notice.id}`, atMs: notice.atMs, notice })),
  ];
  entries.sort((one, other) => other.atMs - one.atMs);
  const days: Day[] = [];
  for (const entry of entries) {
    const dayMs = dayOf(entry.atMs);
    const last = days.at(-1);
    if (last?.dayMs === dayMs) last.entries.push(entry);
    else days.push({ dayMs, entries: [entry] });
  }
  return days;
}
