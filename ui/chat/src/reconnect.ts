/** How long to wait: for an answer, and before the next try. */

const CEILING = 30_000;
const BASE = 500;

/** Time for a TCP connection and a hello, and from there to `ready`, in milliseconds. */
export const GREETING_LIMIT = 10_000;

/** A dial younger than this is left alone by a wake-up. */
export const FRESH_DIAL = 2_000;

/** How long a session must have lived for earlier failures to be forgotten, milliseconds. */
export const SETTLED_AFTER = 60_000;

/**
 * A random wait in milliseconds after `failures` failures in a row: full jitter, so that a house full of devices does not come back all at once.
 * At least `least`, which the service may have named.
 */
export function redialDelay(failures: number, least: number, random: () => number): number {
  const most = Math.min(CEILING, BASE * 2 ** Math.min(failures, 16));
  return Math.max(least, Math.floor(random() * most));
}
