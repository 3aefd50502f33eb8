import { onScopeDispose, ref } from "vue";

import { dayHeading, dayOf, moment, span } from "../moments";
import { tongue, useWords } from "../words";

/** Times in words that stay true over midnight. Nothing here counts seconds. */
export function useMoments() {
  const words = useWords();
  const now = ref(Date.now());
  let timer: ReturnType<typeof setTimeout>;
  function wait(): void {
    const tomorrow = new Date(dayOf(Date.now()));
    tomorrow.setDate(tomorrow.getDate() + 1);
    timer = setTimeout(() => {
      now.value = Date.now();
      wait();
    }, tomorrow.getTime() - Date.now() + 1000);
  }
  wait();
  onScopeDispose(() => clearTimeout(timer));
  return {
    at: (ms: number) => moment(ms, now.value, tongue.value, words.value),
    day: (ms: number) => dayHeading(ms, now.value, tongue.value, words.value),
    lasting: (ms: number) => span(ms, words.value),
  };
}
