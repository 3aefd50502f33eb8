/** What a phone says of its connection, and does about it, when the network goes silent without a word. */
import { describe, expect, it } from "vitest";

import { ANSWER_LIMIT, OVERDUE_AFTER, Pulse } from "../src/pulse.ts";
import { Dice, ScriptedService } from "./scriptedService.ts";
import { Pocket, type Tab } from "./world.ts";

interface Bound {
  pocket: Pocket;
  tab: Tab;
  device: string;
}

async function boundPhone(seed: number): Promise<Bound> {
  const dice = new Dice(seed);
  const pocket = new Pocket(dice, new ScriptedService(dice));
  const tab = pocket.openTab();
  await pocket.bind(tab);
  return { pocket, tab, device: [...pocket.service.accounts.keys()][0] ?? expect.fail("not bound") };
}

/** Rings the alarms of the next `span` milliseconds while nothing arrives anywhere. */
async function waitInSilence(pocket: Pocket, span: number): Promise<void> {
  const end = pocket.now + span;
  do {
    await pocket.breathe();
    while (pocket.turnDisk()) await pocket.breathe();
  } while (pocket.passTime(end - pocket.now));
  pocket.now = end;
}

/** What the phone sent on its newest connection and nobody has read. */
const unread = (pocket: Pocket): string[] => (pocket.service.open.at(-1)?.toService ?? []).map((text) => (JSON.parse(text) as { t: string }).t);

describe("a phone whose network went silent", () => {
  it("asks after 5 s without an ack, stops saying connected, and has another connection after 10 s", async () => {
    const { pocket, tab, device } = await boundPhone(21);
    const [before] = pocket.service.open;
    void tab.phone.send("anybody there?");
    await waitInSilence(pocket, ANSWER_LIMIT - 1);
    expect(unread(pocket)).toEqual(["msg"]);
    expect(tab.phone.connection).toEqual({ is: "connected" });
    await waitInSilence(pocket, 1);
    expect(unread(pocket)).toEqual(["msg", "ping"]);
    await waitInSilence(pocket, OVERDUE_AFTER);
    expect(tab.phone.connection).toEqual({ is: "connecting" });
    await waitInSilence(pocket, ANSWER_LIMIT - OVERDUE_AFTER - 1);
    expect(pocket.service.open).toEqual([before]);
    await waitInSilence(pocket, 1);
    expect(pocket.service.open.filter((connection) => connection !== before)).toHaveLength(1);
    expect(tab.phone.connection).toEqual({ is: "connecting" });
    await pocket.settle();
    expect(tab.phone.connection).toEqual({ is: "connected" });
    expect(pocket.service.accounts.get(device)?.messages.map((message) => message.text)).toEqual(["anybody there?"]);
    expect(tab.phone.conversation.waiting).toEqual([]);
  });

  it("stays on a connection that is only slow, keeps what it shows of an answer, and asks again", async () => {
    const { pocket, tab, device } = await boundPhone(22);
    void tab.phone.send("first");
    await pocket.settle();
    const first = pocket.service.accounts.get(device)?.messages[0]?.id ?? expect.fail("not stored");
    pocket.service.ready(device)?.put({ t: "turn", re: first, s: "running", stage: "writing" });
    pocket.service.ready(device)?.put({ t: "partial", re: first, text: "half" });
    await pocket.settle();
    const [connection] = pocket.service.open;
    void tab.phone.send("second");
    for (let round = 0; round < 4; round++) {
      await waitInSilence(pocket, ANSWER_LIMIT + OVERDUE_AFTER);
      expect(tab.phone.connection).toEqual({ is: "connecting" });
      expect(unread(pocket)).toEqual(["msg", ...Array.from({ length: round + 1 }, () => "ping")]);
      connection?.put({ t: "pong", c: 1 });
      connection?.deliverToPhone();
      expect(tab.phone.connection).toEqual({ is: "connected" });
    }
    expect(tab.phone.conversation.growing.get(first)).toBe("half");
    const mine = tab.phone.conversation.all.find((entry) => entry.who === "me" && entry.id === first);
    expect(mine?.who === "me" && tab.phone.conversation.now(mine).look).toBe("working");
    expect(pocket.service.open).toEqual([connection]);
    await pocket.settle();
    expect(pocket.service.accounts.get(device)?.messages.map((message) => message.text)).toEqual(["first", "second"]);
  });

  it("asks at once when the browser says offline, and does not dial then", async () => {
    const { pocket, tab } = await boundPhone(23);
    const [before] = pocket.service.open;
    tab.phone.doubt();
    tab.phone.doubt();
    expect(unread(pocket)).toEqual(["ping"]);
    await waitInSilence(pocket, OVERDUE_AFTER);
    expect(tab.phone.connection).toEqual({ is: "connecting" });
    await waitInSilence(pocket, ANSWER_LIMIT - OVERDUE_AFTER);
    expect(before?.isOver).toBe(true);
    expect(pocket.service.open).toHaveLength(1);
    pocket.service.up = false;
    pocket.service.breakAll();
    for (let round = 0; round < 8; round++) pocket.passTime();
    pocket.service.breakAll();
    const dialed = pocket.service.open.length;
    tab.phone.doubt();
    expect(pocket.service.open).toHaveLength(dialed);
  });

  it("says nothing else while the answer to a wake-up comes in time", async () => {
    const { pocket, tab } = await boundPhone(24);
    const [before] = pocket.service.open;
    tab.phone.wake();
    tab.phone.wake();
    expect(unread(pocket)).toEqual(["ping"]);
    expect(tab.phone.connection).toEqual({ is: "connected" });
    await pocket.settle();
    expect(tab.phone.connection).toEqual({ is: "connected" });
    expect(pocket.service.open).toEqual([before]);
  });

  it("asks after 5 s without `ready`, and dials anew after 10 s", async () => {
    const { pocket, tab } = await boundPhone(25);
    pocket.service.breakAll();
    while (pocket.service.open.length === 0) pocket.passTime();
    const [silent] = pocket.service.open;
    while (silent?.deliverToPhone()) await pocket.breathe();
    expect(unread(pocket)).toEqual(["auth"]);
    await waitInSilence(pocket, ANSWER_LIMIT);
    expect(unread(pocket)).toEqual(["auth", "ping"]);
    await waitInSilence(pocket, ANSWER_LIMIT);
    while (pocket.service.open.at(-1) === silent && pocket.passTime(1_000)) await pocket.breathe();
    expect(pocket.service.open.at(-1)).not.toBe(silent);
    await pocket.settle();
    expect(tab.phone.connection).toEqual({ is: "connected" });
  });
});

