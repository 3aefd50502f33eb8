import { computed, ref, shallowRef } from "vue";

import { failureOf, useBackend, type Failure, type FoundOpenClaw, type Installed, type SetupLook } from "../backend";
import { useView } from "../view";

/** Connecting the user's OpenClaw: look, show the plan, and install it after a click. */
export function useSetup() {
  const backend = useBackend();
  const looking = ref(false);
  const installing = ref(false);
  const seen = shallowRef<SetupLook | null>(null);
  const command = ref("");
  const installed = shallowRef<Installed | null>(null);
  const failure = shallowRef<Failure | null>(null);

  const found = computed<FoundOpenClaw | null>(() => seen.value?.found.find((one) => one.command === command.value) ?? null);
  /** Why the chosen one cannot be connected. */
  const obstacle = computed<Failure | null>(() => found.value?.failure ?? found.value?.plan?.refusal ?? null);
  const plan = computed(() => (obstacle.value === null ? (found.value?.plan ?? null) : null));
  const isLinked = computed(() => {
    const { kind, link } = useView().assistant;
    return kind === "gateway" && link === "online";
  });

  async function look(): Promise<void> {
    if (looking.value) return;
    looking.value = true;
    failure.value = null;
    installed.value = null;
    try {
      seen.value = await backend.lookForOpenclaw();
      const usable = seen.value.found.find((one) => one.failure === null && !one.plan?.refusal) ?? seen.value.found[0];
      command.value = usable?.command ?? "";
    } catch (error) {
      failure.value = failureOf(error);
    } finally {
      looking.value = false;
    }
  }

  /** Does what the shown plan says. */
  async function install(): Promise<void> {
    if (installing.value || plan.value === null) return;
    installing.value = true;
    failure.value = null;
    try {
      installed.value = await backend.installPlugin(command.value);
    } catch (error) {
      failure.value = failureOf(error);
    } finally {
      installing.value = false;
    }
  }

  return { looking, installing, seen, command, found, plan, obstacle, installed, isLinked, failure, look, install };
}
