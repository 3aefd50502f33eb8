import { computed, onScopeDispose, ref, shallowRef } from "vue";

import { failureOf, useBackend, type BindShown, type BindEvent, type Failure, type Unlisten } from "../backend";
import { detailNumber } from "../failureDetail";
import { useView } from "../view";

/** Binding a device: one code after the other, and what becomes of the newest. */
export function useBinding() {
  const backend = useBackend();
  /** Null while it is made, and for a claim of an earlier code. */
  const code = shallowRef<BindShown | null>(null);
  const event = shallowRef<BindEvent | null>(null);
  const failure = shallowRef<Failure | null>(null);
  const triesLeft = ref<number | null>(null);
  const confirming = ref(false);
  /** The code that is followed; what others tell is not ours. */
  let bind = "";
  /** Rises with each code: what an older one answers comes too late. */
  let round = 0;
  let unlisten: Unlisten | null = null;
  let ended = false;

  const listening = backend.onBind((of, next) => {
    if (of === bind) take(next);
  });
  void listening.then((end) => {
    if (ended) end();
    else unlisten = end;
  });
  onScopeDispose(() => {
    ended = true;
    round += 1;
    unlisten?.();
    document.removeEventListener("visibilitychange", renewWhenSeen);
  });

  function take(next: BindEvent): void {
    event.value = next;
    if (next.state === "failed" && next.reason === "expired") renewWhenSeen();
  }

  /** A code that ran out is replaced while somebody looks, else as soon as somebody does. */
  function renewWhenSeen(): void {
    document.removeEventListener("visibilitychange", renewWhenSeen);
    if (ended) return;
    if (document.visibilityState === "visible") void start(address);
    else document.addEventListener("visibilitychange", renewWhenSeen);
  }

  let address: string | null = null;

  /** Follows the claim that is asked for or used a code of ours, else makes a new code for this address; null: the best. */
  async function start(wanted: string | null = null, asked: string | null = null): Promise<void> {
    address = wanted;
    const mine = ++round;
    failure.value = null;
    triesLeft.value = null;
    try {
      await listening;
      // The claim that just ended may still be in the view.
      const claims = useView().pending.filter((pending) => pending.bind !== bind);
      const claim = claims.find((pending) => pending.bind === asked) ?? claims.find((pending) => !pending.announced);
      if (claim) {
        code.value = null;
        follow(claim.bind, mine);
        return;
      }
      const made = await backend.startBind(wanted);
      if (mine !== round) return;
      code.value = made;
      event.value = { state: "waiting", expiresMs: made.expiresMs };
      follow(made.bind, mine);
    } catch (error) {
      if (mine !== round) return;
      code.value = null;
      event.value = null;
      failure.value = failureOf(error);
    }
  }

  function follow(next: string, mine: number): void {
    bind = next;
    backend.watchBind(next).catch((error: unknown) => {
      if (mine !== round || event.value?.state === "bound" || event.value?.state === "failed") return;
      event.value = null;
      failure.value = failureOf(error);
    });
  }

  /** Lets the device in: with the digits that the person typed, or the word `allow`. */
  async function confirm(typed: string): Promise<void> {
    if (confirming.value) return;
    confirming.value = true;
    failure.value = null;
    try {
      await backend.confirmBind(bind, typed);
    } catch (error) {
      const why = failureOf(error);
      if (why.code === "wrong_code") triesLeft.value = detailNumber(why, "left");
      // What the code came to is told by its last event.
      else if (event.value?.state !== "failed") failure.value = why;
    } finally {
      confirming.value = false;
    }
  }

  async function reject(): Promise<void> {
    failure.value = null;
    try {
      await backend.rejectBind(bind);
    } catch (error) {
      failure.value = failureOf(error);
    }
  }

  const state = computed(() => event.value?.state ?? (failure.value === null ? "preparing" : "failed"));
  return { code, event, state, failure, triesLeft, confirming, start, confirm, reject };
}
