import { shallowRef } from "vue";

import type { Backend, Failure, Unlisten, View } from "./backend";
import { show } from "./pages";
import { tongue } from "./words";

/** Everything that the program told last; null until it did. Replaced as a whole. */
export const view = shallowRef<View | null>(null);

/** Why the program is out of reach; null while it is there. */
export const lost = shallowRef<Failure | null>(null);

/** Follows the program until the returned function is called. */
export async function follow(backend: Backend): Promise<Unlisten> {
  const ends = await Promise.all([
    backend.onView((next) => {
      lost.value = null;
      tongue.value = next.app.language;
      if (view.value === null && !next.app.welcomed) show({ page: "welcome" });
      view.value = next;
    }),
    backend.onPage(show),
    backend.onOwnerLost((failure) => {
      lost.value = failure;
    }),
  ]);
  return () => ends.forEach((end) => end());
}

/** The view, where a page is only shown when there is one. */
export function useView(): View {
  if (view.value === null) throw new Error("a page is shown before the program told anything");
  return view.value;
}
