import { onScopeDispose, shallowRef, watch, type WatchSource } from "vue";

import { failureOf, type Failure } from "../backend";

/** What the program answers: asked while there is a revision, and anew whenever that is another. Without one nothing is known. */
export function useAsked<T>(revision: WatchSource<string | number | null>, ask: () => Promise<T>) {
  const told = shallowRef<T | null>(null);
  const failure = shallowRef<Failure | null>(null);
  /** Rises when what is under way is not wanted any more. */
  let round = 0;
  /** The round of the question that is under way. */
  let running: number | null = null;
  let again = false;

  /** One question at a time: what changes meanwhile is asked once more. */
  async function load(): Promise<void> {
    again = true;
    if (running === round) return;
    const mine = (running = round);
    while (again && mine === round) {
      again = false;
      try {
        const answer = await ask();
        if (mine !== round) return;
        told.value = answer;
        failure.value = null;
      } catch (error) {
        if (mine === round) failure.value = failureOf(error);
      }
    }
    if (mine === round) running = null;
  }

  watch(
    revision,
    (now) => {
      if (now !== null) {
        void load();
        return;
      }
      round += 1;
      told.value = null;
      failure.value = null;
    },
    { immediate: true },
  );
  onScopeDispose(() => (round += 1));
  return { told, failure, load };
}
