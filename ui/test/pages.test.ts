import { flushPromises } from "@vue/test-utils";
import { describe, expect, test, vi } from "vitest";

import type { ActivityTurn, ActivityUnasked } from "../src/backend";
import { homeTurns, KEYS } from "../src/backend.fake/home";
import { SAMPLE_REPORT } from "../src/backend.fake/report";
import { stage, type Stage } from "./stage";

const turnsAsked = (on: Stage): unknown[][] => on.backend.asked.filter(([name]) => name === "turns");
const plain = (text: string): string => text.replaceAll("\u00a0", " ");

describe("activity", () => {
  test("tells turns and notices in one line, by day", async () => {
    const on = await stage("activity");
    expect(on.all("activity-turn")).toHaveLength(6);
    const text = plain(on.text("page-activity"));
    expect(text).toContain("The assistant answered after 4.2 s");
    expect(text).toContain("The answer came late, after 41 s");
    expect(text).toContain("Stopped: no end after 10 minutes");
    expect(text).toContain("Anna's phone connected");
    expect(text).toContain("Balcony board asked something");
    expect(text).toContain("SmartPi cannot listen on this network address.");
    expect(on.app.find('[role="alert"]').exists()).toBe(false);
  });

  test("unfolds the answer and the measured steps", async () => {
    const on = await stage("activity");
    await on.all("activity-turn")[2]?.get("button").trigger("click");
    const text = plain(on.text("page-activity"));
    expect(text).toContain("The kitchen light is on.");
    expect(text).toMatch(/Saved on disk\s*\+ 3 ms/);
    expect(text).toMatch(/Answer complete\s*\+ 4.2 s/);
  });

  test("says of a wiped text that it is wiped, and whether the person chose so", async () => {
    const on = await stage("activity");
    await on.all("activity-turn")[5]?.get("button").trigger("click");
    expect(on.text("page-activity")).toContain("The text is not kept any more.");
    on.backend.tell((view) => (view.settings.keepTextDays = 0));
    await flushPromises();
    expect(on.text("page-activity")).toContain("as you chose in Settings");
  });

  test("shows one device only", async () => {
    const on = await stage("activity");
    await on.get("activity-filter").setValue(KEYS.phone);
    await flushPromises();
    expect(turnsAsked(on).at(-1)).toEqual(["turns", KEYS.phone, null, 50]);
    expect(on.all("activity-turn")).toHaveLength(2);
    expect(on.all("activity-notice")).toHaveLength(2);
  });

  test("loads older ones, and holds back what is older than the loaded", async () => {
    const on = await stage("home");
    const [first] = homeTurns("en") as [ActivityTurn];
    on.backend.allTurns = Array.from({ length: 120 }, (_, index) => ({ ...first, id: `T${index}`, receivedMs: first.receivedMs - index * 1000 }));
    await on.click("nav-activity");
    expect(on.all("activity-turn")).toHaveLength(50);
    expect(on.all("activity-notice")).toHaveLength(0);
    await on.click("activity-older");
    expect(on.all("activity-turn")).toHaveLength(100);
    await on.click("activity-older");
    expect(on.all("activity-turn")).toHaveLength(120);
    expect(on.has("activity-older")).toBe(false);
    expect(on.all("activity-notice")).toHaveLength(6);
  });

  test("asks again when something changed, once for many changes", async () => {
    vi.useFakeTimers();
    const on = await stage("activity");
    expect(turnsAsked(on)).toHaveLength(1);
    on.backend.allTurns = on.backend.allTurns.map((turn) => ({ ...turn, state: "done", outcome: "answered" }));
    for (let change = 0; change < 5; change += 1) on.backend.tell(() => {});
    await flushPromises();
    await vi.advanceTimersByTimeAsync(500);
    expect(turnsAsked(on)).toHaveLength(2);
    expect(on.all("activity-turn")[0]?.attributes("data-outcome")).toBe("answered");
  });

  test("shows a refused message at once, although nothing else changed", async () => {
    vi.useFakeTimers();
    const on = await stage("activity");
    const refused = on.all("activity-unasked").length;
    const [known] = on.backend.allUnasked as [ActivityUnasked];
    on.backend.allUnasked = [{ ...known, rid: "p-9", refused: true, said: null, gotMs: null }, ...on.backend.allUnasked];
    on.backend.tell((view) => (view.activity += 1));
    await flushPromises();
    await vi.advanceTimersByTimeAsync(500);
    expect(on.all("activity-unasked")).toHaveLength(refused + 1);
  });

  test("says why it cannot be read", async () => {
    const on = await stage("home");
    on.backend.failNext.set("turns", { code: "storage" });
    await on.click("nav-activity");
    expect(on.get("failure").attributes("data-code")).toBe("storage");
  });
});

