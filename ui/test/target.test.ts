import { flushPromises } from "@vue/test-utils";
import { describe, expect, test } from "vitest";

import { FINGERPRINT } from "../src/backend.fake/target";
import { en } from "../src/locales/en";
import { zh } from "../src/locales/zh";
import { stage, type Stage } from "./stage";

const asked = ({ backend }: Stage, name: string) => backend.asked.filter(([request]) => request === name).map(([, what]) => what);
const isHeld = (on: Stage) => on.get("target-connect").attributes("disabled") !== undefined;

/** A form is sent by its button. */
async function send(on: Stage, button: string): Promise<void> {
  await on.get(button).trigger("submit");
  await flushPromises();
}

describe("which OpenClaw", () => {
  test("is the one of this computer until a person chooses another", async () => {
    const on = await stage("target");
    expect(on.get("settings-target").attributes("data-place")).toBe("here");
    expect(on.has("target-local")).toBe(false);
    expect(asked(on, "lookAtGateway")).toEqual([]);
  });

  test("is looked at before anything is typed that is secret", async () => {
    const on = await stage("target");
    await on.click("target-choose");
    expect(on.has("target-secret")).toBe(false);
    await on.get("target-url").setValue("office");
    await send(on, "target-look");
    expect(on.get("failure").attributes("data-code")).toBe("gateway_address_bad");
    expect(on.has("target-secret")).toBe(false);
  });

  test("with a certificate of its own is pinned only after a person compared it", async () => {
    const on = await stage("target");
    await on.click("target-choose");
    await on.get("target-url").setValue("wss://192.168.1.4:18789");
    await send(on, "target-look");
    expect(on.text("target-fingerprint")).toContain(FINGERPRINT);
    await on.get("target-secret").setValue("a-token");
    expect(isHeld(on)).toBe(true);
    await send(on, "target-connect");
    expect(asked(on, "chooseGateway")).toEqual([]);
    await on.get("target-agree").setValue(true);
    expect(isHeld(on)).toBe(false);
    await send(on, "target-connect");
    expect(asked(on, "chooseGateway")).toEqual([{ url: "wss://192.168.1.4:18789/", tlsFingerprint: FINGERPRINT, secret: { kind: "token", text: "a-token" }, readable: false }]);
    expect(on.text("target-told")).toBe(en.target.done("2026.9.6"));
    expect(on.get("settings-target").attributes("data-place")).toBe("there");
    await on.click("target-local");
    expect(on.get("settings-target").attributes("data-place")).toBe("here");
    expect(on.text("target-told")).toBe(en.target.backDone);
  });

  test("whose certificate the computer trusts needs no comparing, and pins nothing", async () => {
    const on = await stage("target");
    await on.click("target-choose");
    await on.get("target-url").setValue("wss://gateway.example");
    await send(on, "target-look");
    expect(on.has("target-agree")).toBe(false);
    await on.get("target-password").setValue(true);
    await on.get("target-secret").setValue("a-password");
    await send(on, "target-connect");
    expect(asked(on, "chooseGateway")).toEqual([{ url: "wss://gateway.example/", tlsFingerprint: null, secret: { kind: "password", text: "a-password" }, readable: false }]);
  });

  test("without encryption is told, and a click agrees to it", async () => {
    for (const [url, text] of [["ws://192.168.1.4:18789", en.target.readable], ["ws://127.0.0.1:7", en.target.computer]] as const) {
      const on = await stage("target");
      await on.click("target-choose");
      await on.get("target-url").setValue(url);
      await send(on, "target-look");
      expect(on.text("target-plain")).toBe(text);
      await on.get("target-none").setValue(true);
      expect(isHeld(on)).toBe(true);
      await on.get("target-agree").setValue(true);
      await send(on, "target-connect");
      expect(asked(on, "chooseGateway")).toEqual([{ url: `${url}/`, tlsFingerprint: null, secret: null, readable: true }]);
    }
  });

  test("that refuses stays unchosen, and the words say why", async () => {
    const on = await stage("target", "zh");
    await on.click("target-choose");
    await on.get("target-url").setValue("wss://gateway.example");
    await send(on, "target-look");
    await on.get("target-secret").setValue("wrong");
    await send(on, "target-connect");
    expect(on.text("failure")).toContain(zh.failures.gateway_secret_refused.what);
    await on.click("target-back");
    await on.click("target-cancel");
    expect(on.get("settings-target").attributes("data-place")).toBe("here");
  });

  test("that asks its owner first says what to run there", async () => {
    const on = await stage("target");
    await on.click("target-choose");
    await on.get("target-url").setValue("wss://gateway.example");
    await send(on, "target-look");
    await on.get("target-secret").setValue("ask");
    await send(on, "target-connect");
    expect(on.app.get("dialog").text()).toContain("openclaw devices approve 5e42109d-0eb8-48e0-89f0-b66ddd16e884");
    await on.click("target-finish");
    expect(on.get("settings-target").attributes("data-place")).toBe("there");
  });
});

describe("another computer's OpenClaw", () => {
  test("is named on its page", async () => {
    const on = await stage("gateway-there");
    expect(on.text("gateway-elsewhere")).toBe(`${en.target.elsewhere}: wss://192.168.1.4:18789`);
    expect((await stage("gateway")).has("gateway-elsewhere")).toBe(false);
  });

  test("that cannot be reached is left with one click", async () => {
    const on = await stage("gateway-there-changed");
    expect(on.text("gateway-card")).toContain(en.failures.gateway_certificate_changed.what);
    await on.click("gateway-local");
    expect(asked(on, "chooseLocalGateway")).toHaveLength(1);
    expect(on.has("gateway-elsewhere")).toBe(false);
  });

  test("that waits for its owner says what to run there", async () => {
    const on = await stage("gateway-there-asks");
    expect(on.text("gateway-card")).toContain("openclaw devices approve 5e42109d");
  });
});
