/** How long to wait before the next try: full jitter, so that a house full of devices does not come back all at once. */

const CEILING = 30_000;
const BASE = 500;

/** How long a session must have lived for earlier failures to be forgotten, milliseconds. */
export const SETTLED_AFTER = 60_000;

/** A random wait in milliseconds after `failures` failures in a row; at least `least`, which the service may have named. */
export function redialDelay(failures: number, least: number, random: () => number): number {
  const most = Math.min(CEILING, BASE * 2 ** Math.min(failures, 16));
  return Math.max(least, Math.floor(random() * most));
}
