import { computed, onScopeDispose, ref, shallowRef, watch } from "vue";

import { useBackend, type Plan, type RepairView } from "../backend";
import { FRESH_MS, isFresh } from "../healthStory";
import { useView } from "../view";
import { useAttempt } from "./useAttempt";

/** What the program knows of its own health. The chain is told at every change; the rest is of the last look, and ages. */
export function useHealth() {
  const backend = useBackend();
  const care = computed(() => useView().care);
  const { busy, failure, attempt } = useAttempt();
  const looking = computed(() => care.value.looking || busy.value);

  /** Whether what the last look told is still as good as now. */
  const fresh = ref(false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  function age(): void {
    clearTimeout(timer);
    const { lookedMs } = care.value;
    fresh.value = isFresh(lookedMs, Date.now());
    if (fresh.value && lookedMs !== null) timer = setTimeout(age, lookedMs + FRESH_MS + 1 - Date.now());
  }
  watch(() => care.value.lookedMs, age, { immediate: true });
  onScopeDispose(() => clearTimeout(timer));

  const look = (): Promise<boolean> => (care.value.looking ? Promise.resolve(false) : attempt(() => backend.careLook()));

  /** A page that opens looks, unless that was just done, the person never wished to be connected, or another computer's OpenClaw is meant. */
  function lookAtFirst(): void {
    const { lookedMs, running } = care.value;
    const { gateway, settings } = useView();
    if (gateway.state !== "off" && settings.gatewayElsewhere === null && running === null && !isFresh(lookedMs, Date.now())) void look();
  }
  return { care, fresh, looking, failure, look, lookAtFirst };
}

/** What is told on top of the page of the repair that was begun last; null: it was put away. Outlives the page, not the window. */
const put = ref<string | null>(null);
const HOUR_MS = 3_600_000;

/** The repair that goes on, or the one that ended last. */
export function useRepair() {
  const backend = useBackend();
  const { busy, failure, attempt } = useAttempt();
  /** The plan that the person agreed to here: its words are known before the program tells them. */
  const agreed = shallowRef<Plan | null>(null);
  const ended = shallowRef<RepairView | null>(null);
  const isUndo = ref(false);

  const running = computed(() => useView().care.running);
  const last = computed(() => {
    const { last: told } = useView().care;
    return ended.value !== null && (told === null || told.startedMs < ended.value.startedMs) ? ended.value : told;
  });
  const plan = computed((): Plan | null => {
    const id = running.value?.plan ?? null;
    if (id === null) return busy.value ? agreed.value : null;
    const { findings } = useView().care;
    const known = [last.value?.plan, agreed.value, ...findings.map(({ repair }) => (repair.kind === "plan" ? repair.plan : null))];
    return known.find((one) => one?.id === id) ?? null;
  });
  const isGoingOn = computed(() => running.value !== null || busy.value);
  /** What is shown of the last one: until it is put away, and an hour at most; an interrupted one until it was seen. */
  const shown = computed(() => {
    const one = last.value;
    if (one === null || isGoingOn.value || one.plan.id === put.value) return null;
    if (one.interrupted) return one.acknowledged ? null : one;
    return Date.now() - one.startedMs < HOUR_MS ? one : null;
  });

  const run = (chosen: Plan, undo: boolean): Promise<boolean> =>
    attempt(async () => {
      agreed.value = chosen;
      isUndo.value = undo;
      if (put.value === chosen.id) put.value = null;
      ended.value = null;
      ended.value = await (undo ? backend.careUndo(chosen.id) : backend.careRepair(chosen.id));
    });
  return {
    running, plan, isGoingOn, isUndo, shown, failure,
    repair: (chosen: Plan) => run(chosen, false),
    undo: (chosen: Plan) => run(chosen, true),
    stopWaiting: () => attempt(() => backend.careStopWaiting()),
    acknowledge: (chosen: Plan) => attempt(() => backend.careAcknowledge(chosen.id)),
    putAway: (chosen: Plan) => (put.value = chosen.id),
  };
}
