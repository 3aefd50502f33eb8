import { flushPromises } from "@vue/test-utils";
import { describe, expect, test } from "vitest";

import { linkRows, pluginRows } from "../src/backend.fake/care";
import { en } from "../src/locales/en";
import { zh } from "../src/locales/zh";
import { stage, type Stage } from "./stage";

const asked = (on: Stage, name: string): unknown[][] => on.backend.asked.filter(([one]) => one === name);
const links = (on: Stage): (string | undefined)[] => on.all("link").map((one) => one.attributes("data-state"));

describe("entries that somebody took away", () => {
  test("are told with their time and the exact change, and put back by one click", async () => {
    const on = await stage("health-gone");
    expect(on.has("nav-unwell")).toBe(true);
    expect(on.text("missing-entries")).toContain(en.health.goneEntry.allowed("").slice(0, 20));
    expect(on.text("change-list")).toContain("channels.openclaw-smartpi.linkKeyFile");
    expect(asked(on, "writeEntries")).toEqual([]);
    await on.click("missing-back");
    expect(asked(on, "writeEntries")).toEqual([["writeEntries", "putBack", "shown-putBack"]]);
    expect(on.has("missing-entries")).toBe(false);
    expect(on.has("nav-unwell")).toBe(false);
  });

  test("stay away when the person says so, and nothing is written", async () => {
    const on = await stage("health-gone", "zh");
    expect(on.text("missing-entries")).toContain(zh.health.gone);
    await on.click("missing-leave");
    expect([asked(on, "leaveEntries").length, asked(on, "writeEntries").length]).toEqual([1, 0]);
    expect(on.has("missing-entries")).toBe(false);
  });

  test("that changed while they were read are read again, and wait for another yes", async () => {
    const on = await stage("health-gone");
    on.backend.failNext.set("writeEntries", { code: "route_changed" });
    await on.click("missing-back");
    expect(on.get("failure").attributes("data-code")).toBe("route_changed");
    expect(asked(on, "previewEntries")).toHaveLength(2);
    await on.click("missing-back");
    expect(on.has("missing-entries")).toBe(false);
  });

  test("cannot be put back before anybody could read what that is", async () => {
    const on = await stage("home");
    on.backend.failNext.set("previewEntries", { code: "openclaw_config_split", detail: "/c" });
    on.backend.tell(({ care }) => (care.missing = [{ entry: "plugin", atMs: Date.now() }]));
    await flushPromises();
    await on.click("nav-health");
    expect(on.get("failure").attributes("data-code")).toBe("openclaw_config_split");
    await on.click("missing-back");
    expect(asked(on, "writeEntries")).toEqual([]);
  });
});

