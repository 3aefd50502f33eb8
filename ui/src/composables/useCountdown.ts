import { onScopeDispose, ref, watch, type Ref } from "vue";

const STILL = "(prefers-reduced-motion: reduce)";
const STEP_MS = { moving: 1000, still: 10_000 };

/** How much of a life of `wholeMs` is left, from 1 to 0: a step a second, or every ten seconds for those who want no motion. */
export function leftOf(untilMs: number, nowMs: number, wholeMs: number): number {
  return Math.min(1, Math.max(0, (untilMs - nowMs) / wholeMs));
}

/** The part that is left until a moment, which may change or be away. */
export function useCountdown(untilMs: Ref<number | null>, wholeMs: number): Ref<number> {
  const left = ref(1);
  let timer: ReturnType<typeof setInterval> | undefined;
  watch(
    untilMs,
    (until) => {
      clearInterval(timer);
      if (until === null) return;
      const step = (): void => {
        left.value = leftOf(until, Date.now(), wholeMs);
        if (left.value === 0) clearInterval(timer);
      };
      step();
      timer = setInterval(step, matchMedia(STILL).matches ? STEP_MS.still : STEP_MS.moving);
    },
    { immediate: true },
  );
  onScopeDispose(() => clearInterval(timer));
  return left;
}
