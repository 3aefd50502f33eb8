import { shallowRef } from "vue";

import type { Page } from "./backend";

/** The page that the window shows. */
export const page = shallowRef<Page>({ page: "devices" });

export function show(next: Page): void {
  page.value = next;
}

/** Whose activity is shown; null: everybody's. */
export const activityOf = shallowRef<string | null>(null);

export function showActivityOf(deviceKey: string): void {
  activityOf.value = deviceKey;
  show({ page: "activity" });
}

/** The claim that the bind page shall show first; null: none is asked for. */
export const claimAsked = shallowRef<string | null>(null);

export function showClaim(bind: string): void {
  claimAsked.value = bind;
  show({ page: "bind" });
}
