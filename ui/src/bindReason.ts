import type { Words } from "./locales/en";

/** Why a binding ended, in words; a reason of a newer service is `other`. */
export function bindReason(reason: string, words: Words): { what: string; next: string } {
  const reasons = words.bind.reasons;
  return Object.hasOwn(reasons, reason) ? reasons[reason as keyof typeof reasons] : reasons.other;
}
