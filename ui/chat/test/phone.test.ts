/** Whole phones against a scripted service: nothing lost, nothing doubled, whatever the network, the disk and the browser do. */
import { describe, expect, it } from "vitest";

import type { Entry, Theirs } from "../src/history.ts";
import { Dice, ScriptedService } from "./scriptedService.ts";
import { Pocket, type Tab } from "./world.ts";

/** Starts a bound phone. */
async function boundPhone(seed: number, lies = false): Promise<{ pocket: Pocket; tab: Tab; device: string }> {
  const dice = new Dice(seed);
  const pocket = new Pocket(dice, new ScriptedService(dice), lies);
  const tab = pocket.openTab();
  await pocket.bind(tab);
  return { pocket, tab, device: [...pocket.service.accounts.keys()][0] ?? expect.fail("not bound") };
}

const texts = (entries: readonly Entry[], who: Entry["who"]): string[] => entries.filter((entry) => entry.who === who).map((entry) => entry.text);

describe("a phone", () => {
  it("binds, sends, and shows the answer", async () => {
    const { pocket, tab, device } = await boundPhone(1);
    expect(tab.phone.connection).toEqual({ is: "connected" });
    expect(tab.phone.page).toMatchObject({ is: "talk", binding: { service: "Study", phone: "Phone" } });
    void tab.phone.send("hello");
    await pocket.settle();
    const [mine] = tab.phone.conversation.all;
    expect(mine).toMatchObject({ who: "me", state: "saved" });
    const id = mine?.who === "me" ? mine.id : "";
    const line = pocket.service.ready(device);
    line?.put({ t: "turn", re: id, s: "running", stage: "thinking" });
    line?.put({ t: "partial", re: id, text: "ans" });
    await pocket.settle();
    expect(tab.phone.conversation.growing.get(id)).toBe("ans");
    expect(mine?.who === "me" && tab.phone.conversation.now(mine).look).toBe("working");
    pocket.service.reply(device, id);
    await pocket.settle();
    expect(tab.phone.conversation.growing.size).toBe(0);
    expect(tab.phone.conversation.all).toMatchObject([{ state: "answered" }, { who: "assistant", re: id }]);
    expect(pocket.service.accounts.get(device)?.replies).toEqual([]);
  });

  it("keeps what is written while the computer is away, and sends it in order", async () => {
    const { pocket, tab, device } = await boundPhone(2);
    pocket.service.up = false;
    pocket.service.breakAll();
    for (const text of ["one", "two", "three"]) {
      void tab.phone.send(text);
      await pocket.breathe();
      while (pocket.turnDisk()) await pocket.breathe();
    }
    for (let round = 0; round < 10; round++) pocket.passTime();
    expect(tab.phone.connection.is).toBe("unreachable");
    expect(tab.phone.conversation.waiting.map((message) => message.text)).toEqual(["one", "two", "three"]);
    pocket.service.up = true;
    tab.phone.wake();
    await pocket.settle();
    expect(pocket.service.accounts.get(device)?.messages.map((message) => message.text)).toEqual(["one", "two", "three"]);
    expect(tab.phone.conversation.waiting).toEqual([]);
  });

  it("says so when it was removed, keeps its key, and binds again without losing what waits", async () => {
    const { pocket, tab, device } = await boundPhone(3);
    void tab.phone.send("before");
    await pocket.settle();
    pocket.service.reply(device);
    await pocket.settle();
    pocket.service.remove(device);
    await pocket.settle();
    expect(tab.phone.connection).toEqual({ is: "stopped", why: "removed" });
    void tab.phone.send("after");
    await pocket.settle();
    const next = pocket.openTab();
    pocket.kill(tab);
    await pocket.bind(next);
    expect([...pocket.service.accounts.keys()]).toEqual([device]);
    expect(pocket.service.accounts.get(device)?.messages.map((message) => message.text)).toEqual(["after"]);
    expect(await pocket.entries()).toMatchObject([{ text: "before", state: "failed", code: 9013 }, { who: "assistant" }, { text: "after", state: "saved" }]);
    pocket.service.reply(device);
    await pocket.settle();
    expect(texts(await pocket.entries(), "assistant")).toHaveLength(2);
  });

  it("keeps the old computer until the new one is confirmed, and then nothing of it reaches the new one", async () => {
    const { pocket, tab } = await boundPhone(4);
    const first = pocket.service;
    first.up = false;
    first.breakAll();
    void tab.phone.send("for the old computer");
    await pocket.breathe();
    while (pocket.turnDisk()) await pocket.breathe();
    const second = new ScriptedService(pocket.dice, "Attic");
    pocket.service = second;
    void tab.phone.start({ is: "code", code: second.newCode() });
    await pocket.settle();
    expect(tab.phone.page).toMatchObject({ is: "bind", replaces: { service: "Study" } });
    void tab.phone.bind("Phone");
    await pocket.settle();
    pocket.service.breakAll();
    void tab.phone.keepFormer();
    await pocket.settle();
    expect(tab.phone.page).toMatchObject({ is: "talk", binding: { service: "Study" } });
    expect(tab.phone.connection).toEqual({ is: "stopped", why: "other_computer" });
    expect(tab.phone.conversation.waiting).toHaveLength(1);

    await pocket.bind(tab);
    expect(tab.phone.page).toMatchObject({ is: "talk", binding: { service: "Attic" } });
    expect(tab.phone.conversation.all).toEqual([]);
    expect([...second.accounts.values()].map((account) => account.messages)).toEqual([[]]);
  });

  it("finds out about a confirmation that got lost, also after a reload", async () => {
    for (const reload of [false, true]) {
      const dice = new Dice(5);
      const pocket = new Pocket(dice, new ScriptedService(dice));
      let tab = pocket.openTab();
      void tab.phone.start({ is: "code", code: pocket.service.newCode() });
      await pocket.settle();
      void tab.phone.bind("Phone");
      await pocket.settle();
      tab.phone.codeShown();
      await pocket.settle();
      expect(pocket.service.confirm()).toBe(true);
      if (reload) {
        pocket.kill(tab);
        tab = pocket.openTab();
        void tab.phone.start({ is: "none" });
      } else pocket.service.breakAll();
      await pocket.settle();
      expect(tab.phone.page.is).toBe("talk");
      expect(tab.phone.connection).toEqual({ is: "connected" });
    }
  });

  it("gives up a claim that nobody confirmed", async () => {
    const dice = new Dice(6);
    const pocket = new Pocket(dice, new ScriptedService(dice));
    const tab = pocket.openTab();
    void tab.phone.start({ is: "code", code: pocket.service.newCode() });
    await pocket.settle();
    void tab.phone.bind("Phone");
    await pocket.settle();
    tab.phone.codeShown();
    await pocket.settle();
    pocket.service.breakAll();
    await pocket.settle();
    expect(tab.phone.claim).toEqual({ is: "failed", why: "expired" });
    pocket.kill(tab);
    const next = pocket.openTab();
    void next.phone.start({ is: "none" });
    await pocket.settle();
    expect(next.phone.page).toEqual({ is: "unbound", why: "none" });
  });

  it("says that it is open elsewhere, and takes the conversation back on request", async () => {
    const { pocket, tab, device } = await boundPhone(7);
    const second = pocket.openTab();
    void second.phone.start({ is: "none" });
    await pocket.settle();
    expect(tab.phone.connection).toEqual({ is: "stopped", why: "elsewhere" });
    tab.phone.wake();
    await pocket.settle();
    expect(second.phone.connection).toEqual({ is: "connected" });
    pocket.service.reply(device);
    await pocket.settle();
    expect(texts(tab.phone.conversation.all, "assistant")).toHaveLength(1);
    void tab.phone.resume();
    await pocket.settle();
    expect([tab.phone.connection, second.phone.connection]).toEqual([{ is: "connected" }, { is: "stopped", why: "elsewhere" }]);
  });

  it("sends nothing to a service with another key", async () => {
    const { pocket, tab } = await boundPhone(8);
    const impostor = new ScriptedService(pocket.dice, "Study");
    pocket.service.breakAll();
    pocket.service = impostor;
    let heard = 0;
    const dial = impostor.dial.bind(impostor);
    impostor.dial = (...args) => {
      const connection = dial(...args);
      connection.send = () => void heard++;
      return connection;
    };
    await pocket.settle();
    expect(tab.phone.connection).toEqual({ is: "stopped", why: "other_computer" });
    expect(heard).toBe(0);
  });

  it("obeys refusals: waits, renames, or gives up, and keeps the order", async () => {
    const { pocket, tab, device } = await boundPhone(9);
    pocket.service.refusals = [{ code: 9005, retry_ms: 250 }, { code: 9008 }, { code: 9009 }, { code: 9006 }, { code: 9011 }];
    for (const text of ["a", "b", "c"]) void tab.phone.send(text);
    await pocket.settle();
    expect(pocket.service.accounts.get(device)?.messages.map((message) => message.text)).toEqual(["b", "c"]);
    expect(await pocket.entries()).toMatchObject([{ text: "a", state: "failed", code: 9006 }, { text: "b", state: "saved" }, { text: "c", state: "saved" }]);
  });

  it("shows a reply that it cannot save, says so, and does not claim to have it", async () => {
    const { pocket, tab, device } = await boundPhone(10);
    tab.store.full = true;
    pocket.service.reply(device);
    await pocket.settle();
    expect(tab.phone.trouble).toBe("full");
    expect(texts(tab.phone.conversation.all, "assistant")).toHaveLength(1);
    expect(pocket.service.accounts.get(device)?.replies).toHaveLength(1);
    const failure = tab.phone.send("no room");
    await pocket.settle();
    expect(await failure).toBe("full");
    tab.store.full = false;
    pocket.service.breakAll();
    await pocket.settle();
    expect(texts(tab.phone.conversation.all, "assistant")).toHaveLength(1);
    expect(texts(await pocket.entries(), "assistant")).toHaveLength(1);
    expect(pocket.service.accounts.get(device)?.replies).toEqual([]);
    expect(tab.phone.trouble).toBeNull();
  });

  it("asks less often than the service allows while 1,000 replies come in", async () => {
    const { pocket, tab, device } = await boundPhone(11);
    const gots: number[] = [];
    pocket.service.onGot = () => gots.push(pocket.now);
    for (let count = 0; count < 1000; count++) pocket.service.reply(device);
    await pocket.settle();
    expect(tab.phone.conversation.all.length).toBe(1000);
    expect((await pocket.entries()).length).toBeLessThanOrEqual(550);
    expect(gots.every((at, index) => index === 0 || at - (gots[index - 1] ?? 0) >= 100)).toBe(true);
    expect(pocket.service.accounts.get(device)?.replies).toEqual([]);
  });

  it("notices a silent service, and a dead connection after sleep", async () => {
    const { pocket, tab } = await boundPhone(12);
    pocket.service.up = false;
    const before = pocket.now;
    while (tab.phone.connection.is === "connected" && pocket.passTime()) await pocket.breathe();
    expect(pocket.now - before).toBeLessThanOrEqual(45_000);
    pocket.service.up = true;
    await pocket.settle();
    expect(tab.phone.connection.is).toBe("connected");
    pocket.service.up = false;
    pocket.now += 10_000;
    tab.phone.wake();
    const woken = pocket.now;
    while (tab.phone.connection.is === "connected" && pocket.passTime()) await pocket.breathe();
    expect(pocket.now - woken).toBeLessThanOrEqual(5_000);
  });
});

