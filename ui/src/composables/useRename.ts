import { computed, ref } from "vue";

import { isName } from "../deviceName";
import { useAttempt } from "./useAttempt";

/** A name that is being typed for a device, at most `longest` characters. `save` gives it by `rename`, and tells whether the device has it now. */
export function useRename(device: { name: string }, rename: (name: string) => Promise<unknown>, longest?: number) {
  const { busy, failure, attempt } = useAttempt();
  const typed = ref(device.name);
  const isGood = computed(() => isName(typed.value, longest));

  async function save(): Promise<boolean> {
    if (!isGood.value) return false;
    const name = typed.value.trim();
    return name === device.name || (await attempt(() => rename(name)));
  }

  return { typed, isGood, busy, failure, save };
}
