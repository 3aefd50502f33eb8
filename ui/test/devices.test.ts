import { flushPromises } from "@vue/test-utils";
import { describe, expect, test } from "vitest";

import { KEYS } from "../src/backend.fake/home";
import { SAMPLE_CERTIFICATE, SAMPLE_TOKEN } from "../src/backend.fake/script";
import { stage, type Stage } from "./stage";

const row = ({ app }: Stage, key: string) => app.get(`[data-test="device-row"][data-key="${key}"]`);

async function choose(on: Stage, key: string, entry: string): Promise<void> {
  await row(on, key).get('[data-test="device-menu"]').trigger("click");
  await on.click(entry);
}

describe("the list of devices", () => {
  test("tells of each its state, what waits and whether it is muted", async () => {
    const on = await stage("home");
    const text = (key: string): string => row(on, key).text().replaceAll("\u00a0", " ");
    expect(text(KEYS.kitchen)).toMatch(/Kitchen speaker.*Online since (yesterday )?\d\d:\d\d.*OpenClaw.*Being answered/);
    expect(text(KEYS.board)).toMatch(/Unsure: no answer for a while/);
    expect(row(on, KEYS.board).find('[aria-label="Muted"]').exists()).toBe(true);
    expect(row(on, KEYS.phone).find('[aria-label="Muted"]').exists()).toBe(false);
    expect(text(KEYS.script)).toMatch(/Offline since .*3 messages wait/);
    expect(row(on, KEYS.script).get('[data-test="device-state"]').attributes("data-state")).toBe("offline");
  });

  test("is a word and a button where there is none", async () => {
    const on = await stage("empty");
    expect(on.text("page-devices")).toContain("No device yet");
    await on.click("bind-device");
    expect(on.has("page-bind")).toBe(true);
  });

  test("begins with who waits for a yes", async () => {
    const on = await stage("pending", "zh");
    expect(on.text("pending")).toContain("“小本的手机”请求加入");
    await on.click("pending-open");
    expect(on.get("bind-state").attributes("data-state")).toBe("confirming");
    expect(on.backend.asked).not.toContainEqual(["startBind", null]);
  });
});

describe("a device", () => {
  test("is renamed in place", async () => {
    const on = await stage("home");
    await choose(on, KEYS.phone, "device-rename");
    await on.get("rename-name").setValue("  Ben's phone ");
    await on.get("rename-name").trigger("submit");
    await flushPromises();
    expect(on.backend.asked).toContainEqual(["renameDevice", KEYS.phone, "Ben's phone"]);
    expect(row(on, KEYS.phone).text()).toContain("Ben's phone");
  });

  test("keeps its name when the new one is none", async () => {
    const on = await stage("home");
    await choose(on, KEYS.phone, "device-rename");
    await on.get("rename-name").setValue("   ");
    expect(on.get("rename-save").attributes("disabled")).toBeDefined();
    expect(row(on, KEYS.phone).text()).toContain("1 to 32 characters");
    await on.get("rename-name").trigger("keydown", { key: "Escape" });
    expect(row(on, KEYS.phone).text()).toContain("Anna's phone");
  });

  test("is muted and heard again", async () => {
    const on = await stage("home");
    await choose(on, KEYS.phone, "device-mute");
    await flushPromises();
    expect(on.backend.asked).toContainEqual(["muteDevice", KEYS.phone, true]);
    expect(row(on, KEYS.phone).find('[aria-label="Muted"]').exists()).toBe(true);
  });

  test("gets a test message, and the row says what became of it", async () => {
    const on = await stage("home");
    await choose(on, KEYS.phone, "device-test");
    expect(row(on, KEYS.phone).get('[data-test="device-told"]').text()).toBe("The test message was sent to the device.");
    await choose(on, KEYS.script, "device-test");
    expect(row(on, KEYS.script).get('[data-test="device-told"]').text()).toContain("waits until it is back");
    on.backend.failNext.set("testDevice", { code: "storage" });
    await choose(on, KEYS.phone, "device-test");
    expect(row(on, KEYS.phone).get('[data-test="device-told"]').text()).toBe("");
    expect(row(on, KEYS.phone).get('[data-test="failure"]').text()).toContain("cannot save this");
  });

  test("is removed only after a yes that knows what is lost", async () => {
    const on = await stage("home");
    await choose(on, KEYS.script, "device-remove");
    expect(on.app.get("dialog").text()).toContain("3 messages wait for it and will be lost.");
    await on.click("cancel-remove");
    expect(on.backend.asked.map(([name]) => name)).not.toContain("removeDevice");
    await choose(on, KEYS.script, "device-remove");
    await on.click("confirm-remove");
    expect(on.backend.asked).toContainEqual(["removeDevice", KEYS.script]);
    expect(on.app.find("dialog").exists()).toBe(false);
    expect(on.text("devices-told")).toBe("Morning news was removed. Lost with it: 0 unanswered, 3 not delivered.");
  });

  test("says in the dialog why it could not be removed", async () => {
    const on = await stage("remove");
    on.backend.failNext.set("removeDevice", { code: "storage" });
    await on.click("confirm-remove");
    expect(on.app.get("dialog").text()).toContain("cannot save this");
  });

  test("opens to its last questions and its key", async () => {
    const on = await stage("details");
    expect(on.text("device-details")).toContain(KEYS.phone);
    expect(on.text("device-details").replaceAll("\u00a0", " ")).toContain("The answer came late, after 41 s");
  });
});

