import { shallowRef } from "vue";

import { useBackend, type EntriesPlan, type EntryChange } from "../backend";
import { useAttempt } from "./useAttempt";

/** A change of our entries in OpenClaw's configuration: read first, then written exactly so. */
export function useEntries(change: EntryChange) {
  const backend = useBackend();
  const plan = shallowRef<EntriesPlan | null>(null);
  const reading = useAttempt();
  const writing = useAttempt();

  const read = (): Promise<boolean> => reading.attempt(async () => (plan.value = await backend.previewEntries(change)));

  /** True when it is written. One that has changed is read again, and waits for another yes. */
  async function write(): Promise<boolean> {
    const { shown } = plan.value ?? {};
    if (shown === undefined) return false;
    const written = await writing.attempt(() => backend.writeEntries(change, shown));
    if (!written) await read();
    return written;
  }
  return { plan, read, write, busy: writing.busy, unread: reading.failure, failure: writing.failure };
}
