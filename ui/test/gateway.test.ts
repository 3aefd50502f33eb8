import { flushPromises } from "@vue/test-utils";
import { describe, expect, test, vi } from "vitest";

import type { PairingRequest } from "../src/backend";
import { IDS, REQUESTS } from "../src/backend.fake/gateway";
import { en } from "../src/locales/en";
import { stage, type Stage } from "./stage";

const READ_MS = 1500;
const card = ({ app }: Stage, id: string) => app.get(`[data-test="gateway-request"][data-request="${id}"]`);
const row = ({ app }: Stage, id: string) => app.get(`[data-test="gateway-device"][data-id="${id}"]`);
const dialog = ({ app }: Stage) => app.find("dialog");
const asked = ({ backend }: Stage, name: string) => backend.asked.filter(([request]) => request === name);
const rights = (on: { findAll(selector: string): { attributes(name: string): string | undefined }[] }) => on.findAll("[data-right]").map((right) => right.attributes("data-right"));

async function openDialog(on: Stage, id: string): Promise<void> {
  await card(on, id).get('[data-test="request-approve"]').trigger("click");
  await flushPromises();
}

async function read(): Promise<void> {
  vi.advanceTimersByTime(READ_MS);
  await flushPromises();
}

/** A stage whose clock is ours. */
async function timed(scene: Parameters<typeof stage>[0]): Promise<Stage> {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  return stage(scene);
}

async function choose(on: Stage, id: string, entry: string): Promise<void> {
  await row(on, id).get('[data-test="gateway-menu"]').trigger("click");
  await on.click(entry);
}

function change(on: Stage, to: (pending: PairingRequest[]) => PairingRequest[]): Promise<void> {
  on.backend.changeGateway((gateway) => (gateway.pending = to(gateway.pending)));
  return flushPromises().then(() => {});
}

describe("how SmartPi stands with OpenClaw", () => {
  test("is explained before anything happens, and begins with a click", async () => {
    const on = await stage("gateway-off");
    expect(on.text("gateway-card")).toContain("with a key of its own");
    expect(on.has("gateway-disconnect")).toBe(false);
    expect(asked(on, "gatewayDevices")).toEqual([]);
    await on.click("gateway-connect");
    expect(asked(on, "connectGateway")).toEqual([["connectGateway", true]]);
    expect(on.get("gateway-card").attributes("data-state")).toBe("connecting");
    expect(on.text("gateway-card")).toContain("Connecting to OpenClaw…");
    await on.click("gateway-disconnect");
    expect(asked(on, "connectGateway")).toContainEqual(["connectGateway", false]);
  });

  test("is a sentence with version and address while it is connected", async () => {
    const on = await stage("gateway");
    expect(on.text("gateway-card")).toMatch(/Connected since .*\d\d:\d\d.*OpenClaw 2026\.9\.6 at 127\.0\.0\.1:18789/);
    expect(on.has("gateway-retry")).toBe(false);
  });

  test("says why it waits and when it tries again, and offers what helps", async () => {
    const on = await stage("gateway-waiting");
    expect(on.text("gateway-card")).toContain("OpenClaw is not running.");
    expect(on.text("gateway-card")).toContain("within a minute");
    expect(on.text("gateway-card")).toContain("openclaw gateway start");
    on.backend.tell(({ care }) => (care.service = null));
    await flushPromises();
    expect(on.text("gateway-card")).toContain("openclaw gateway run");
    expect(on.text("gateway-offline")).toBe(en.gateway.offline);
    expect(asked(on, "gatewayDevices")).toEqual([]);
  });

  test("says what a person can do where only a person can, and tries again on a click", async () => {
    const on = await stage("gateway-stuck");
    expect(on.text("gateway-card")).toContain(en.failures.gateway_token_wrong.next);
    await on.click("gateway-retry");
    expect(asked(on, "connectGateway")).toEqual([["connectGateway", true]]);
    const keys = await stage("gateway-keyring");
    await keys.click("gateway-keys");
    expect(keys.has("page-settings")).toBe(true);
  });

  test("says why a wish could not be granted", async () => {
    const on = await stage("gateway-off");
    on.backend.failNext.set("connectGateway", { code: "settings_not_saved" });
    await on.click("gateway-connect");
    expect(on.get("failure").attributes("data-code")).toBe("settings_not_saved");
  });
});

