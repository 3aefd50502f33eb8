import { flushPromises } from "@vue/test-utils";
import { describe, expect, test } from "vitest";

import type { Language } from "../src/backend";
import { SCENES, type SceneName } from "../src/backend.fake/scenes";
import { page } from "../src/pages";
import { stage } from "./stage";

const TONGUES: Language[] = ["en", "zh"];

describe.each(TONGUES)("in %s", (tongue) => {
  test.each(Object.keys(SCENES) as SceneName[])("the scene %s is shown", async (scene) => {
    const { app } = await stage(scene, tongue);
    expect(app.find("h1").text()).not.toBe("");
    expect(app.text()).not.toMatch(/undefined|\[object|NaN|\{\w+\}/);
    expect(document.documentElement.lang).toBe(scene === "loading" || scene === "lost" || scene === "searching" ? document.documentElement.lang : { en: "en", zh: "zh-CN" }[tongue]);
  });
});

test("the language changes with the program's, everywhere and at once", async () => {
  const { backend, text } = await stage("home", "en");
  expect(text("nav-devices")).toBe("Devices");
  backend.tell((view) => (view.app.language = "zh"));
  await flushPromises();
  expect(text("nav-devices")).toBe("设备");
  expect(document.title).toBe("设备 – SmartPi");
  expect(document.documentElement.lang).toBe("zh-CN");
});

test("a page is reached by the sidebar, and its heading has the focus", async () => {
  const { click, has, get } = await stage("home");
  for (const name of ["activity", "gateway", "settings", "devices"]) {
    await click(`nav-${name}`);
    expect(has(`page-${name}`)).toBe(true);
    expect(get(`nav-${name}`).attributes("aria-current")).toBe("page");
    expect(document.activeElement?.tagName).toBe("H1");
  }
});

test("the program can show a page", async () => {
  const { backend, has } = await stage("home");
  backend.showPage({ page: "bind" });
  await flushPromises();
  expect(has("page-bind")).toBe(true);
});

test("who was never welcomed is welcomed first, but not before another page that was asked for", async () => {
  expect((await stage("welcome")).has("page-welcome")).toBe(true);
  const { backend, app } = await stage("home");
  expect(backend.view.app.welcomed).toBe(true);
  expect(app.find('[data-test="page-welcome"]').exists()).toBe(false);
});

test("the service is stopped and started by the switch, and says in words what it does", async () => {
  const { backend, click, get, text, has } = await stage("home");
  expect(get("service-state").attributes("data-state")).toBe("running");
  await click("service-toggle");
  expect(backend.asked).toContainEqual(["stopService"]);
  expect(text("service-state")).toBe("Stopped");
  expect(get("service-toggle").attributes("aria-checked")).toBe("false");
  expect(has("service-start")).toBe(true);
  await click("service-toggle");
  expect(text("service-state")).toBe("Running");
});

test("a port that is taken offers another one", async () => {
  const { backend, click, get, text } = await stage("port");
  expect(get("failure").attributes("data-code")).toBe("port_in_use");
  expect(text("use-port")).toBe("Use port 8766");
  await click("use-port");
  expect(backend.asked).toContainEqual(["changeSettings", { port: 8766 }]);
  expect(text("service-state")).toBe("Running");
});

test("a lost program is looked for, then the person is asked, then it is back", async () => {
  const { backend, click, has, text } = await stage("home");
  backend.lose({ code: "control_lost" });
  await flushPromises();
  expect(text("page-lost")).toContain("Looking for SmartPi");
  expect(has("retry-owner")).toBe(false);
  backend.lose({ code: "not_running" });
  await flushPromises();
  expect(text("page-lost")).toContain("SmartPi is not running");
  expect(has("failure")).toBe(false);
  backend.lose({ code: "store_unusable", detail: "no such file" });
  await flushPromises();
  expect(text("failure")).toContain("store_unusable: no such file");
  await click("retry-owner");
  expect(backend.asked).toContainEqual(["retryOwner"]);
  expect(has("page-devices")).toBe(true);
  expect(page.value.page).toBe("devices");
});

test("a switch that did not work says why, on every page", async () => {
  const { backend, click, get, has } = await stage("settings");
  backend.failNext.set("stopService", { code: "storage" });
  await click("service-toggle");
  expect(get("failure").attributes("data-code")).toBe("storage");
  expect(get("service-state").attributes("data-state")).toBe("running");
  await click("service-toggle");
  expect(has("failure")).toBe(false);
});

test("the program is told when there is something to see", async () => {
  const { backend } = await stage("home");
  expect(backend.asked).toContainEqual(["painted"]);
});
