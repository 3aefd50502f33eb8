/** The same promises from both stores: whole transactions or none, in order, and room made where there is none. */
import { IDBFactory } from "fake-indexeddb";
import { describe, expect, it } from "vitest";

import { addMine, KEPT, loadEntries, loadProgress, restart, settleMine, takeReply } from "../src/history.ts";
import { type Binding, forgetEverything, loadIdentity, notePending, promotePending } from "../src/identity.ts";
import { openStore } from "../src/indexedStore.ts";
import { MemoryStore, type Records, type Store, StoreError } from "../src/store.ts";
import { isUlid, newUlid } from "../src/ulid.ts";
import type { Reply } from "../src/wire.ts";

const stores: [string, () => Promise<Store>][] = [
  ["in memory", async () => new MemoryStore()],
  ["in IndexedDB", () => openStore(new IDBFactory())],
];
let ids = 0;
const nextId = (): string => newUlid(++ids, new Uint8Array(10));
const reply = (n: number, fields: Partial<Reply> = {}): Reply => ({ t: "reply", n, rid: `r-${n}`, text: `answer ${n}`, ...fields });
const binding = (spk: number): Binding => ({ seed: new Uint8Array(32).fill(1), spk: new Uint8Array(32).fill(spk), service: `S${spk}`, phone: "P", at: 1 });

describe.each(stores)("a store %s", (_, open) => {
  it("keeps a transaction that ends and nothing of one that throws", async () => {
    const store = await open();
    await store.atomically((records) => records.put("identity", "a", 1));
    const failing = store.atomically(async (records) => {
      await records.put("identity", "a", 2);
      await records.clear("entries");
      throw new RangeError("on purpose");
    });
    await expect(failing).rejects.toThrow(RangeError);
    expect(await store.atomically((records) => records.get("identity", "a"))).toBe(1);
    expect(await store.atomically((records) => records.get("identity", "b"))).toBeUndefined();
  });

  it("runs transactions one after the other", async () => {
    const store = await open();
    const add = (): Promise<void> => store.atomically(async (records) => records.put("standing", "count", ((await records.get<number>("standing", "count")) ?? 0) + 1));
    await Promise.all(Array.from({ length: 50 }, add));
    expect(await store.atomically((records) => records.get("standing", "count"))).toBe(50);
  });

  it("takes a reply once: by its count, and after a restart by its id", async () => {
    const store = await open();
    const mine = await addMine(store, { id: nextId(), text: "hello", at: 1 });
    expect(await takeReply(store, reply(1, { re: mine.id }), "e1", 2)).toMatchObject({ shown: { rid: "r-1" }, answered: { state: "answered" } });
    expect(await takeReply(store, reply(1), "e1", 3)).toEqual({ shown: null, answered: null });
    await store.atomically((records) => restart(records, "e2"));
    expect(await takeReply(store, reply(4, { rid: "r-1" }), "e2", 4)).toEqual({ shown: null, answered: null });
    expect(await takeReply(store, reply(5), "e2", 5)).toMatchObject({ shown: { rid: "r-5" } });
    expect(await store.atomically(loadProgress)).toEqual({ epoch: "e2", lastN: 5 });
    expect((await store.atomically(loadEntries)).map((entry) => entry.text)).toEqual(["hello", "answer 1", "answer 5"]);
  });

  it("never takes a message back to an earlier state", async () => {
    const store = await open();
    const { id } = await addMine(store, { id: nextId(), text: "hello", at: 1 });
    await settleMine(store, id, "saved");
    expect(await settleMine(store, id, "waiting")).toMatchObject({ state: "saved" });
    await takeReply(store, reply(1, { re: id, code: 9019 }), "e", 1);
    expect(await settleMine(store, id, "saved")).toMatchObject({ state: "failed", code: 9019 });
    expect(await takeReply(store, reply(2, { re: id, late: true }), "e", 1)).toMatchObject({ answered: { state: "answered" } });
    expect(await settleMine(store, nextId(), "saved")).toBeNull();
  });

  it("keeps the newest, and all that still waits", async () => {
    const store = await open();
    const old = await addMine(store, { id: nextId(), text: "still waiting", at: 1 });
    for (let n = 1; n <= KEPT + 100; n++) await takeReply(store, reply(n), "e", n);
    const entries = await store.atomically(loadEntries);
    expect(entries.length).toBeGreaterThanOrEqual(KEPT);
    expect(entries.length).toBeLessThanOrEqual(KEPT + 50);
    expect(entries[0]).toEqual(old);
    expect(entries.at(-1)).toMatchObject({ rid: `r-${KEPT + 100}` });
  });

  it("holds on to the old computer until the new one is confirmed", async () => {
    const store = await open();
    await store.atomically((records) => notePending(records, binding(1)));
    await store.atomically(promotePending);
    await addMine(store, { id: nextId(), text: "to the first", at: 1 });
    await store.atomically((records) => notePending(records, binding(2)));
    expect(await store.atomically(loadIdentity)).toEqual({ bound: binding(1), pending: binding(2) });
    expect(await store.atomically(loadEntries)).toHaveLength(1);
    await store.atomically(promotePending);
    expect(await store.atomically(loadIdentity)).toEqual({ bound: binding(2), pending: null });
    expect(await store.atomically(loadEntries)).toHaveLength(0);
    await store.atomically(promotePending);
    expect(await store.atomically(loadIdentity)).toEqual({ bound: binding(2), pending: null });
    await store.atomically(forgetEverything);
    expect(await store.atomically(loadIdentity)).toEqual({ bound: null, pending: null });
  });
});

