/** Times and spans in plain words. */

import type { Language } from "./backend";
import type { Words } from "./locales/en";

const DAY_MS = 86_400_000;

const clock = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** `14:02`, as the tray says it. */
export function timeOfDay(ms: number): string {
  return clock.format(ms);
}

/** Midnight of the day that a moment is in, ms since 1970. */
export function dayOf(ms: number): number {
  return new Date(ms).setHours(0, 0, 0, 0);
}

/** Whole days between two moments; 0: the same day. Daylight saving makes days of 23 and 25 hours. */
export function daysBetween(earlier: number, later: number): number {
  return Math.round((dayOf(later) - dayOf(earlier)) / DAY_MS);
}

/** `3 November`, with the year where it is another one than now. */
export function dateOf(ms: number, now: number, tongue: Language): string {
  const year = new Date(ms).getFullYear() === new Date(now).getFullYear() ? undefined : "numeric";
  return new Intl.DateTimeFormat(tongue === "zh" ? "zh-CN" : "en-GB", { day: "numeric", month: "long", year }).format(ms);
}

/** `14:02`, `yesterday 18:20` or `3 November 18:20`. */
export function moment(ms: number, now: number, tongue: Language, words: Words): string {
  const days = daysBetween(ms, now);
  if (days === 0) return timeOfDay(ms);
  if (days === 1) return words.parts.yesterdayAt(timeOfDay(ms));
  return `${dateOf(ms, now, tongue)} ${timeOfDay(ms)}`;
}

/** Heading of a day: `Today`, `Yesterday` or `3 November`. */
export function dayHeading(ms: number, now: number, tongue: Language, words: Words): string {
  const days = daysBetween(ms, now);
  if (days === 0) return words.parts.today;
  return days === 1 ? words.parts.yesterday : dateOf(ms, now, tongue);
}

/** `80 ms`, `0.8 s`, `4.2 s`, `41 s` or `2 min 5 s`. */
export function span(ms: number, words: Words): string {
  if (ms < 100) return words.parts.ms(Math.max(0, Math.round(ms)));
  if (ms < 9_950) return words.parts.seconds((ms / 1000).toFixed(1));
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? words.parts.seconds(String(seconds)) : words.parts.minutes(Math.floor(seconds / 60), seconds % 60);
}
