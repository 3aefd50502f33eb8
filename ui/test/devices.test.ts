import { flushPromises } from "@vue/test-utils";
import { describe, expect, test } from "vitest";

import { KEYS } from "../src/backend.fake/home";
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
    expect(text(KEYS.kitchen)).toMatch(/Kitchen speaker.*Online since \d\d:\d\d.*OpenClaw.*Being answered/);
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