describe("a row of the plugin", () => {
  test("is mended after its exact change was read", async () => {
    const on = await stage("health-plugin");
    expect(on.get("health-whole").attributes("data-shape")).toBe("wait");
    await on.click("plugin-fix");
    expect(on.app.get("dialog").text()).toContain("plugins.allow");
    await on.click("entries-yes");
    expect(asked(on, "writeEntries")).toEqual([["writeEntries", "allow", "shown-allow"]]);
    expect(on.app.find("dialog").exists()).toBe(false);
    expect(on.get("health-whole").attributes("data-shape")).toBe("good");
  });

  test("that is somebody else's, or forbidden by the person, has words and no button", async () => {
    const on = await stage("health-foreign");
    expect([on.has("plugin-fix"), on.has("plugin-setup")]).toEqual([false, false]);
    expect(on.app.text()).toContain(en.health.pluginFix.leaveAlone.next);
    expect(on.app.text()).toContain(en.health.pluginFix.undeny.next);
  });

  test("that is another vendor's shows its devices in that plugin's own words, and asks before one goes", async () => {
    const on = await stage("health-foreign");
    await on.click("plugin-accounts");
    expect(asked(on, "askAccounts")).toEqual([["askAccounts", { act: "list" }]]);
    expect(on.text("accounts-text")).toContain("$ openclaw smartpi accounts list");
    expect(on.text("accounts-text")).toContain("书房音箱");
    for (const odd of ["-y", "a b", "b2;", ""]) {
      await on.get("accounts-device").setValue(odd);
      expect(on.get("accounts-remove").attributes("disabled"), odd).toBeDefined();
    }
    await on.get("accounts-device").setValue("b2");
    await on.click("accounts-remove");
    expect(on.text("accounts-asked")).toContain("$ openclaw smartpi accounts remove b2");
    await on.click("accounts-no");
    expect(asked(on, "askAccounts")).toHaveLength(1);
    await on.click("accounts-remove");
    await on.click("accounts-yes");
    expect(asked(on, "askAccounts").at(-1)).toEqual(["askAccounts", { act: "remove", device: "b2" }]);
    expect(on.text("accounts-text")).toContain("removed b2");
    await on.click("accounts-bind");
    await on.click("accounts-yes");
    expect(on.text("accounts-text")).toContain("绑定ID: b3");
    await on.get("accounts-device").setValue("b9");
    await on.app.get("form").trigger("submit");
    await flushPromises();
    expect([on.get("accounts-text").attributes("data-done"), on.text("accounts-said")]).toEqual(["false", en.accounts.refused("@vendor/openclaw-smartpi")]);
    await on.click("accounts-close");
    expect(on.app.find("dialog").exists()).toBe(false);
  });

  test("whose plugin names no command says so", async () => {
    const on = await stage("health-foreign", "zh");
    on.backend.failNext.set("askAccounts", { code: "plugin_accounts_unknown" });
    await on.click("plugin-accounts");
    expect(on.get("failure").attributes("data-code")).toBe("plugin_accounts_unknown");
    expect([on.has("accounts-text"), on.has("accounts-remove")]).toEqual([false, false]);
  });

  test("of another computer's OpenClaw is one sentence, without a fix", async () => {
    for (const [tongue, words] of [["en", en], ["zh", zh]] as const) {
      const on = await stage("health-elsewhere", tongue);
      expect(on.text("plugin-elsewhere")).toBe(words.health.pluginElsewhere);
      expect([on.all("plugin-row").length, on.has("plugin-fix"), on.has("plugin-setup")]).toEqual([0, false, false]);
      expect(on.get("health-whole").attributes("data-shape")).toBe("unsure");
    }
  });

  test("shows the version and the package as they are", async () => {
    const on = await stage("health");
    const told = on.all("plugin-row").map((one) => one.text());
    expect(told.find((text) => text.startsWith(en.health.pluginWell.version))).toContain("0.2.0");
    expect(told.find((text) => text.startsWith(en.health.pluginWell.host))).toContain("2026.9.6");
  });
});

test("traps of the configuration are told by their key and their one step, and are no fault", async () => {
  const on = await stage("health-traps");
  expect(on.get("health-whole").attributes("data-shape")).toBe("good");
  const traps = on.all("trap");
  expect(traps.map((one) => one.attributes("data-kind"))).toEqual(["toolsWithoutMessage", "toolsWithoutMessage", "plainSecret"]);
  expect(traps[0]?.text()).toContain("tools.allow");
  expect(traps[1]?.text()).toContain("kitchen");
  expect(traps[2]?.text()).toContain("channels.telegram.botToken");
  expect(traps[2]?.text()).toContain("openclaw secrets configure");
});

describe("the chain", () => {
  test("is whole with its agent and its model, by their names", async () => {
    const on = await stage("health");
    expect(links(on)).toEqual(["works", "works", "works", "works", "works", "works"]);
    const told = on.all("link").map((one) => one.text());
    expect(told[4]).toContain("Home");
    expect(told[5]).toContain("openai/gpt-6-astra");
    expect(on.text("health-whole")).toContain(en.health.allWell);
  });

  test("is well with the built-in echo, and says that it answers", async () => {
    for (const [tongue, words] of [["en", en], ["zh", zh]] as const) {
      const on = await stage("health-echo", tongue);
      expect(on.get("health-whole").attributes("data-shape")).toBe("good");
      expect(on.text("health-whole")).toContain(words.health.allWellEcho);
      expect(on.app.text()).not.toContain(words.health.notLooked);
    }
  });

  test("tells apart what is not connected and what worked earlier", async () => {
    const on = await stage("health-off");
    expect(links(on)).toEqual(["works", "works", "works", "notUsed", "stale", "stale"]);
    expect(on.get("health-whole").attributes("data-shape")).toBe("aged");
  });

  test("gives a silent agent and a silent model one next step", async () => {
    const agent = await stage("health-agent");
    await agent.click("link-devices");
    expect(agent.has("page-devices")).toBe(true);
    const model = await stage("health-model");
    expect(model.app.text()).toContain(en.failures.model_failed.next);
    model.backend.tell(({ care }) => Object.assign(care, { rows: linkRows("en"), plugin: pluginRows() }));
    await flushPromises();
    expect(model.get("health-whole").attributes("data-shape")).toBe("good");
  });
});
