/** Where this phone keeps things: records in drawers, changed in transactions that happen whole or not at all. */

/** The drawers: who this phone is, where it stands with the service, and what was said. */
export const DRAWERS = ["identity", "standing", "entries"] as const;
export type Drawer = (typeof DRAWERS)[number];

/** The records inside one transaction. */
export interface Records {
  get<T>(drawer: Drawer, key: string): Promise<T | undefined>;
  put(drawer: Drawer, key: string, value: unknown): Promise<void>;
  remove(drawer: Drawer, key: string): Promise<void>;
  all<T>(drawer: Drawer): Promise<T[]>;
  clear(drawer: Drawer): Promise<void>;
}

/** Why a transaction did not happen. `full`: the browser gives this page no more room. */
export class StoreError extends Error {
  constructor(
    readonly reason: "full" | "broken",
    cause: unknown,
  ) {
    super(`the browser did not save: ${reason}`, { cause });
    this.name = "StoreError";
  }
}

export interface Store {
  /**
   * Runs `work` alone; when the promise resolves, what it wrote is on disk. If `work` throws, nothing was written.
   * `work` awaits nothing but its records. Rejects with {@link StoreError}, or with what `work` threw.
   */
  atomically<T>(work: (records: Records) => Promise<T>): Promise<T>;
  /** Whether it outlives the page. */
  readonly lasting: boolean;
}

/** A store in memory, for browsers that let a page keep nothing. */
export class MemoryStore implements Store {
  readonly lasting = false;
  private drawers = emptyDrawers();
  private last: Promise<unknown> = Promise.resolve();

  atomically<T>(work: (records: Records) => Promise<T>): Promise<T> {
    const run = this.last.then(async () => {
      const copy = new Map(DRAWERS.map((drawer) => [drawer, new Map(this.drawers.get(drawer))]));
      const result = await work(new MemoryRecords(copy));
      this.commit(copy);
      return result;
    });
    this.last = run.catch(() => undefined);
    return run;
  }

  /** Makes a finished transaction the truth. */
  protected commit(drawers: Map<Drawer, Map<string, unknown>>): void {
    this.drawers = drawers;
  }
}

function emptyDrawers(): Map<Drawer, Map<string, unknown>> {
  return new Map(DRAWERS.map((drawer) => [drawer, new Map<string, unknown>()]));
}

class MemoryRecords implements Records {
  constructor(private readonly drawers: Map<Drawer, Map<string, unknown>>) {}

  private drawer(name: Drawer): Map<string, unknown> {
    const drawer = this.drawers.get(name);
    if (drawer === undefined) throw new Error(`no drawer ${name}`);
    return drawer;
  }
  async get<T>(drawer: Drawer, key: string): Promise<T | undefined> {
    return this.drawer(drawer).get(key) as T | undefined;
  }
  async put(drawer: Drawer, key: string, value: unknown): Promise<void> {
    this.drawer(drawer).set(key, value);
  }
  async remove(drawer: Drawer, key: string): Promise<void> {
    this.drawer(drawer).delete(key);
  }
  async all<T>(drawer: Drawer): Promise<T[]> {
    return [...this.drawer(drawer).values()] as T[];
  }
  async clear(drawer: Drawer): Promise<void> {
    this.drawer(drawer).clear();
  }
}
