import { shallowRef } from "vue";

import type { Backend, Failure, Page, Unlisten, View } from "./backend";
import { show, showClaim } from "./pages";
import { tongue } from "./words";

/** Everything that the program told last; null until it did. Replaced as a whole. */
export const view = shallowRef<View | null>(null);

/** Why the program is out of reach; null while it is there. */
export const lost = shallowRef<Failure | null>(null);

function take(next: View): void {
  lost.value = null;
  tongue.value = next.app.language;
  view.value = next;
}

/** Who was never welcomed is welcomed first, unless a device waits for a yes or another page was asked for. */
function firstPage(asked: Page, first: View | null): Page {
  const isHome = asked.page === "devices" && !asked.deviceKey;
  return first !== null && !first.app.welcomed && isHome ? { page: "welcome" } : asked;
}

/** The program asks for a page: the tray's line and a notification mean the device that waits, where one does. */
function open(asked: Page): void {
  const waiting = view.value?.pending[0];
  if (asked.page === "bind" && waiting !== undefined) showClaim(waiting.bind);
  else show(firstPage(asked, view.value));
}

/** Follows the program until the returned function is called. */
export async function follow(backend: Backend): Promise<Unlisten> {
  const ends = await Promise.all([
    backend.onView(take),
    backend.onPage(open),
    backend.onOwnerLost((failure) => {
      lost.value = failure;
    }),
  ]);
  const now = await backend.attend();
  // An event that came meanwhile is newer than the answer.
  if (now.view !== null && view.value === null) take(now.view);
  open(now.page);
  if (now.lost !== null && view.value === null) lost.value = now.lost;
  return () => ends.forEach((end) => end());
}

/** The view, where a page is only shown when there is one. */
export function useView(): View {
  if (view.value === null) throw new Error("a page is shown before the program told anything");
  return view.value;
}
