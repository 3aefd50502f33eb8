/** Minutes before now, ms since 1970. */
export function ago(minutes: number): number {
  return Date.now() - minutes * 60_000;
}