describe("who asks", () => {
  test("is marked in the sidebar with a number, and in words for who hears it", async () => {
    const on = await stage("gateway-asks");
    await on.click("nav-devices");
    expect(on.text("nav-waiting")).toContain("3 ask for access");
    await change(on, () => []);
    expect(on.has("nav-waiting")).toBe(false);
  });

  test("comes first on the page, with who it is and what it wants in words", async () => {
    const on = await stage("gateway-asks");
    const page = on.text("page-gateway");
    expect(page.indexOf("Ben's tablet")).toBeLessThan(page.indexOf("Connected since"));
    const tablet = card(on, REQUESTS.tablet);
    expect(tablet.text()).toContain("OpenClaw for Android");
    expect(tablet.text()).toContain(en.gateway.scopes["operator.write"]);
    // Exact words are there, but folded.
    expect(tablet.get("details").attributes("open")).toBeUndefined();
    expect(tablet.get("details").text()).toContain(REQUESTS.tablet);
  });

  test("shows of an upgrade only what is new as new, and what it has beside it", async () => {
    const on = await stage("gateway-asks");
    const phone = card(on, REQUESTS.phone);
    expect(rights(phone.get('[data-test="request-fresh"]'))).toEqual(["operator.admin"]);
    expect(rights(phone.get('[data-test="request-held"]'))).toEqual(["operator.write", "node"]);
    await openDialog(on, REQUESTS.phone);
    expect(rights(on.get("approve-rights"))).toEqual(["operator.admin"]);
    expect(dialog(on).text()).toContain(en.gateway.fullControl);
  });

  test("says of a request for nothing more that nothing is new", async () => {
    const on = await stage("gateway-asks");
    const dashboard = card(on, REQUESTS.dashboard);
    expect(dashboard.find("h3").text()).toBe("d222b85d");
    expect(dashboard.text()).toContain(en.gateway.wantsSame);
    expect(dashboard.find('[data-test="request-fresh"]').exists()).toBe(false);
  });

  test("is turned away by one click, exactly this one", async () => {
    const on = await stage("gateway-asks");
    await card(on, REQUESTS.phone).get('[data-test="request-reject"]').trigger("click");
    await flushPromises();
    expect(asked(on, "rejectPairing")).toEqual([["rejectPairing", REQUESTS.phone]]);
    expect(on.text("gateway-told")).toContain("was turned away");
    expect(document.activeElement).toBe(on.get("gateway-told").element);
  });
});

