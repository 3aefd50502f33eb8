import { computed, onScopeDispose, ref, shallowRef, watch, type Ref } from "vue";

import { failureOf, useBackend, type Failure } from "../backend";
import { dayOf } from "../moments";
import { joined, oldestOf, overlap, timeline, type Loaded } from "../timeline";
import { view } from "../view";

const PAGE = 50;
/** Views may come in quick succession; what happened is asked for at most this often. */
const PAUSE_MS = 500;

/** What happened, of one device or of all, as far back as it was loaded. */
export function useActivity(deviceKey: Ref<string | null>) {
  const backend = useBackend();
  const loaded = shallowRef<Loaded | null>(null);
  const more = ref(false);
  const loadingOlder = ref(false);
  const failure = shallowRef<Failure | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** Rises with another device: what was asked for an earlier one is not shown. */
  let round = 0;

  async function loadNewest(): Promise<void> {
    const mine = round;
    try {
      const newest = await backend.turns(deviceKey.value, null, PAGE);
      if (mine !== round) return;
      const known = loaded.value;
      if (known === null || !newest.more) more.value = newest.more;
      // So much happened at once that a gap would be between: begin anew.
      const isGap = known !== null && newest.more && !overlap(newest, known);
      loaded.value = known === null || isGap ? newest : joined(known, newest);
      if (isGap) more.value = true;
      failure.value = null;
    } catch (error) {
      if (mine === round) failure.value = failureOf(error);
    }
  }

  async function loadOlder(): Promise<void> {
    const known = loaded.value;
    const oldest = known === null ? undefined : oldestOf(known);
    if (oldest === undefined || loadingOlder.value) return;
    const mine = round;
    loadingOlder.value = true;
    try {
      const older = await backend.turns(deviceKey.value, oldest, PAGE);
      if (mine !== round) return;
      loaded.value = joined(loaded.value ?? { turns: [], unasked: [] }, older);
      more.value = older.more;
    } catch (error) {
      if (mine === round) failure.value = failureOf(error);
    } finally {
      loadingOlder.value = false;
    }
  }

  watch(
    deviceKey,
    () => {
      round += 1;
      loaded.value = null;
      more.value = false;
      void loadNewest();
    },
    { immediate: true },
  );
  watch(view, () => {
    clearTimeout(timer);
    timer = setTimeout(() => void loadNewest(), PAUSE_MS);
  });
  onScopeDispose(() => {
    round += 1;
    clearTimeout(timer);
  });

  const days = computed(() => {
    const notices = (view.value?.notices ?? []).filter((notice) => deviceKey.value === null || notice.deviceKey === deviceKey.value);
    return loaded.value === null ? null : timeline(loaded.value, notices, more.value, dayOf);
  });
  return { days, more, loadingOlder, failure, loadOlder };
}
