/** A pocket world for whole phones: one clock, one disk, a service, and chance. */
import { type Entry, loadEntries } from "../src/history.ts";
import { Phone, type World } from "../src/phone.ts";
import { MemoryStore, type Records, type Store, StoreError } from "../src/store.ts";
import type { Dice, ScriptedService } from "./scriptedService.ts";

/** A disk whose every write waits before it happens and before its writer hears of it. A page that dies in between leaves it undone or unheard. */
export class SlowStore implements Store {
  readonly lasting = true;
  readonly gates: (() => void)[] = [];
  full = false;
  private dead = false;

  constructor(
    private readonly disk: MemoryStore,
    /** A liar says "on disk" before it is: the twin that a test must catch. */
    private readonly lies = false,
  ) {}

  async atomically<T>(work: (records: Records) => Promise<T>): Promise<T> {
    if (this.full) throw new StoreError("full", null);
    if (this.lies) {
      const preview = await rehearse(this.disk, work);
      void this.gate().then(() => this.disk.atomically(work));
      return preview;
    }
    await this.gate();
    const result = await this.disk.atomically(work);
    await this.gate();
    return result;
  }

  private gate(): Promise<void> {
    if (this.dead) return new Promise(() => undefined);
    return new Promise((resolve) => this.gates.push(resolve));
  }

  /** The page is gone: nothing of it happens any more. */
  die(): void {
    this.dead = true;
    this.gates.length = 0;
  }
}

class Rehearsed extends Error {
  constructor(readonly result: unknown) {
    super("rehearsed");
  }
}

async function rehearse<T>(disk: MemoryStore, work: (records: Records) => Promise<T>): Promise<T> {
  try {
    return await disk.atomically(async (records) => {
      throw new Rehearsed(await work(records));
    });
  } catch (error) {
    if (error instanceof Rehearsed) return error.result as T;
    throw error;
  }
}

export interface Tab {
  phone: Phone;
  store: SlowStore;
  alarm: { at: number; ring: () => void } | null;
}

export class Pocket {
  now = 1_700_000_000_000;
  readonly disk = new MemoryStore();
  tabs: Tab[] = [];

  constructor(
    readonly dice: Dice,
    public service: ScriptedService,
    private readonly lies = false,
  ) {}

  /** A new page on this phone. */
  openTab(): Tab {
    const store = new SlowStore(this.disk, this.lies);
    const world: World = {
      now: () => this.now,
      random: this.dice.next,
      bytes: this.dice.bytes,
      dial: (heard, closed) => this.service.dial(heard, closed),
      alarm: (at, ring) => (tab.alarm = at === null ? null : { at, ring }),
      announce: (what) => {
        for (const other of this.tabs) if (other !== tab) void other.phone.storeChanged(what);
      },
      changed: () => undefined,
    };
    const tab: Tab = { phone: new Phone(store, world), store, alarm: null };
    this.tabs.push(tab);
    return tab;
  }

  /** The browser kills the page: no goodbye, and no last write. */
  kill(tab: Tab): void {
    tab.store.die();
    this.tabs = this.tabs.filter((other) => other !== tab);
    this.service.breakAll();
    tab.alarm = null;
  }

  /** Lets promises run. */
  async breathe(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** One write of the disk. */
  turnDisk(): boolean {
    const tab = this.tabs.find((candidate) => candidate.store.gates.length > 0);
    tab?.store.gates.shift()?.();
    return tab !== undefined;
  }

  /** Rings the next alarm. */
  passTime(limit = Infinity): boolean {
    const tab = this.tabs.filter((candidate) => candidate.alarm !== null).sort((one, other) => (one.alarm?.at ?? 0) - (other.alarm?.at ?? 0))[0];
    if (tab?.alarm == null || tab.alarm.at > this.now + limit) return false;
    const { at, ring } = tab.alarm;
    this.now = Math.max(this.now, at);
    tab.alarm = null;
    ring();
    return true;
  }

  /** Lets everything happen that can happen without waiting long. */
  async settle(patience = 45_000): Promise<void> {
    for (let round = 0; round < 20_000; round++) {
      await this.breathe();
      let moved = this.turnDisk();
      for (const connection of this.service.open) moved = connection.deliverToService() || connection.deliverToPhone() || moved;
      if (moved) continue;
      if (this.quiet() || !this.passTime(patience)) return;
    }
    throw new Error("the world does not come to rest");
  }

  private quiet(): boolean {
    const resting = (phone: Phone): boolean =>
      ["connected", "assistant_away", "stopped"].includes(phone.connection.is) || (phone.page.is === "bind" && phone.claim.is === "code");
    const busy = this.tabs.some((tab) => tab.store.gates.length > 0 || !resting(tab.phone));
    const inFlight = this.service.open.some((connection) => connection.toPhone.length > 0 || connection.toService.length > 0);
    return !busy && !inFlight && this.tabs.every((tab) => tab.alarm === null || tab.alarm.at > this.now + 20_000);
  }

  entries(): Promise<Entry[]> {
    return this.disk.atomically(loadEntries);
  }

  /** Binds the phone of a tab by a fresh code. */
  async bind(tab: Tab, name = "Phone"): Promise<void> {
    void tab.phone.start({ is: "code", code: this.service.newCode() });
    await this.settle();
    void tab.phone.bind(name);
    await this.settle();
    if (tab.phone.claim.is !== "code") throw new Error(`no code: ${JSON.stringify(tab.phone.claim)}`);
    tab.phone.codeShown();
    await this.settle();
    if (!this.service.confirm()) throw new Error("nothing to confirm");
    await this.settle();
  }
}
