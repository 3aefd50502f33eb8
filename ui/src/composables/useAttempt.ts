import { ref, shallowRef } from "vue";

import { failureOf, type Failure } from "../backend";

/** One thing that a person asks for: whether it is under way, and why it did not work. A second click waits for the first. */
export function useAttempt() {
  const busy = ref(false);
  const failure = shallowRef<Failure | null>(null);

  /** True when it worked. */
  async function attempt(work: () => Promise<unknown>): Promise<boolean> {
    if (busy.value) return false;
    busy.value = true;
    failure.value = null;
    try {
      await work();
      return true;
    } catch (error) {
      failure.value = failureOf(error);
      return false;
    } finally {
      busy.value = false;
    }
  }
  return { busy, failure, attempt };
}
