/**
 * The store in IndexedDB: unlike localStorage its transactions hold across tabs, and `strict` ones are on disk before they complete.
 */
import { type Drawer, DRAWERS, MemoryStore, type Records, type Store, StoreError } from "./store.ts";

const NAME = "smartpi";
const SCHEMA = 1;

/** Opens the store; a browser without a usable IndexedDB gets one that forgets. */
export async function openStore(factory: IDBFactory | undefined = globalThis.indexedDB): Promise<Store> {
  try {
    if (factory === undefined) return new MemoryStore();
    return new IndexedStore(factory, await open(factory));
  } catch {
    return new MemoryStore();
  }
}

function open(factory: IDBFactory): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = factory.open(NAME, SCHEMA);
    request.onupgradeneeded = () => {
      for (const drawer of DRAWERS) request.result.createObjectStore(drawer);
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("another tab holds an older version of the store"));
  });
}

class IndexedStore implements Store {
  readonly lasting = true;

  constructor(
    private readonly factory: IDBFactory,
    private database: IDBDatabase | null,
  ) {
    this.watch();
  }

  /** Some systems close the database of a page that slept: the next transaction opens it again. */
  private watch(): void {
    const database = this.database;
    if (database === null) return;
    database.onclose = () => (this.database = null);
    database.onversionchange = () => {
      database.close();
      this.database = null;
    };
  }

  async atomically<T>(work: (records: Records) => Promise<T>): Promise<T> {
    try {
      return await this.attempt(work);
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "InvalidStateError") throw error;
      this.database = null;
      return this.attempt(work);
    }
  }

  private async attempt<T>(work: (records: Records) => Promise<T>): Promise<T> {
    if (this.database === null) {
      this.database = await open(this.factory);
      this.watch();
    }
    const transaction = this.database.transaction(DRAWERS, "readwrite", { durability: "strict" });
    const done = completion(transaction);
    try {
      const result = await work(new IndexedRecords(transaction));
      await done;
      return result;
    } catch (error) {
      abort(transaction);
      await done.catch(() => undefined);
      throw storeError(transaction.error) ?? storeError(error) ?? error;
    }
  }
}

function completion(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error("aborted"));
  });
}

function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort();
  } catch {
    // It ended by itself: nothing is left to undo.
  }
}

function storeError(cause: unknown): StoreError | null {
  if (!(cause instanceof DOMException) || cause.name === "InvalidStateError") return null;
  return new StoreError(cause.name === "QuotaExceededError" ? "full" : "broken", cause);
}

class IndexedRecords implements Records {
  constructor(private readonly transaction: IDBTransaction) {}

  get<T>(drawer: Drawer, key: string): Promise<T | undefined> {
    return result(this.transaction.objectStore(drawer).get(key) as IDBRequest<T | undefined>);
  }
  async put(drawer: Drawer, key: string, value: unknown): Promise<void> {
    await result(this.transaction.objectStore(drawer).put(value, key));
  }
  async remove(drawer: Drawer, key: string): Promise<void> {
    await result(this.transaction.objectStore(drawer).delete(key));
  }
  all<T>(drawer: Drawer): Promise<T[]> {
    return result(this.transaction.objectStore(drawer).getAll() as IDBRequest<T[]>);
  }
  async clear(drawer: Drawer): Promise<void> {
    await result(this.transaction.objectStore(drawer).clear());
  }
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
