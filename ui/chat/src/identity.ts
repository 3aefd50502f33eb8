/** Who this phone is, for which computer. */
import { equalBytes } from "./encoding.ts";
import { clearHistory, restart } from "./history.ts";
import type { Records } from "./store.ts";

/** A key of this phone and the service it is for. */
export interface Binding {
  /** Private seed of this phone's Ed25519 key, 32 bytes. */
  readonly seed: Uint8Array;
  /** The service's public key, 32 bytes: the only one this phone talks to. */
  readonly spk: Uint8Array;
  /** What the service calls itself. */
  readonly service: string;
  /** What the person calls this phone. */
  readonly phone: string;
  /** When it was made, milliseconds since 1970. */
  readonly at: number;
}

/** `bound`: confirmed at the computer. `pending`: claimed, and not known to be confirmed; an older binding stays until it is. */
export interface Identity {
  readonly bound: Binding | null;
  readonly pending: Binding | null;
}

/** Reads who this phone is. */
export async function loadIdentity(records: Records): Promise<Identity> {
  const [bound, pending] = [await records.get<Binding>("identity", "bound"), await records.get<Binding>("identity", "pending")];
  return { bound: bound ?? null, pending: pending ?? null };
}

/** Notes a claim before it is sent: should its confirmation get lost on the way, the key is still here. */
export async function notePending(records: Records, pending: Binding): Promise<void> {
  await records.put("identity", "pending", pending);
}

/** Drops a claim that the service does not know. */
export async function dropPending(records: Records): Promise<void> {
  await records.remove("identity", "pending");
}

/**
 * Makes the claim the binding. What was said with another computer goes; with the same one it stays, and the count of replies starts again.
 */
export async function promotePending(records: Records): Promise<void> {
  const { bound, pending } = await loadIdentity(records);
  if (pending === null) return;
  if (bound !== null && !equalBytes(bound.spk, pending.spk)) await clearHistory(records);
  else await restart(records, "");
  await records.put("identity", "bound", pending);
  await records.remove("identity", "pending");
}

/** The person's own reset: key and history go. */
export async function forgetEverything(records: Records): Promise<void> {
  await records.clear("identity");
  await clearHistory(records);
}