describe("settings", () => {
  test("change what they say, and nothing else", async () => {
    const on = await stage("settings");
    const changes = (): unknown => on.backend.asked.at(-1);
    await on.get("settings-language").setValue("zh");
    expect(changes()).toEqual(["changeSettings", { language: "zh" }]);
    await on.get("settings-language").setValue("");
    expect(changes()).toEqual(["changeSettings", { language: null }]);
    await on.click("settings-autostart");
    expect(changes()).toEqual(["changeSettings", { autostart: false }]);
    await on.click("settings-notify-connected");
    expect(changes()).toEqual(["changeSettings", { quiet: { connected: true, disconnected: false, bound: false, confirm: false, trouble: false } }]);
    expect(on.get("settings-notify-connected").attributes("aria-checked")).toBe("false");
    await on.get("settings-keep").setValue("0");
    expect(changes()).toEqual(["changeSettings", { keepTextDays: 0 }]);
    await on.get("settings-answer").setValue("60");
    expect(changes()).toEqual(["changeSettings", { answerAfterS: 60 }]);
    await on.click("settings-lan");
    expect(changes()).toEqual(["allowNetwork", false]);
    await on.click("open-logs");
    expect(changes()).toEqual(["openFolder", "logs"]);
  });

  test("tell of a newer version in one's own language, and lead to its page", async () => {
    const on = await stage("settings-release");
    expect(on.text("release-newer")).toContain("0.3.0");
    const english = on.text("release-notes");
    expect(english).toMatch(/^- Be told/);
    expect(on.has("release-looked")).toBe(false);
    await on.click("release-get");
    expect(on.backend.asked.at(-1)).toEqual(["openRelease", "0.3.0"]);
    await on.click("release-look");
    expect(on.backend.asked.at(-1)).toEqual(["changeSettings", { lookForReleases: false }]);
    expect(on.has("release-newer")).toBe(false);
  });

  test("fetch a newer version, tell how far it is, and install what is signed", async () => {
    const on = await stage("settings-release");
    await on.click("release-fetch");
    expect(on.backend.asked.at(-1)).toEqual(["fetchRelease", true]);
    expect(on.has("release-get")).toBe(false);
    on.backend.tell((view) => (view.release!.download = { state: "coming", got: 1_250_000, of: 8_500_000 }));
    await flushPromises();
    expect(on.text("release-newer")).toMatch(/1\.3 .*8\.5 MB/);
    await on.click("release-cancel");
    expect(on.backend.asked.at(-1)).toEqual(["fetchRelease", false]);
    expect(on.has("release-fetch")).toBe(true);

    const ready = await stage("settings-release-ready");
    await ready.click("release-file");
    expect(ready.backend.asked.at(-1)).toEqual(["installRelease", true]);
    await ready.click("release-install");
    expect(ready.backend.asked.at(-1)).toEqual(["installRelease", false]);

    const failed = await stage("settings-release-failed");
    expect(failed.text("release-state")).toMatch(/sign/);
    expect(failed.has("release-get")).toBe(true);
    await failed.click("release-fetch");
    expect(failed.backend.asked.at(-1)).toEqual(["fetchRelease", true]);

    const elsewhere = await stage("settings-release-elsewhere");
    expect(elsewhere.has("release-fetch")).toBe(false);
    expect(elsewhere.has("release-get")).toBe(true);
  });

  test("say why a look came to nothing, and nothing at all where nothing is looked for", async () => {
    const troubled = await stage("settings-troubled");
    expect(troubled.text("release-trouble")).toMatch(/sign/);
    const on = await stage("settings");
    expect(on.has("release-looked")).toBe(true);
    on.backend.tell((view) => (view.release = null));
    await flushPromises();
    expect(on.has("release-look")).toBe(false);
  });

  test("remove the plugin only after the exact change was read, and read it again where it changed", async () => {
    const on = await stage("settings");
    const orders = (): unknown[] => on.backend.asked.filter(([name]) => name === "removePlugin");
    on.backend.tell((view) => (view.assistant = { ...view.assistant, kind: "gateway", link: "online" }));
    await flushPromises();
    await on.click("settings-remove-plugin");
    expect(on.text("change-list")).toContain("plugins.entries.openclaw-smartpi");
    await on.click("removal-no");
    expect(orders()).toEqual([]);
    await on.click("settings-remove-plugin");
    on.backend.failNext.set("removePlugin", { code: "route_changed" });
    await on.click("removal-yes");
    expect(on.get("failure").attributes("data-code")).toBe("route_changed");
    await on.click("removal-yes");
    expect(orders()).toHaveLength(2);
    expect(on.has("removal-yes")).toBe(false);
    expect(on.has("plugin-removed")).toBe(true);
  });

  test("refuse a port that is none, and offer another one for a port that is taken", async () => {
    const on = await stage("settings");
    await on.get("settings-port").setValue("80");
    expect(on.get("settings-port-save").attributes("disabled")).toBeDefined();
    await on.get("settings-port").setValue("9000");
    on.backend.failNext.set("changeSettings", { code: "port_in_use", detail: { port: 9000, offer: 9001 } });
    await on.get("settings-port").trigger("submit");
    await flushPromises();
    expect(on.text("failure")).toContain("Another program uses SmartPi's port");
    await on.get("failure").get("button.button").trigger("click");
    await flushPromises();
    expect(on.backend.asked.at(-1)).toEqual(["changeSettings", { port: 9001 }]);
    expect((on.get("settings-port").element as HTMLInputElement).value).toBe("9001");
  });

  test("show a report before it is copied or saved", async () => {
    const on = await stage("settings");
    await on.click("make-report");
    expect(on.text("report-text")).toContain("devices: 4 bound");
    expect(on.backend.asked.at(-1)).toEqual(["makeReport"]);
    await on.click("report-copy");
    expect(on.backend.asked.at(-1)).toEqual(["copyText", SAMPLE_REPORT]);
    await on.click("report-save");
    expect(on.backend.asked.at(-1)).toEqual(["saveReport"]);
    expect(on.text("report-saved")).toContain("/home/anna/Downloads/smartpi-report-");
    await on.click("report-folder");
    expect(on.backend.asked.at(-1)).toEqual(["openFolder", "reports"]);
    await on.click("report-close");
    expect(on.app.find("dialog").exists()).toBe(false);
  });

  test("say why a report cannot be made or saved", async () => {
    const on = await stage("settings");
    on.backend.failNext.set("makeReport", { code: "control_lost" });
    await on.click("make-report");
    expect(on.get("failure").attributes("data-code")).toBe("control_lost");
    expect(on.has("report-save")).toBe(false);
    await on.click("report-close");
    on.backend.failNext.set("saveReport", { code: "file_exists" });
    await on.click("make-report");
    await on.click("report-save");
    expect(on.get("failure").attributes("data-code")).toBe("file_exists");
    expect(on.has("report-save")).toBe(true);
  });

  test("say why the keyring is not used, and keep keys in a file only after a click", async () => {
    const on = await stage("settings-troubled");
    expect(on.text("settings-secrets")).toContain("Not kept yet");
    expect(on.text("page-settings")).toContain("The keyring is locked.");
    await on.click("settings-file");
    expect(on.backend.asked.at(-1)).toEqual(["changeSettings", { secretsInFile: true }]);
    expect(on.get("settings-secrets").attributes("data-state")).toBe("file");
  });

  test("end the program only after a yes that says who is disconnected", async () => {
    const on = await stage("settings");
    await on.click("quit");
    expect(on.app.get("dialog").text()).toContain("3 devices will be disconnected");
    await on.click("cancel-quit");
    expect(on.backend.asked.map(([name]) => name)).not.toContain("quit");
    await on.click("quit");
    await on.click("confirm-quit");
    expect(on.backend.asked.at(-1)).toEqual(["quit"]);
  });
});

