import { computed, ref } from "vue";

import { useBackend } from "../backend";
import { isName } from "../deviceName";
import { useAttempt } from "./useAttempt";

/** A name that is being typed for a device. `save` tells whether the device has it now. */
export function useRename(device: { deviceKey: string; name: string }) {
  const backend = useBackend();
  const { busy, failure, attempt } = useAttempt();
  const typed = ref(device.name);
  const isGood = computed(() => isName(typed.value));

  async function save(): Promise<boolean> {
    if (!isGood.value) return false;
    const name = typed.value.trim();
    return name === device.name || (await attempt(() => backend.renameDevice(device.deviceKey, name)));
  }

  return { typed, isGood, busy, failure, save };
}
