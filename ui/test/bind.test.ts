import { flushPromises } from "@vue/test-utils";
import { describe, expect, test, vi } from "vitest";

import { bindReason } from "../src/bindReason";
import { en } from "../src/locales/en";
import { stage, type Stage } from "./stage";

const state = (on: Stage): string | undefined => on.get("bind-state").attributes("data-state");
const starts = (on: Stage): unknown[][] => on.backend.asked.filter(([name]) => name === "startBind");
const claim = { name: "Ben's phone", kind: "phone", address: "192.168.1.34" };

async function progress(on: Stage, event: Parameters<Stage["backend"]["progress"]>[1]): Promise<void> {
  on.backend.progress(on.backend.bind, event);
  await flushPromises();
}

test("a device is bound: scanned, two digits, named, done", async () => {
  const on = await stage("bind");
  expect(state(on)).toBe("waiting");
  expect(on.get("bind-qr").attributes("src")).toMatch(/^data:image\/svg\+xml,/);
  await progress(on, { state: "scanned", ...claim });
  expect(on.text("bind-state")).toContain("“Ben's phone” has scanned the code");
  await progress(on, { state: "confirming", how: "code", digits: 2, ...claim });
  expect(on.text("page-bind")).toContain("Phone at 192.168.1.34");
  expect(on.get("bind-confirm").attributes("disabled")).toBeDefined();
  await on.get("bind-code").setValue("42");
  await on.get("bind-code").trigger("submit");
  await flushPromises();
  expect(on.backend.asked).toContainEqual(["confirmBind", "code-1", "42"]);
  expect(state(on)).toBe("bound");
  await on.get("bind-name").setValue("Ben");
  await on.get("bind-name").trigger("submit");
  await flushPromises();
  expect(on.backend.asked.map(([name]) => name)).toContain("renameDevice");
  expect(on.has("page-devices")).toBe(true);
});

test("the code is there for devices without a camera, with its address", async () => {
  const on = await stage("bind");
  expect(on.text("bind-typed")).toContain("C1GP-4RV4-CNK6-ET39");
  expect(on.text("bind-hand")).toContain("192.168.1.20:8765");
});

test("a device that asks by itself takes no code away, and is let in with its six digits where somebody looks at it", async () => {
  const on = await stage("asks");
  await on.click("bind-device");
  expect(state(on)).toBe("waiting");
  on.backend.showPage({ page: "devices" });
  await flushPromises();
  expect(on.text("pending")).toContain("shows six digits");
  await on.click("pending-open");
  expect(starts(on)).toHaveLength(1);
  await on.get("bind-code").setValue("2544123");
  expect((on.get("bind-code").element as HTMLInputElement).value).toBe("254412");
  await on.get("bind-code").trigger("submit");
  await flushPromises();
  expect(on.backend.asked).toContainEqual(["confirmBind", "claim", "254412"]);
});

test("the tray's line and a notification mean the device that asks", async () => {
  const on = await stage("asks");
  on.backend.showPage({ page: "bind" });
  await flushPromises();
  expect(state(on)).toBe("confirming");
  expect(starts(on)).toHaveLength(0);
});

test("wrong digits are cleared, and the tries that are left are told", async () => {
  const on = await stage("bind-confirming");
  await on.get("bind-code").setValue("07");
  await on.get("bind-code").trigger("submit");
  await flushPromises();
  expect(on.text("page-bind")).toContain("2 tries left");
  expect((on.get("bind-code").element as HTMLInputElement).value).toBe("");
  for (let tries = 0; tries < 2; tries += 1) {
    await on.get("bind-code").setValue("07");
    await on.get("bind-code").trigger("submit");
    await flushPromises();
  }
  expect(state(on)).toBe("failed");
  expect(on.text("bind-state")).toContain("Three times the digits were wrong");
});

test("only digits are taken, full-width ones too", async () => {
  const on = await stage("bind-confirming");
  await on.get("bind-code").setValue(" ４a2x9");
  expect((on.get("bind-code").element as HTMLInputElement).value).toBe("42");
});

test("a device without screen and speaker is let in by a click", async () => {
  const on = await stage("bind-allow");
  expect(on.has("bind-code")).toBe(false);
  await on.get("bind-confirm").trigger("submit");
  await flushPromises();
  expect(on.backend.asked).toContainEqual(["confirmBind", "code-1", "allow"]);
  expect(state(on)).toBe("bound");
});

test("a device is rejected, and a new code is one click away", async () => {
  const on = await stage("bind-confirming");
  await on.click("bind-reject");
  expect(on.backend.asked).toContainEqual(["rejectBind", "code-1"]);
  expect(on.text("bind-state")).toContain("The device was rejected.");
  await on.click("bind-new");
  expect(state(on)).toBe("waiting");
  expect(starts(on)).toHaveLength(2);
});

test("what another code comes to is not ours", async () => {
  const on = await stage("bind");
  on.backend.progress("another", { state: "failed", reason: "rejected" });
  await flushPromises();
  expect(state(on)).toBe("waiting");
});