/** Random lives of a phone. Returns what is wrong at the end. */
async function live(seed: number, lies: boolean): Promise<string[]> {
  const { pocket, device } = await boundPhone(seed, lies);
  const { dice, service } = pocket;
  const faults: string[] = [];
  const sent: string[] = [];
  const pages: Tab[] = [];
  let asked = 0;
  service.onGot = (_, replies) => {
    void pocket.entries().then((entries) => {
      for (const { frame } of replies) {
        if (!entries.some((entry) => entry.who === "assistant" && entry.rid === frame.rid)) faults.push(`got before ${frame.rid} was on disk`);
      }
    });
  };
  for (let step = 0; step < 120; step++) {
    const tab = pocket.tabs.at(-1) ?? pocket.openTab();
    const connection = service.open.length > 0 ? dice.pick(service.open) : null;
    const roll = dice.below(100);
    if (roll < 30) pocket.turnDisk();
    else if (roll < 50) connection?.deliverToPhone();
    else if (roll < 68) connection?.deliverToService();
    else if (roll < 78) {
      const text = `${++asked} from page ${pages.indexOf(tab) < 0 ? pages.push(tab) - 1 : pages.indexOf(tab)}`;
      void tab.phone.send(text).then((failure) => (failure === null ? sent.push(text) : 0));
    } else if (roll < 86) {
      const open = service.accounts.get(device)?.messages ?? [];
      service.reply(device, dice.below(3) > 0 && open.length > 0 ? dice.pick(open).id : undefined);
    } else if (roll < 89) service.breakAll();
    else if (roll < 91) {
      pocket.kill(tab);
      void pocket.openTab().phone.start({ is: "none" });
    } else if (roll < 92 && pocket.tabs.length < 3) void pocket.openTab().phone.start({ is: "none" });
    else if (roll < 93) service.epoch = `e${dice.below(1000)}`;
    else if (roll < 94) service.refusals.push({ code: dice.pick([9005, 9008, 9009]), retry_ms: dice.below(3000) });
    else if (roll < 95) dice.pick(pocket.tabs).phone.wake();
    else pocket.passTime();
    if (dice.below(3) > 0) await pocket.breathe();
  }
  await pocket.settle();
  const last = pocket.tabs.at(-1) ?? pocket.openTab();
  void last.phone.resume();
  await pocket.settle();
  const entries = await pocket.entries();
  const account = service.accounts.get(device);
  const stored = account?.messages.map((message) => message.text) ?? [];
  const shown = entries.filter((entry): entry is Theirs => entry.who === "assistant").map((entry) => entry.rid);
  const check = (what: string, got: readonly string[], want: readonly string[]): void => {
    if (JSON.stringify(got) !== JSON.stringify(want)) faults.push(`${what}: ${got.join()} instead of ${want.join()}`);
  };
  check("stored messages", [...stored].sort(), texts(entries, "me").sort());
  for (const page of pages.keys()) {
    const ofPage = (text: string): boolean => text.endsWith(` ${page}`);
    check(`order of page ${page}`, stored.filter(ofPage), texts(entries, "me").filter(ofPage));
  }
  check("messages that were said to be saved", sent.filter((text) => !stored.includes(text)), []);
  check("doubled", stored.filter((text, index) => stored.indexOf(text) !== index), []);
  check("replies on disk", shown, account?.made ?? []);
  check("replies on the screen", last.phone.conversation.all.filter((entry): entry is Theirs => entry.who === "assistant").map((entry) => entry.rid), account?.made ?? []);
  check("still at the service", account?.replies.map(({ frame }) => frame.rid) ?? [], []);
  check("still waiting", last.phone.conversation.waiting.map((message) => message.text), []);
  return faults;
}

describe("no message is lost and none doubled", () => {
  const seeds = Array.from({ length: Number(process.env["LIVES"] ?? 120) }, (_, index) => 1000 + index);

  it("in random lives with broken connections, killed pages, second tabs and new stores", { timeout: 120_000 }, async () => {
    for (const seed of seeds) expect(await live(seed, false), `seed ${seed}`).toEqual([]);
  });

  it("and a browser that says `saved` too early is caught", { timeout: 120_000 }, async () => {
    let caught = 0;
    for (const seed of seeds.slice(0, 30)) if ((await live(seed, true)).length > 0) caught++;
    expect(caught).toBeGreaterThan(0);
  });
});
