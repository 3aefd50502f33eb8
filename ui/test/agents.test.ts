import { flushPromises } from "@vue/test-utils";
import { describe, expect, test } from "vitest";

import { KEYS } from "../src/backend.fake/home";
import { stage, type Stage } from "./stage";

const agentOf = ({ app }: Stage, key: string): string => app.get(`[data-test="device-row"][data-key="${key}"] [data-test="device-agent"]`).text();

async function choose(on: Stage, agent: string): Promise<void> {
  await on.get("answered-choice").setValue(agent);
  await flushPromises();
}

const asked = (on: Stage, name: string): unknown[][] => on.backend.asked.filter(([request]) => request === name);

describe("who answers a device", () => {
  test("is told in its row and its details, with the model", async () => {
    const on = await stage("details");
    expect(agentOf(on, KEYS.phone)).toBe("OpenClaw · Home");
    expect(on.text("answered-by")).toContain("As OpenClaw decides: Home");
    expect(on.text("answered-story")).toBe("It is OpenClaw's default agent. Model: openai/gpt-6-astra");
    expect(asked(on, "gatewayAgents")).toHaveLength(1);
  });

  test("is changed only after the person saw what changes in OpenClaw", async () => {
    const on = await stage("details");
    await choose(on, "kitchen");
    expect(on.text("route-plan")).toContain("From the next message on, Cook answers Anna's phone.");
    expect(on.text("route-plan")).toContain("OpenClaw removes all comments");
    expect(on.text("route-plan")).toContain('"agentId":"kitchen"');
    expect(asked(on, "routeDevice")).toEqual([]);
    await on.click("route-confirm");
    expect(asked(on, "routeDevice")).toEqual([["routeDevice", KEYS.phone, "kitchen", `${KEYS.phone} kitchen`]]);
    expect(agentOf(on, KEYS.phone)).toBe("OpenClaw · Cook");
    expect(agentOf(on, KEYS.kitchen)).toBe("OpenClaw · Home");
    expect(on.text("answered-told")).toBe("Anna's phone is answered by Cook now, as OpenClaw confirms.");
    await choose(on, "");
    await on.click("route-confirm");
    expect(asked(on, "routeDevice").at(-1)).toEqual(["routeDevice", KEYS.phone, null, `${KEYS.phone} null`]);
    expect(agentOf(on, KEYS.phone)).toBe("OpenClaw · Home");
  });

  test("stays as it was when the person changes their mind, or OpenClaw refuses", async () => {
    const on = await stage("details", "zh");
    await choose(on, "kitchen");
    await on.click("route-cancel");
    expect(on.has("route-plan")).toBe(false);
    expect((on.get("answered-choice").element as HTMLSelectElement).value).toBe("");
    await choose(on, "research");
    on.backend.failNext.set("routeDevice", { code: "route_changed" });
    await on.click("route-confirm");
    expect(on.text("answered-by")).toContain("OpenClaw 的配置刚刚被更改");
    expect((on.get("answered-choice").element as HTMLSelectElement).value).toBe("");
    expect(agentOf(on, KEYS.phone)).toBe("OpenClaw · 管家");
  });

  test("is not asked for while SmartPi is not connected, and says where to go", async () => {
    const on = await stage("details-off");
    expect(agentOf(on, KEYS.phone)).toBe("OpenClaw");
    expect(asked(on, "gatewayAgents")).toEqual([]);
    await on.click("answered-connect");
    expect(on.has("page-gateway")).toBe(true);
  });

  test("cannot be chosen where a person wrote a rule, or leads to nobody", async () => {
    const on = await stage("details-hand");
    expect(on.has("answered-choice")).toBe(false);
    expect(on.text("answered-story")).toContain("written by hand");
    const nobody = await stage("details-nobody");
    expect(agentOf(nobody, KEYS.phone)).toBe("OpenClaw · nobody answers");
    expect(nobody.text("answered-story")).toContain("“ghost”, which OpenClaw does not have");
  });

  test("is asked anew when it may have changed", async () => {
    const on = await stage("home");
    on.backend.routes.set(KEYS.phone, { deviceKey: KEYS.phone, agent: "kitchen", known: true, because: "chosen" });
    on.backend.changeGateway((gateway) => (gateway.agentsRevision += 1));
    await flushPromises();
    expect(agentOf(on, KEYS.phone)).toBe("OpenClaw · Cook");
  });
});