describe("an approval", () => {
  test("works only after a moment, for the mouse and the keyboard alike, and says so", async () => {
    const on = await timed("gateway-asks");
    await openDialog(on, REQUESTS.tablet);
    const yes = on.get("approve-yes");
    expect(yes.attributes("aria-disabled")).toBe("true");
    expect(yes.attributes("aria-describedby")).toBe(on.get("approve-hint").attributes("id"));
    expect(on.text("approve-hint")).toBe(en.gateway.readFirst);
    // It can be reached and heard, but neither click nor key says yes.
    expect(yes.attributes("disabled")).toBeUndefined();
    (yes.element as HTMLButtonElement).click();
    await flushPromises();
    vi.advanceTimersByTime(READ_MS - 1);
    await on.click("approve-yes");
    expect(asked(on, "approvePairing")).toEqual([]);
    vi.advanceTimersByTime(1);
    await flushPromises();
    expect(on.get("approve-yes").attributes("aria-disabled")).toBe("false");
    expect(on.text("approve-hint")).toBe(en.gateway.canApprove);
    await on.click("approve-yes");
    expect(asked(on, "approvePairing")).toEqual([["approvePairing", REQUESTS.tablet]]);
  });

  test("approves exactly the request that was read, though another comes before it", async () => {
    const on = await timed("gateway-asks");
    await openDialog(on, REQUESTS.phone);
    await change(on, (pending) => [{ ...pending[1]!, requestId: "another", deviceId: IDS.node, name: "Anna's iPhone" }, ...pending]);
    await read();
    await on.click("approve-yes");
    expect(asked(on, "approvePairing")).toEqual([["approvePairing", REQUESTS.phone]]);
    // The request goes before the answer is here: that is ours, not a vanishing.
    expect(dialog(on).exists()).toBe(false);
    expect(on.text("gateway-told")).toBe(en.gateway.approved("Anna's iPhone"));
  });

  test("is closed with words when the request goes", async () => {
    const on = await timed("gateway-asks");
    await openDialog(on, REQUESTS.tablet);
    await read();
    await change(on, (pending) => pending.slice(1));
    expect(dialog(on).exists()).toBe(false);
    expect(on.text("gateway-told")).toBe(en.gateway.gone("Ben's tablet"));
    expect(asked(on, "approvePairing")).toEqual([]);
  });

  test.each([
    ["under the same id", (request: PairingRequest): PairingRequest => ({ ...request, scopes: ["operator.admin"] })],
    ["under a new id", (request: PairingRequest): PairingRequest => ({ ...request, requestId: "new", scopes: ["operator.admin"] })],
  ])("is closed with words when the request changes %s", async (_, changed) => {
    const on = await timed("gateway-asks");
    await openDialog(on, REQUESTS.tablet);
    await read();
    await change(on, ([first, ...rest]) => [changed(first!), ...rest]);
    expect(dialog(on).exists()).toBe(false);
    expect(on.text("gateway-told")).toBe(en.gateway.changed("Ben's tablet"));
    expect(asked(on, "approvePairing")).toEqual([]);
  });

  test("stays while the request only asks again", async () => {
    const on = await timed("gateway-asks");
    await openDialog(on, REQUESTS.tablet);
    await change(on, ([first, ...rest]) => [{ ...first!, atMs: Date.now() }, ...rest]);
    expect(dialog(on).exists()).toBe(true);
  });

  test("is closed with words when the connection is lost", async () => {
    const on = await timed("gateway-asks");
    await openDialog(on, REQUESTS.tablet);
    on.backend.changeGateway((gateway) => Object.assign(gateway, { state: "waiting", failure: { code: "gateway_down" }, pending: [] }));
    await flushPromises();
    expect(on.text("gateway-told")).toBe(en.gateway.lostMeanwhile);
  });

  test("that was refused says why, and one whose end nobody knows does not say that nothing happened", async () => {
    const on = await timed("gateway-asks");
    on.backend.failNext.set("approvePairing", { code: "gateway_no_answer" });
    await openDialog(on, REQUESTS.tablet);
    await read();
    await on.click("approve-yes");
    expect(dialog(on).text()).toContain(en.failures.gateway_no_answer.what);
    await change(on, (pending) => pending.slice(1));
    expect(dialog(on).text()).toContain(en.failures.gateway_no_answer.what);
    expect(on.get("approve-yes").attributes("aria-disabled")).toBe("true");
    expect(on.text("gateway-told")).toBe("");
  });

  test("gives up when the gateway does not know the request any more", async () => {
    const on = await timed("gateway-asks");
    on.backend.failNext.set("approvePairing", { code: "gateway_request_unknown" });
    await openDialog(on, REQUESTS.tablet);
    await read();
    await on.click("approve-yes");
    expect(dialog(on).text()).toContain(en.failures.gateway_request_unknown.what);
    await change(on, (pending) => pending.slice(1));
    expect(on.text("gateway-told")).toBe(en.gateway.gone("Ben's tablet"));
  });

  test("that SmartPi cannot give is told before", async () => {
    const on = await timed("gateway-limited");
    await openDialog(on, REQUESTS.phone);
    expect(on.text("approve-cannot")).toBe(en.gateway.cannotGrant);
    const able = await timed("gateway-asks");
    await openDialog(able, REQUESTS.phone);
    expect(able.has("approve-cannot")).toBe(false);
  });
});

