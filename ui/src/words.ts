import { computed, ref, type ComputedRef } from "vue";

import type { Language } from "./backend";
import { en, type Words } from "./locales/en";
import { zh } from "./locales/zh";

const LOCALES: Readonly<Record<Language, Words>> = { en, zh };

/** The language of the window. */
export const tongue = ref<Language>(preferred(navigator.languages));

const words = computed(() => LOCALES[tongue.value]);

/** Every word of the window, in its language. */
export function useWords(): ComputedRef<Words> {
  return words;
}

/** The first preference that is one of ours: used until the program says its own. */
export function preferred(languages: readonly string[]): Language {
  for (const language of languages) {
    if (/^zh\b/i.test(language)) return "zh";
    if (/^en\b/i.test(language)) return "en";
  }
  return "en";
}
