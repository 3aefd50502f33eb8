/** What was said: the entries on disk, their rules, and the standing with the service that belongs to them. */
import { type Records, type Store, StoreError } from "./store.ts";
import type { Reply } from "./wire.ts";

/** Entries kept; older ones go. */
export const KEPT = 500;

/** Entries above {@link KEPT} before old ones are removed, so that not every message pays for it. */
const SLACK = 50;

/** A message of the person. */
export interface Mine {
  readonly who: "me";
  /** Place in the conversation. */
  readonly seq: number;
  readonly id: string;
  readonly text: string;
  /** When it was written here; for display only. */
  readonly at: number;
  /** `waiting`: not on the computer's disk yet. `saved`: it is. `answered`, `failed`: over. */
  readonly state: "waiting" | "saved" | "answered" | "failed";
  /** Why it failed. */
  readonly code?: number;
}

/** A reply, or the assistant speaking first. */
export interface Theirs {
  readonly who: "assistant";
  readonly seq: number;
  readonly rid: string;
  readonly text: string;
  readonly at: number;
  /** The message it answers. */
  readonly re?: string;
  readonly late?: boolean;
  /** It tells of an error. */
  readonly code?: number;
  /** Who says it, where it is not just the answer. */
  readonly by?: string;
}

export type Entry = Mine | Theirs;

/** How far this phone got with one store of the service. */
export interface Progress {
  readonly epoch: string;
  readonly lastN: number;
}

interface Standing extends Progress {
  readonly nextSeq: number;
  readonly count: number;
}

const NEW: Standing = { epoch: "", lastN: 0, nextSeq: 1, count: 0 };

async function standing(records: Records): Promise<Standing> {
  return (await records.get<Standing>("standing", "now")) ?? NEW;
}

const keyOf = (entry: Entry): string => (entry.who === "me" ? `m:${entry.id}` : `r:${entry.rid}`);

/** Everything said so far, in order. */
export async function loadEntries(records: Records): Promise<Entry[]> {
  return (await records.all<Entry>("entries")).sort((one, other) => one.seq - other.seq);
}

/** How far this phone got. */
export async function loadProgress(records: Records): Promise<Progress> {
  const { epoch, lastN } = await standing(records);
  return { epoch, lastN };
}

/** Forgets how far this phone got, not what it showed: the service sends again, and known replies are recognised. */
export async function restart(records: Records, epoch: string): Promise<void> {
  await records.put("standing", "now", { ...(await standing(records)), epoch, lastN: 0 });
}

/** Forgets all of it. */
export async function clearHistory(records: Records): Promise<void> {
  await records.clear("entries");
  await records.clear("standing");
}

/** Saves a message that is to be sent. */
export function addMine(store: Store, message: Pick<Mine, "id" | "text" | "at">): Promise<Mine> {
  return makingRoom(store, async (records) => {
    const now = await standing(records);
    const mine: Mine = { who: "me", seq: now.nextSeq, ...message, state: "waiting" };
    await add(records, now, mine);
    return mine;
  });
}

/** Saves what became of a message. One that is over stays over, except that an answer overrules a failure. */
export function settleMine(store: Store, id: string, state: Mine["state"], code?: number): Promise<Mine | null> {
  return makingRoom(store, async (records) => {
    const mine = await records.get<Mine>("entries", `m:${id}`);
    if (mine === undefined) return null;
    const next = settled(mine, state, code);
    if (next !== mine) await records.put("entries", keyOf(next), next);
    return next;
  });
}

function settled(mine: Mine, state: Mine["state"], code: number | undefined): Mine {
  const rank = { waiting: 0, saved: 1, failed: 2, answered: 3 } as const;
  if (rank[state] < rank[mine.state] || (state === mine.state && code === mine.code)) return mine;
  const { code: _, ...rest } = mine;
  return code === undefined ? { ...rest, state } : { ...rest, state, code };
}

/** A new id for a message whose old one the service has seen with other words. */
export function renameMine(store: Store, id: string, newId: string): Promise<Mine | null> {
  return makingRoom(store, async (records) => {
    const mine = await records.get<Mine>("entries", `m:${id}`);
    if (mine === undefined) return null;
    const renamed: Mine = { ...mine, id: newId };
    await records.remove("entries", keyOf(mine));
    await records.put("entries", keyOf(renamed), renamed);
    return renamed;
  });
}

/** After the service forgot this phone's queue nobody knows what became of messages it had: says so on each. */
export async function doubtSaved(records: Records, code: number): Promise<void> {
  for (const entry of await loadEntries(records)) {
    if (entry.who === "me" && entry.state === "saved") await records.put("entries", keyOf(entry), settled(entry, "failed", code));
  }
}

/** What `takeReply` did: the entry to show, or `null` for a reply that was shown before; and the message it settles. */
export interface Taken {
  readonly shown: Theirs | null;
  readonly answered: Mine | null;
}

/**
 * Saves a reply, that it was shown, and what it means for its message, in one write. A reply that is known, by its count or its id, is taken
 * but not shown again.
 */
export function takeReply(store: Store, reply: Reply, epoch: string, at: number): Promise<Taken> {
  return makingRoom(store, async (records) => {
    const now = await standing(records);
    if (now.epoch === epoch && reply.n <= now.lastN) return { shown: null, answered: null };
    const advanced = { ...now, epoch, lastN: reply.n };
    if ((await records.get("entries", `r:${reply.rid}`)) !== undefined) {
      await records.put("standing", "now", advanced);
      return { shown: null, answered: null };
    }
    const shown = theirs(reply, now.nextSeq, at);
    await add(records, advanced, shown);
    const mine = reply.re === undefined ? undefined : await records.get<Mine>("entries", `m:${reply.re}`);
    if (mine === undefined) return { shown, answered: null };
    const answered = settled(mine, reply.code === undefined ? "answered" : "failed", reply.code);
    await records.put("entries", keyOf(answered), answered);
    return { shown, answered };
  });
}

/** The entry that a reply becomes. */
export function theirs(reply: Reply, seq: number, at: number): Theirs {
  return {
    who: "assistant",
    seq,
    rid: reply.rid,
    text: reply.text,
    at,
    ...(reply.re === undefined ? {} : { re: reply.re }),
    ...(reply.late === true ? { late: true } : {}),
    ...(reply.code === undefined ? {} : { code: reply.code }),
    ...(reply.by === undefined ? {} : { by: reply.by }),
  };
}

async function add(records: Records, now: Standing, entry: Entry): Promise<void> {
  await records.put("entries", keyOf(entry), entry);
  let count = now.count + 1;
  if (count > KEPT + SLACK) count -= await prune(records, count - KEPT);
  await records.put("standing", "now", { ...now, nextSeq: now.nextSeq + 1, count });
}

/** Removes the oldest entries, never one that still waits to be sent. Returns how many went. */
async function prune(records: Records, surplus: number): Promise<number> {
  const old = (await loadEntries(records)).filter((entry) => entry.who !== "me" || entry.state !== "waiting").slice(0, surplus);
  for (const entry of old) await records.remove("entries", keyOf(entry));
  return old.length;
}

/** Runs a write; where there is no room, the older half of the history goes first. */
async function makingRoom<T>(store: Store, work: (records: Records) => Promise<T>): Promise<T> {
  try {
    return await store.atomically(work);
  } catch (error) {
    if (!(error instanceof StoreError) || error.reason !== "full") throw error;
    await store.atomically(async (records) => {
      const now = await standing(records);
      const removed = await prune(records, Math.ceil(now.count / 2));
      await records.put("standing", "now", { ...now, count: now.count - removed });
    });
    return store.atomically(work);
  }
}
