import { onScopeDispose, ref, watch, type Ref, type WatchSource } from "vue";

/** True when so many ms have passed since the scope began or `anew` changed: a click that was meant for something else says no yes. */
export function usePause(ms: number, anew: WatchSource<unknown> = () => null): Ref<boolean> {
  const passed = ref(false);
  let timer: ReturnType<typeof setTimeout>;
  watch(
    anew,
    () => {
      passed.value = false;
      clearTimeout(timer);
      timer = setTimeout(() => (passed.value = true), ms);
    },
    { immediate: true },
  );
  onScopeDispose(() => clearTimeout(timer));
  return passed;
}