describe("a store without room", () => {
  /** Takes so many entries and no more. */
  class SmallStore extends MemoryStore {
    override async atomically<T>(work: (records: Records) => Promise<T>): Promise<T> {
      return super.atomically(async (records) => {
        const result = await work(records);
        if ((await records.all("entries")).length > 10) throw new StoreError("full", null);
        return result;
      });
    }
  }

  it("gives up old messages for new ones, and never those that wait", async () => {
    const store = new SmallStore();
    const waiting = await addMine(store, { id: nextId(), text: "waiting", at: 1 });
    for (let n = 1; n <= 40; n++) await takeReply(store, reply(n), "e", n);
    const entries = await store.atomically(loadEntries);
    expect(entries[0]).toEqual(waiting);
    expect(entries.at(-1)).toMatchObject({ rid: "r-40" });
  });

  it("says so when nothing can go", async () => {
    const store = new SmallStore();
    for (let count = 0; count < 10; count++) await addMine(store, { id: nextId(), text: "waiting", at: 1 });
    await expect(addMine(store, { id: nextId(), text: "one more", at: 1 })).rejects.toMatchObject({ reason: "full" });
    expect(await store.atomically(loadEntries)).toHaveLength(10);
  });
});

describe("opening", () => {
  it("falls back to memory where the browser allows nothing", async () => {
    expect((await openStore(undefined)).lasting).toBe(typeof indexedDB !== "undefined");
    const refusing = { open: () => expect.fail("not reached") } as unknown as IDBFactory;
    expect((await openStore(refusing)).lasting).toBe(false);
    expect((await openStore(new IDBFactory())).lasting).toBe(true);
  });

  it("finds what an earlier page saved", async () => {
    const factory = new IDBFactory();
    await addMine(await openStore(factory), { id: nextId(), text: "hello", at: 1 });
    expect(await (await openStore(factory)).atomically(loadEntries)).toMatchObject([{ text: "hello" }]);
  });
});

describe("ids", () => {
  it("are ULIDs in the order of time", () => {
    expect(newUlid(0, new Uint8Array(10))).toBe("0".repeat(26));
    expect(newUlid(2 ** 48 - 1, new Uint8Array(10).fill(255))).toBe(`7${"Z".repeat(25)}`);
    const [early, late] = [newUlid(1_700_000_000_000, new Uint8Array(10).fill(255)), newUlid(1_700_000_000_001, new Uint8Array(10))];
    expect(early < late).toBe(true);
    expect([early, late].every(isUlid)).toBe(true);
  });
});