test("the menu is walked with the arrow keys, and Esc gives the focus back", async () => {
  const on = await stage("home");
  const button = row(on, KEYS.kitchen).get('[data-test="device-menu"]');
  await button.trigger("click");
  await flushPromises();
  const focused = (): string | null | undefined => (document.activeElement as HTMLElement | null)?.dataset.test;
  const press = (key: string) => row(on, KEYS.kitchen).get('[role="menu"]').trigger("keydown", { key });
  expect(focused()).toBe("device-rename");
  await press("ArrowUp");
  expect(focused()).toBe("device-remove");
  await press("ArrowDown");
  expect(focused()).toBe("device-rename");
  await press("End");
  expect(focused()).toBe("device-remove");
  await press("Escape");
  expect(on.app.find('[role="menu"]').exists()).toBe(false);
  expect(document.activeElement).toBe(button.element);
});

describe("who may speak first", () => {
  test("is chosen in the details, and counts at once", async () => {
    const on = await stage("details");
    expect((on.get("speaks-anyone").element as HTMLInputElement).checked).toBe(true);
    await on.get("speaks-asked").setValue(true);
    await flushPromises();
    expect(on.backend.asked).toContainEqual(["speaksFirst", KEYS.phone, "asked"]);
    expect(on.get("speaks-first").attributes("data-who")).toBe("asked");
  });

  test("stays as it was where it cannot be kept", async () => {
    const on = await stage("details");
    on.backend.failNext.set("speaksFirst", { code: "storage" });
    await on.get("speaks-nobody").setValue(true);
    await flushPromises();
    expect((on.get("speaks-anyone").element as HTMLInputElement).checked).toBe(true);
    expect(on.get("speaks-first").text()).toContain("cannot save this");
  });
});

describe("a script", () => {
  const token = (on: Stage): boolean => document.documentElement.outerHTML.includes(SAMPLE_TOKEN) || JSON.stringify(on.backend.view).includes(SAMPLE_TOKEN);

  async function add(on: Stage, name: string): Promise<void> {
    await on.click("add-script");
    await on.get("script-name").setValue(name);
    await on.get("script-form").trigger("submit");
    await flushPromises();
  }

  test("gets a name and shows its token once, with what it needs to come in", async () => {
    const on = await stage("home");
    await add(on, "  Morning news ");
    expect(on.backend.asked).toContainEqual(["addScript", "Morning news"]);
    expect(on.text("script-token")).toContain(SAMPLE_TOKEN);
    expect(on.text("script-here")).toContain("127.0.0.1:8765");
    expect(on.all("script-there").map((place) => place.text())).toEqual(["192.168.1.20:8765", "10.0.0.7:8765"]);
    expect(on.text("script-certificate")).toContain(SAMPLE_CERTIFICATE);
    expect(on.text("script-try")).toContain(`smartpi simulate --token ${SAMPLE_TOKEN} --address 127.0.0.1:8765`);
    await on.get("script-token").get("button").trigger("click");
    expect(on.backend.asked.at(-1)).toEqual(["copyText", SAMPLE_TOKEN]);
    expect(on.app.get("dialog").text()).toContain("Remove “Morning news” from the list");
  });

  test("leaves no token behind, and begins with a name again", async () => {
    const on = await stage("home");
    await add(on, "Cron");
    expect(token(on)).toBe(true);
    await on.click("script-done");
    expect(token(on)).toBe(false);
    await on.click("add-script");
    expect(on.has("script-name")).toBe(true);
    expect(token(on)).toBe(false);
  });

  test("is not added without a name, nor without a click, and a refusal is told", async () => {
    const on = await stage("home");
    await on.click("add-script");
    expect(on.get("script-make").attributes("disabled")).toBeDefined();
    await on.get("script-form").trigger("submit");
    await on.click("script-cancel");
    expect(on.backend.asked.map(([name]) => name)).not.toContain("addScript");
    on.backend.failNext.set("addScript", { code: "too_many" });
    await add(on, "Cron");
    expect(on.get("failure").attributes("data-code")).toBe("too_many");
    expect(on.has("script-token")).toBe(false);
  });

  test("is told where it cannot come from", async () => {
    const on = await stage("bind-refused");
    await on.click("nav-devices");
    await add(on, "Cron");
    expect(on.has("script-certificate")).toBe(false);
    expect(on.app.get("dialog").text()).toContain("Only this computer can connect now.");
  });

  test("cannot be added while the service is stopped", async () => {
    expect((await stage("stopped")).has("add-script")).toBe(false);
  });
});
