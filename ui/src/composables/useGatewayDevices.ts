import { computed, onScopeDispose, shallowRef, watch } from "vue";

import { failureOf, useBackend, type Failure, type GatewayDevices } from "../backend";
import { useView } from "../view";

/** Who has access to OpenClaw: asked while SmartPi is connected, and anew whenever it may have changed. */
export function useGatewayDevices() {
  const backend = useBackend();
  const devices = shallowRef<GatewayDevices | null>(null);
  const failure = shallowRef<Failure | null>(null);
  /** Rises when what is under way is not wanted any more. */
  let round = 0;
  /** The round of the question that is under way. */
  let running: number | null = null;
  let again = false;

  const revision = computed(() => {
    const { state, devicesRevision } = useView().gateway;
    return state === "online" ? devicesRevision : null;
  });

  /** One question at a time: what changes meanwhile is asked once more. */
  async function load(): Promise<void> {
    again = true;
    if (running === round) return;
    const mine = (running = round);
    while (again && mine === round) {
      again = false;
      try {
        const told = await backend.gatewayDevices();
        if (mine !== round) return;
        devices.value = told;
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
      devices.value = null;
      failure.value = null;
    },
    { immediate: true },
  );
  onScopeDispose(() => (round += 1));

  /** What SmartPi itself may do; null where it is not known. */
  const held = computed(() => devices.value?.paired.find(({ ours }) => ours)?.scopes ?? null);
  const others = computed(() => devices.value?.paired.filter(({ ours }) => !ours) ?? []);
  return { devices, others, held, failure, load };
}
