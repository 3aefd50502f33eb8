import type { Failure } from "./backend";
import type { Words } from "./locales/en";

/** The exact words of a failure, for those who want them; empty where there are none. */
export function detailText({ code, detail }: Failure): string {
  if (detail === undefined || detail === null || detail === "") return "";
  return `${code}: ${typeof detail === "string" ? detail : JSON.stringify(detail)}`;
}

/** A whole number of the detail, such as the tries that are left. */
export function detailNumber({ detail }: Failure, name: string): number | null {
  if (typeof detail !== "object" || detail === null) return null;
  const value = (detail as Record<string, unknown>)[name];
  return typeof value === "number" ? value : null;
}

/** What happened and what to do next; a code of a newer program is `unrecognised`. */
export function failureWords({ code }: Failure, words: Words): { what: string; next: string } {
  const told = words.failures;
  return Object.hasOwn(told, code) ? told[code as keyof typeof told] : told.unrecognised;
}
