/** What every view needs to know. */
import type { Phone } from "../phone.ts";
import { fingerprint, keyPin } from "../proof.ts";
import type { Language, Say } from "../words.ts";

export interface Scene {
  readonly phone: Phone;
  readonly say: Say;
  readonly language: Language;
  /** Default name for this phone. */
  readonly deviceName: string;
  /** Says something to a screen reader once. */
  announce(text: string): void;
  switchLanguage(): void;
  reload(): void;
}

export interface View {
  readonly root: HTMLElement;
  /** Draws what changed. */
  update(): void;
  /** Puts the focus where the person goes on. */
  focus(): void;
}

/** The first 8 hex digits of a service key, in two groups that can be read aloud. */
export function readableKey(spk: Uint8Array): string {
  return grouped(fingerprint(keyPin(spk)));
}

/** Two groups of four. */
export function grouped(digits: string): string {
  return `${digits.slice(0, 4)} ${digits.slice(4, 8)}`;
}

/** The locale for times and dates: the person's own kind of the language on the page. */
export function localeOf(language: Language): string {
  const own = navigator.languages.find((preference) => preference.toLowerCase().startsWith(language));
  return own ?? (language === "zh" ? "zh-CN" : "en");
}

/** Hours and minutes as the language writes them. */
export function clockTime(at: number, language: Language): string {
  return new Intl.DateTimeFormat(localeOf(language), { timeStyle: "short" }).format(at);
}
