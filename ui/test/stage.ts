import { enableAutoUnmount, flushPromises, mount, type DOMWrapper, type VueWrapper } from "@vue/test-utils";
import { afterEach, beforeEach, vi } from "vitest";

import App from "../src/App.vue";
import { choose, type Language } from "../src/backend";
import { FakeBackend } from "../src/backend.fake";
import type { SceneName } from "../src/backend.fake/scenes";
import { activityOf, page } from "../src/pages";
import { lost, view } from "../src/view";

enableAutoUnmount(afterEach);
beforeEach(() => {
  document.body.innerHTML = "";
});
afterEach(() => {
  vi.useRealTimers();
});

/** The window on a program that is not there. */
export type Stage = {
  backend: FakeBackend;
  app: VueWrapper;
  /** The one element of this name; throws where there is none. */
  get(test: string): DOMWrapper<Element>;
  all(test: string): DOMWrapper<Element>[];
  has(test: string): boolean;
  click(test: string): Promise<void>;
  text(test: string): string;
};

/** Opens the window in a scene. */
export async function stage(scene: SceneName, tongue: Language = "en"): Promise<Stage> {
  view.value = null;
  lost.value = null;
  page.value = { page: "devices" };
  activityOf.value = null;
  const backend = new FakeBackend(scene, tongue);
  choose(backend);
  const app = mount(App, { attachTo: document.body });
  await flushPromises();
  const all = (test: string): DOMWrapper<Element>[] => app.findAll(`[data-test="${test}"]`);
  const get = (test: string): DOMWrapper<Element> => {
    const [first] = all(test);
    if (!first) throw new Error(`there is no ${test}: ${app.text()}`);
    return first;
  };
  return {
    backend,
    app,
    get,
    all,
    has: (test) => all(test).length > 0,
    click: async (test) => {
      await get(test).trigger("click");
      await flushPromises();
    },
    text: (test) => get(test).text(),
  };
}
