import type { ActivityTurn, NoticeView } from "./backend";

/** Something that happened: a question of a device, or a notice. */
export type Entry = { key: string; atMs: number; turn: ActivityTurn; notice?: undefined } | { key: string; atMs: number; notice: NoticeView; turn?: undefined };

/** What happened on one day, newest first. */
export type Day = { dayMs: number; entries: Entry[] };

/** Turns in the place of those with the same id, the rest kept; newest first. */
export function joined(known: readonly ActivityTurn[], fresh: readonly ActivityTurn[]): ActivityTurn[] {
  const name = (turn: ActivityTurn): string => `${turn.deviceKey}.${turn.id}`;
  const all = new Map([...known, ...fresh].map((turn) => [name(turn), turn]));
  return [...all.values()].sort((one, other) => other.receivedMs - one.receivedMs);
}

/**
 * Turns and notices in one line, newest first, by day. While older turns are not loaded (`more`), notices that are older than the oldest loaded turn are held back: they
 * would stand above turns that belong between them.
 */
export function timeline(turns: readonly ActivityTurn[], notices: readonly NoticeView[], more: boolean, dayOf: (ms: number) => number): Day[] {
  const oldest = more ? (turns.at(-1)?.receivedMs ?? Infinity) : -Infinity;
  const entries: Entry[] = [
    ...turns.map((turn): Entry => ({ key: `${turn.deviceKey}.${turn.id}`, atMs: turn.receivedMs, turn })),
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