describe("the first run", () => {
  test("leads over OpenClaw and the network to the first code", async () => {
    const on = await stage("welcome");
    await on.click("welcome-next");
    const plan = on.text("setup-plan");
    for (const exact of ["openclaw.json", "plugins.allow", '["telegram"]', '["telegram","openclaw-smartpi"]', "openclaw-copies"]) expect(plan).toContain(exact);
    expect(on.backend.asked.map(([name]) => name)).not.toContain("installPlugin");
    await on.click("setup-install");
    expect(on.backend.asked).toContainEqual(["installPlugin", "/home/anna/.nvm/versions/node/v24.9.0/bin/openclaw"]);
    expect(on.text("setup-next")).toContain("openclaw gateway restart");
    on.backend.tell((view) => (view.assistant = { ...view.assistant, kind: "gateway", link: "online" }));
    await flushPromises();
    expect(on.text("setup-linked")).toContain("OpenClaw is connected");
    await on.click("welcome-next");
    await on.click("allow-network");
    expect(on.backend.asked).toContainEqual(["changeSettings", { welcomed: true }]);
    expect(on.get("bind-state").attributes("data-state")).toBe("waiting");
  });

  test("can be skipped on each screen", async () => {
    for (const steps of [0, 1, 2]) {
      const on = await stage("welcome");
      for (let step = 0; step < steps; step += 1) await on.click("welcome-next");
      expect(on.get("page-welcome").attributes("data-step")).toBe(String(steps + 1));
      await on.click("welcome-skip");
      expect(on.has("page-devices")).toBe(true);
      on.app.unmount();
    }
  });

  test("says what it found: nothing, somebody else's plugin, a failure that changed nothing", async () => {
    let on = await stage("welcome-none");
    await on.click("welcome-next");
    expect(on.text("setup-none")).toContain("WSL");
    expect(on.has("setup-install")).toBe(false);
    on.app.unmount();
    on = await stage("welcome-foreign");
    await on.click("welcome-next");
    expect(on.get("failure").attributes("data-code")).toBe("plugin_foreign");
    expect(on.has("setup-install")).toBe(false);
    on.app.unmount();
    on = await stage("welcome-failed");
    await on.click("welcome-next");
    await on.click("setup-install");
    expect(on.text("failure")).toContain("Its configuration is as it was.");
    expect(on.has("setup-install")).toBe(true);
  });

  test("does not wait for the looking", async () => {
    const on = await stage("welcome-looking");
    await on.click("welcome-next");
    expect(on.text("setup")).toContain("Looking for OpenClaw");
    await on.click("welcome-next");
    expect(on.get("page-welcome").attributes("data-step")).toBe("3");
    await on.click("refuse-network");
    expect(on.has("page-devices")).toBe(true);
  });
});