describe("a pulse", () => {
  it("asks after silence, gives up after an unanswered question, and never both late and at once", () => {
    const pulse = new Pulse();
    expect([pulse.due, pulse.ask(0)]).toEqual([null, null]);
    pulse.start(30_000, 1_000);
    expect([pulse.due, pulse.check(30_999), pulse.check(31_000)]).toEqual([31_000, "fine", "ask"]);
    expect([pulse.check(500_000), pulse.ask(500_000), pulse.check(500_000), pulse.isOverdue]).toEqual(["ask", 1, "fine", false]);
    expect([pulse.check(501_000), pulse.isOverdue, pulse.due, pulse.check(505_000)]).toEqual(["fine", true, 505_000, "dead"]);
    pulse.heard(505_000);
    expect([pulse.isOverdue, pulse.due]).toEqual([false, 535_000]);
    pulse.expect(true, 510_000);
    pulse.expect(true, 512_000);
    expect(pulse.due).toBe(515_000);
    pulse.expect(false, 512_000);
    expect([pulse.due, pulse.isDead(549_999), pulse.isDead(550_000)]).toEqual([535_000, false, true]);
    pulse.stop();
    expect([pulse.due, pulse.isDead(900_000), pulse.check(900_000)]).toEqual([null, false, "fine"]);
  });

  it("does not ask without pause when the service names no interval", () => {
    const pulse = new Pulse();
    pulse.start(0, 1_000);
    expect(pulse.due).toBe(1_000 + ANSWER_LIMIT);
  });
});