describe("who has access", () => {
  test("is told by a row each, the rest folded", async () => {
    const on = await stage("gateway");
    expect(row(on, IDS.phone).text()).toContain("Connected");
    expect(row(on, IDS.dashboard).text()).toContain("Full control");
    expect(row(on, IDS.node).text()).toContain("Works for OpenClaw");
    expect(on.has("gateway-details")).toBe(false);
    await row(on, IDS.phone).get(".name").trigger("click");
    const details = on.text("gateway-details");
    expect(details).toContain(en.gateway.scopes["operator.approvals"]);
    expect(details).toMatch(/operator · made .* · last used/);
    expect(details).toContain(IDS.phone);
  });

  test("shows no dangerous button for this app", async () => {
    const on = await stage("gateway");
    expect(row(on, IDS.ours).text()).toContain("This app");
    await row(on, IDS.ours).get('[data-test="gateway-menu"]').trigger("click");
    expect(row(on, IDS.ours).findAll('[role="menuitem"]').map((item) => item.attributes("data-test"))).toEqual(["gateway-rename"]);
    expect(row(on, IDS.ours).find(".danger").exists()).toBe(false);
    const old = await stage("gateway-old");
    expect(row(old, IDS.ours).find('[data-test="gateway-menu"]').exists()).toBe(false);
  });

  test("offers names only where the gateway takes them, and tokens only where there are any", async () => {
    const items = async (scene: "gateway" | "gateway-old", id: string) => {
      const on = await stage(scene);
      await row(on, id).get('[data-test="gateway-menu"]').trigger("click");
      return row(on, id).findAll('[role="menuitem"]').map((item) => item.attributes("data-test"));
    };
    expect(await items("gateway", IDS.laptop)).toEqual(["gateway-rename", "gateway-rotate-operator", "gateway-revoke-operator", "gateway-remove"]);
    expect(await items("gateway-old", IDS.laptop)).not.toContain("gateway-rename");
    expect(await items("gateway", IDS.node)).toEqual(["gateway-rename", "gateway-remove"]);
    expect(await items("gateway", IDS.phone)).toEqual(expect.arrayContaining(["gateway-rotate-node", "gateway-rotate-operator"]));
  });

  test("says that a token was taken back, and does not offer to do it again", async () => {
    const on = await stage("gateway");
    const { paired } = on.backend;
    on.backend.paired = paired.map((device) => ({ ...device, tokens: device.tokens.map((token) => ({ ...token, revokedMs: device.deviceId === IDS.dashboard ? Date.now() : null })) }));
    on.backend.changeGateway(() => {});
    await flushPromises();
    expect(row(on, IDS.laptop).get('[data-test="gateway-device-state"]').text()).not.toContain("No access");
    const dashboard = row(on, IDS.dashboard);
    expect(dashboard.get('[data-test="gateway-device-state"]').text()).toContain("No access: its token was revoked");
    expect(dashboard.text()).not.toContain("Full control");
    await dashboard.get('[data-test="gateway-menu"]').trigger("click");
    expect(dashboard.findAll('[role="menuitem"]').map((item) => item.attributes("data-test"))).toEqual(["gateway-rename", "gateway-rotate-operator", "gateway-remove"]);
  });

  test("is asked anew whenever it may have changed, and not while SmartPi is away", async () => {
    const on = await stage("gateway");
    expect(asked(on, "gatewayDevices")).toHaveLength(1);
    on.backend.paired = on.backend.paired.slice(0, 2);
    on.backend.changeGateway(() => {});
    await flushPromises();
    expect(asked(on, "gatewayDevices")).toHaveLength(2);
    expect(on.all("gateway-device")).toHaveLength(2);
    on.backend.tell((view) => (view.revision += 1));
    await flushPromises();
    expect(asked(on, "gatewayDevices")).toHaveLength(2);
    on.backend.changeGateway((gateway) => (gateway.state = "connecting"));
    await flushPromises();
    expect(on.has("gateway-device")).toBe(false);
    on.backend.changeGateway((gateway) => (gateway.state = "online"));
    await flushPromises();
    expect(asked(on, "gatewayDevices")).toHaveLength(3);
  });

  test("is asked again on a click when it could not be told", async () => {
    const on = await stage("gateway-failed");
    expect(on.get("failure").attributes("data-code")).toBe("gateway_no_answer");
    on.backend.scene.gatewayDevices = undefined;
    await on.click("gateway-again");
    expect(on.has("failure")).toBe(false);
    expect(on.all("gateway-device")).toHaveLength(5);
  });

  test("is a word where there is nobody, and while it is looked for", async () => {
    const on = await stage("gateway-alone");
    expect(on.text("gateway-empty")).toContain("Nobody else has access");
    expect(on.has("gateway-clear")).toBe(false);
    expect((await stage("gateway-loading")).has("gateway-loading")).toBe(true);
  });

  test("is renamed in place", async () => {
    const on = await stage("gateway");
    await choose(on, IDS.laptop, "gateway-rename");
    await on.get("rename-name").setValue("x".repeat(65));
    expect(row(on, IDS.laptop).text()).toContain("1 to 64 characters");
    await on.get("rename-name").setValue(" Kitchen Mac ");
    await on.get("rename-name").trigger("submit");
    await flushPromises();
    expect(asked(on, "renameGatewayDevice")).toEqual([["renameGatewayDevice", IDS.laptop, "Kitchen Mac"]]);
    expect(row(on, IDS.laptop).text()).toContain("Kitchen Mac");
  });

  test.each([
    ["gateway-rotate-operator", en.gateway.rotateNeeds, ["rotateToken", IDS.laptop, "operator"], en.gateway.rotated("Living room Mac")],
    ["gateway-revoke-operator", en.gateway.comesBack, ["revokeToken", IDS.laptop, "operator"], en.gateway.revoked("Living room Mac")],
    ["gateway-remove", en.gateway.removeText, ["removeGatewayDevice", IDS.laptop], en.gateway.removed("Living room Mac")],
  ])("%s says what it costs before, and then what happened", async (entry, cost, request, told) => {
    const on = await stage("gateway");
    await choose(on, IDS.laptop, entry);
    expect(dialog(on).text()).toContain(cost);
    await on.click("gateway-no");
    expect(asked(on, String(request[0]))).toEqual([]);
    await choose(on, IDS.laptop, entry);
    await on.click("gateway-yes");
    expect(asked(on, String(request[0]))).toEqual([request]);
    expect(on.text("gateway-told")).toBe(told);
  });

  test("is not changed where the gateway refuses, and the dialog says why", async () => {
    const on = await stage("gateway");
    on.backend.failNext.set("removeGatewayDevice", { code: "gateway_scope" });
    await choose(on, IDS.phone, "gateway-remove");
    expect(dialog(on).text()).toContain(en.gateway.removeNode);
    await on.click("gateway-yes");
    expect(dialog(on).text()).toContain(en.failures.gateway_scope.what);
  });
});

