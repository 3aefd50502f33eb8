/** An append-only file of JSON lines that survives a torn last line and is rewritten when most of it is dead. */

import { open, readFile, rename, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

interface Waiter { lines: string; sync: boolean; settle: (error?: unknown) => void }

/** Writes are queued and taken together: one `fsync` serves all that wait. */
export class Journal {
  readonly #path: string;
  #file: FileHandle;
  #waiting: Waiter[] = [];
  #writing: Promise<void> | undefined;
  /** A failed write may have left half a line. */
  #torn = false;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /**
   * Opens the file and hands every whole line to `onLine`. A line that is no JSON is skipped and counted.
   *
   * @returns the journal and the number of lines that could not be read.
   */
  static async open(path: string, onLine: (value: unknown) => void): Promise<{ journal: Journal; damaged: number }> {
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    let damaged = 0;
    for (const line of text.split("\n")) {
      if (line === "") continue;
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch {
        damaged += 1;
        continue;
      }
      onLine(value);
    }
    const journal = new Journal(path, await open(path, "a", 0o600));
    if (text !== "" && !text.endsWith("\n")) await journal.#file.appendFile("\n");
    return { journal, damaged };
  }

  /** Appends lines; resolves when they are written, and on disk if `sync`. */
  append(values: unknown[], sync: boolean): Promise<void> {
    const lines = values.map((value) => `${JSON.stringify(value)}\n`).join("");
    const { promise, resolve, reject } = withResolvers();
    this.#waiting.push({ lines, sync, settle: (error) => (error === undefined ? resolve() : reject(error)) });
    this.#writing ??= this.#drain();
    return promise;
  }

  /** Replaces the whole file by these lines. Appends that come meanwhile follow them. */
  async rewrite(values: () => unknown[]): Promise<void> {
    while (this.#writing) await this.#writing;
    const work = this.#replace(values);
    this.#writing = work.catch(() => undefined).finally(() => {
      this.#writing = this.#waiting.length > 0 ? this.#drain() : undefined;
    });
    await work;
  }

  async close(): Promise<void> {
    while (this.#writing) await this.#writing;
    await this.#file.close();
  }

  async #replace(values: () => unknown[]): Promise<void> {
    const beside = `${this.#path}.new`;
    const file = await open(beside, "w", 0o600);
    try {
      await file.writeFile(values().map((value) => `${JSON.stringify(value)}\n`).join(""));
      await file.sync();
    } finally {
      await file.close();
    }
    // Windows cannot replace a file that is open.
    await this.#file.close();
    try {
      await rename(beside, this.#path);
    } finally {
      this.#file = await open(this.#path, "a", 0o600);
    }
    this.#torn = false;
    await syncFolder(dirname(this.#path));
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#file.appendFile((this.#torn ? "\n" : "") + batch.map((waiter) => waiter.lines).join(""));
        this.#torn = false;
        if (batch.some((waiter) => waiter.sync)) await this.#file.sync();
        for (const waiter of batch) waiter.settle();
      } catch (error) {
        this.#torn = true;
        for (const waiter of batch) waiter.settle(error ?? new Error("write failed"));
      }
    }
    this.#writing = undefined;
  }
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } {
  let resolve!: () => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<void>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  return { promise, resolve, reject };
}