describe("a code that ran out", () => {
  const seen = (visible: boolean): void => {
    vi.spyOn(document, "visibilityState", "get").mockReturnValue(visible ? "visible" : "hidden");
  };

  test("is replaced while the page is seen", async () => {
    const on = await stage("bind");
    await progress(on, { state: "failed", reason: "expired" });
    expect([state(on), starts(on).length]).toEqual(["waiting", 2]);
  });

  test("is replaced only when the page is seen again", async () => {
    const on = await stage("bind");
    seen(false);
    await progress(on, { state: "failed", reason: "expired" });
    expect([state(on), starts(on).length]).toEqual(["failed", 1]);
    seen(true);
    document.dispatchEvent(new Event("visibilitychange"));
    await flushPromises();
    expect([state(on), starts(on).length]).toEqual(["waiting", 2]);
  });

  test("is not replaced for a page that is gone", async () => {
    const on = await stage("bind");
    seen(false);
    await progress(on, { state: "failed", reason: "expired" });
    await on.click("nav-settings");
    seen(true);
    document.dispatchEvent(new Event("visibilitychange"));
    await flushPromises();
    expect(starts(on)).toHaveLength(1);
  });
});

test("every other reason is told, and no new code is made by itself", async () => {
  for (const reason of ["rejected", "second_claim", "wrong_code", "too_many_failures", "device_left", "replaced", "not_stored", "of_tomorrow"]) {
    const on = await stage("bind");
    await progress(on, { state: "failed", reason });
    expect(on.text("bind-state")).toContain(bindReason(reason, en).what);
    expect(starts(on)).toHaveLength(1);
    on.app.unmount();
  }
  expect(bindReason("of_tomorrow", en)).toBe(en.bind.reasons.other);
  expect(bindReason("toString", en)).toBe(en.bind.reasons.other);
});

describe("the network", () => {
  test("is asked for once, and no code is made before", async () => {
    const on = await stage("bind-ask");
    expect(starts(on)).toHaveLength(0);
    await on.click("allow-network");
    expect(on.backend.asked).toContainEqual(["allowNetwork", true]);
    expect(state(on)).toBe("waiting");
    expect(on.has("bind-unproven")).toBe(true);
  });

  test("may be refused: then the page says that no phone can use the code, and how to change that", async () => {
    const on = await stage("bind-ask");
    await on.click("refuse-network");
    expect(on.text("bind-loopback")).toContain("A phone cannot use this code");
    await on.click("allow-network");
    expect(on.has("bind-loopback")).toBe(false);
    expect(starts(on).length).toBeGreaterThanOrEqual(2);
  });

  test("has several addresses: another one makes another code", async () => {
    const on = await stage("bind");
    expect(on.has("bind-proven")).toBe(true);
    await on.get("bind-address").setValue("10.0.0.7");
    await flushPromises();
    expect(starts(on).at(-1)).toEqual(["startBind", "10.0.0.7"]);
    expect(on.has("bind-unproven")).toBe(true);
  });

  test("changes: the code names the address that is there now", async () => {
    const on = await stage("bind");
    on.backend.tell((view) => (view.network.addresses = view.network.addresses.slice(1)));
    await flushPromises();
    expect(starts(on)).toHaveLength(2);
    expect(on.text("bind-url")).toContain("http://10.0.0.7:8765/b#1.");
  });

  test("changes of what is proven make no new code", async () => {
    const on = await stage("bind-unproven");
    on.backend.tell((view) => view.network.addresses.forEach((address) => (address.provenMs = 5)));
    await flushPromises();
    expect(starts(on)).toHaveLength(1);
    expect(on.has("bind-proven")).toBe(true);
  });
});

test("no code is asked for while the service is stopped, and one as soon as it runs", async () => {
  const on = await stage("bind-stopped");
  expect(starts(on)).toHaveLength(0);
  await on.click("service-start");
  expect(state(on)).toBe("waiting");
});

test("a code that cannot be made is told, with the way out", async () => {
  const on = await stage("home");
  on.backend.failNext.set("startBind", { code: "too_many" });
  on.backend.showPage({ page: "bind" });
  await flushPromises();
  expect(on.get("failure").attributes("data-code")).toBe("too_many");
  await on.click("bind-new");
  expect(state(on)).toBe("waiting");
});

test("the link is copied", async () => {
  const on = await stage("bind");
  await on.click("bind-link");
  expect(on.backend.asked.at(-1)?.[1]).toMatch(/^http:\/\/192\.168\.1\.20:8765\/b#1\./);
  expect(on.text("bind-link")).toBe("Copied");
});

test("the ring runs down calmly", async () => {
  vi.useFakeTimers({ now: 1_000_000 });
  const on = await stage("bind");
  const offset = (): number => Number(on.app.get(".ring .left").attributes("stroke-dashoffset"));
  expect(offset()).toBe(0);
  await vi.advanceTimersByTimeAsync(90_000);
  expect(offset()).toBe(500);
  await vi.advanceTimersByTimeAsync(200_000);
  expect(offset()).toBe(1000);
});

test("a code that cannot be followed any more gives way to a new one", async () => {
  const on = await stage("home");
  on.backend.failNext.set("watchBind", { code: "bind_unknown" });
  on.backend.showPage({ page: "bind" });
  await flushPromises();
  expect(on.has("bind-qr")).toBe(false);
  await on.click("bind-new");
  expect(state(on)).toBe("waiting");
});

test("a device that is let in while the network was never asked about ends in the success, not in the question", async () => {
  const on = await stage("pending");
  on.backend.tell((view) => (view.network.permission = "unasked"));
  await on.click("pending-open");
  await on.get("bind-code").setValue("42");
  await on.get("bind-code").trigger("submit");
  await flushPromises();
  expect(state(on)).toBe("bound");
  await on.click("bind-another");
  expect(starts(on)).toHaveLength(1);
});