describe("removing all others", () => {
  test("needs the word typed, in the language of the window", async () => {
    const on = await stage("gateway-asks", "zh");
    await on.click("gateway-clear");
    await on.get("clear-devices").setValue(true);
    await on.click("clear-yes");
    await on.get("clear-word").setValue("remove");
    await on.click("clear-yes");
    expect(asked(on, "clearGateway")).toEqual([]);
    expect(on.get("clear-yes").attributes("aria-disabled")).toBe("true");
    await on.get("clear-word").setValue(" 移除 ");
    await on.click("clear-yes");
    expect(asked(on, "clearGateway")).toEqual([["clearGateway", true]]);
    expect(on.text("gateway-told")).toBe("已移除 4 台设备，已拒绝 3 个请求。");
    expect(on.all("gateway-device")).toHaveLength(1);
  });

  test("spares the devices unless they are meant, and a word typed for one does not do for the other", async () => {
    const on = await stage("gateway-asks");
    await on.click("gateway-clear");
    await on.get("clear-devices").setValue(true);
    await on.get("clear-word").setValue("remove");
    await on.get("clear-requests").setValue(true);
    await on.click("clear-yes");
    await on.get("clear-word").setValue("remove");
    await on.click("clear-yes");
    expect(asked(on, "clearGateway")).toEqual([]);
    await on.get("clear-word").setValue("Reject");
    await on.get("clear-word").trigger("submit");
    await flushPromises();
    expect(asked(on, "clearGateway")).toEqual([["clearGateway", false]]);
    expect(on.all("gateway-device")).toHaveLength(5);
  });

  test("asks about devices alone where nobody waits", async () => {
    const on = await stage("gateway");
    await on.click("gateway-clear");
    expect(on.has("clear-requests")).toBe(false);
    await on.get("clear-word").setValue("remove");
    await on.click("clear-yes");
    expect(asked(on, "clearGateway")).toEqual([["clearGateway", true]]);
  });
});

test("a request that was told is a line of the activity", async () => {
  const on = await stage("gateway-asks");
  await on.click("nav-activity");
  expect(on.app.get('[data-test="activity-notice"][data-kind="pairing"]').text()).toContain("Ben's tablet and Anna's iPhone asked OpenClaw for access");
});

test("the program can open the page, for a notification", async () => {
  const on = await stage("home");
  on.backend.showPage({ page: "gateway" });
  await flushPromises();
  expect(on.has("page-gateway")).toBe(true);
  expect(document.title).toBe("OpenClaw – SmartPi");
});

