import { onScopeDispose, ref, type Ref } from "vue";

/** True when so many ms have passed: a click that was meant for something else says no yes. */
export function usePause(ms: number): Ref<boolean> {
  const passed = ref(false);
  const timer = setTimeout(() => (passed.value = true), ms);
  onScopeDispose(() => clearTimeout(timer));
  return passed;
}
