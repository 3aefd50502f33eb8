import type { Failure } from "./backend";

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
