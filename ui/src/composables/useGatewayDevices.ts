import { computed } from "vue";

import { useBackend } from "../backend";
import { useView } from "../view";
import { useAsked } from "./useAsked";

/** Who has access to OpenClaw: asked while SmartPi is connected, and anew whenever it may have changed. */
export function useGatewayDevices() {
  const revision = computed(() => {
    const { state, devicesRevision } = useView().gateway;
    return state === "online" ? devicesRevision : null;
  });

  const backend = useBackend();
  const { told: devices, failure, load } = useAsked(revision, () => backend.gatewayDevices());

  /** What SmartPi itself may do; null where it is not known. */
  const held = computed(() => devices.value?.paired.find(({ ours }) => ours)?.scopes ?? null);
  const others = computed(() => devices.value?.paired.filter(({ ours }) => !ours) ?? []);
  return { devices, others, held, failure, load };
}
