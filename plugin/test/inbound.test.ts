import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AgentUnresolvedError, NotAdmittedError, type Agent, type AgentMessage } from "../src/agent.ts";
import { Answered } from "../src/answered.ts";
import type { Bridge } from "../src/bridge.ts";
import { Inbound } from "../src/inbound.ts";
import { Outbox } from "../src/outbox.ts";
import { deviceOf } from "../src/devices.ts";
import { sendMedia, sendText } from "../src/outbound.ts";
import { Speakers } from "../src/speakers.ts";
import { Turn, type RunSink } from "../src/turn.ts";
import type { FromPlugin, KeptFrame } from "../src/wire.ts";

const [A, B] = ["kzdvvj2umnduyauf35o36k6kw4", "aaaaaaaaaaaaaaaaaaaaaaaaaa"];

/** A run that the test steers. */
interface Run { message: AgentMessage; sink: RunSink; signal: AbortSignal; finish(isDeferred?: boolean): void; fail(error: unknown): void }

class SteeredAgent implements Agent {
  readonly runs: Run[] = [];
  run(message: AgentMessage, sink: RunSink, signal: AbortSignal, onAgent: (agentId: string) => void): Promise<{ isDeferred: boolean }> {
    onAgent("main");
    return new Promise((resolve, reject) => this.runs.push({ message, sink, signal, finish: (isDeferred = false) => resolve({ isDeferred }), fail: reject }));
  }
}

let folder: string;
let sent: FromPlugin[];
let logged: string[];
let outbox: Outbox;
let answered: Answered;
let inbound: Inbound;
let agent: SteeredAgent;
const log = { info: (line: string) => void logged.push(line), warn: (line: string) => void logged.push(line), error: (line: string) => void logged.push(line) };

async function open(): Promise<void> {
  outbox = await Outbox.open(folder, log);
  answered = await Answered.open(folder, log);
  inbound = new Inbound(outbox, answered, (frame) => void sent.push(frame), log, { abortGraceMs: 50, recoveryMs: 300, recoverySettleMs: 20 });
  agent = new SteeredAgent();
  inbound.use(agent);
}

async function close(): Promise<void> {
  await outbox.close();
  await answered.close();
}

const deliver = (device: string, id: string, text = "hi"): string => {
  inbound.onDeliver({ t: "deliver", turn: `${device}.${id}`, device, name: "Kitchen", text, ts: 1 });
  return `${device}.${id}`;
};
const kept = (turn: string): Partial<KeptFrame>[] => outbox.waiting.filter((frame) => (frame as { turn?: string }).turn === turn).map(({ rid: _rid, ...frame }) => frame);
const run = async (count: number): Promise<Run> => {
  await vi.waitFor(() => expect(agent.runs.length).toBeGreaterThanOrEqual(count));
  return agent.runs[count - 1] as Run;
};
const ended = (turn: string): Promise<Partial<KeptFrame>[]> => vi.waitFor(() => {
  expect(outbox.holdsDone(turn)).toBe(true);
  return kept(turn);
});
/** Everything that needs no more than the event loop has happened after this. */
const turnOver = async (): Promise<void> => {
  for (let round = 0; round < 10; round += 1) await new Promise((resolve) => setImmediate(resolve));
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "smartpi-inbound-"));
  sent = [];
  logged = [];
  await open();
});
afterEach(async () => {
  await close();
  rmSync(folder, { recursive: true, force: true });
});

describe("a turn", () => {
  test("accepted, progress, partial, reply, done", async () => {
    const turn = deliver(A, "1");
    expect(sent).toEqual([{ t: "accepted", turn }]);
    const { sink, finish } = await run(1);
    sink.started();
    sink.stage("thinking");
    sink.partial(() => "The li");
    await sink.reply("The light is on.", false);
    finish();
    expect(await ended(turn)).toEqual([{ t: "reply", turn, text: "The light is on." }, { t: "done", turn, outcome: "answered" }]);
    expect(sent.slice(1)).toEqual([{ t: "progress", turn, stage: "thinking" }, { t: "progress", turn, stage: "writing" }, { t: "partial", turn, text: "The li" }]);
    expect(answered.isOver(turn)).toBe(true);
  });

  test("partials: the newest, five a second, none after the reply, none that does not fit", () => {
    vi.useFakeTimers();
    try {
      const turn = new Turn(`${A}.1`, A as string, { keep: () => Promise.resolve() } as unknown as Outbox, (frame) => void sent.push(frame));
      const partials = (): string[] => sent.flatMap((frame) => (frame.t === "partial" ? [frame.text] : []));
      let reads = 0;
      for (let index = 0; index < 100; index += 1) {
        turn.partial(() => {
          reads += 1;
          return `${index}`;
        });
        vi.advanceTimersByTime(10);
      }
      expect(partials()).toEqual(["0", "19", "39", "59", "79", "99"]);
      expect(reads).toBe(6);
      vi.advanceTimersByTime(10_000);
      turn.partial(() => "x".repeat(32_769));
      vi.advanceTimersByTime(10_000);
      turn.partial(() => undefined);
      vi.advanceTimersByTime(10_000);
      turn.partial(() => "100");
      turn.partial(() => "never sent: the reply comes first");
      void turn.reply("all", false);
      vi.advanceTimersByTime(10_000);
      void turn.end("answered");
      turn.partial(() => "too late");
      vi.advanceTimersByTime(10_000);
      expect(partials()).toEqual(["0", "19", "39", "59", "79", "99", "100"]);
    } finally {
      vi.useRealTimers();
    }
  });

  test("a long answer comes in pieces, an error is told as one", async () => {
    const turn = deliver(A, "1");
    const { sink, finish } = await run(1);
    await sink.reply("y".repeat(40_000), false);
    await sink.reply("The model is overloaded.", true);
    finish();
    const frames = await ended(turn);
    expect(frames.map((frame) => (frame.t === "reply" ? frame.text?.length : frame.t))).toEqual([32_768, 7_232, 24, "done"]);
    expect(frames[2]).toMatchObject({ error: true });
    expect(frames[3]).toMatchObject({ outcome: "answered" });
  });

  test.each([
    ["silent", true],
    ["duplicate", false],
  ])("without words: %s", async (outcome, hasStarted) => {
    const turn = deliver(A, "1");
    const { sink, finish } = await run(1);
    if (hasStarted) sink.started();
    finish();
    expect(await ended(turn)).toEqual([{ t: "done", turn, outcome }]);
  });

  test.each([
    [new AgentUnresolvedError("Several agents."), 9020],
    [new NotAdmittedError("not allowed"), 9014],
    [new Error("boom"), 9019],
  ])("%s ends it as failed", async (error, code) => {
    const turn = deliver(A, "1");
    (await run(1)).fail(error);
    expect(await ended(turn)).toEqual([{ t: "done", turn, outcome: "failed", code, detail: error.message }]);
    expect(logged.some((line) => line.includes("cannot resolve agentId"))).toBe(code === 9020);
  });

  test("a long failure is cut to 500 characters, whole ones", async () => {
    const turn = deliver(A, "1");
    (await run(1)).fail(new Error("🚀".repeat(600)));
    const [done] = await ended(turn);
    expect([...((done as { detail: string }).detail ?? "")]).toHaveLength(500);
  });
});

describe("order", () => {
  test("one turn of a device at a time, in order; other devices beside it", async () => {
    const turns = [deliver(A, "1"), deliver(A, "2"), deliver(B, "1")];
    await run(2);
    expect(agent.runs.map(({ message }) => message.turn)).toEqual([turns[0], turns[2]]);
    agent.runs[0]?.fail(new Error("a failure does not stop the next"));
    expect((await run(3)).message.turn).toBe(turns[1]);
  });

  test("four run at the same time, the fifth waits", async () => {
    const devices = ["b", "c", "d", "e", "f"].map((letter) => letter.repeat(26));
    for (const device of devices) deliver(device, "1");
    await run(4);
    await turnOver();
    expect(agent.runs).toHaveLength(4);
    agent.runs[2]?.finish();
    expect((await run(5)).message.device).toBe(devices[4]);
  });
});

describe("delivered again", () => {
  test("while it runs: accepted, not run again", async () => {
    const turn = deliver(A, "1");
    await run(1);
    deliver(A, "1");
    expect(sent.filter((frame) => frame.t === "accepted")).toHaveLength(2);
    agent.runs[0]?.finish();
    await ended(turn);
    expect(agent.runs).toHaveLength(1);
  });

  test("after its end, which waits in the outbox: nothing is added", async () => {
    const turn = deliver(A, "1");
    const { sink, finish } = await run(1);
    await sink.reply("once", false);
    finish();
    const frames = await ended(turn);
    await vi.waitFor(() => expect(answered.isOver(turn)).toBe(true));
    deliver(A, "1");
    await close();
    await open();
    deliver(A, "1");
    await turnOver();
    expect(kept(turn)).toEqual(frames);
    expect(agent.runs).toHaveLength(0);
  });

  test("after its end was stored: a duplicate, also after a restart", async () => {
    const turn = deliver(A, "1");
    (await run(1)).finish();
    await ended(turn);
    await vi.waitFor(() => expect(answered.isOver(turn)).toBe(true));
    for (const { rid } of outbox.waiting) outbox.drop(rid);
    await close();
    await open();
    deliver(A, "1");
    expect(await ended(turn)).toEqual([{ t: "done", turn, outcome: "duplicate" }]);
    expect(agent.runs).toHaveLength(0);
  });
});

describe("abort", () => {
  test("stops a run and ends it as aborted, whatever it still says", async () => {
    const turn = deliver(A, "1");
    const { signal, finish } = await run(1);
    inbound.onAbort(turn);
    expect(signal.aborted).toBe(true);
    finish();
    expect(await ended(turn)).toEqual([{ t: "done", turn, outcome: "aborted" }]);
  });

  test("a run that ignores it is given up, and the next one starts", async () => {
    const turn = deliver(A, "1");
    deliver(A, "2");
    const { sink } = await run(1);
    inbound.onAbort(turn);
    expect(await ended(turn)).toEqual([{ t: "done", turn, outcome: "aborted" }]);
    await sink.reply("much too late", false);
    expect(kept(turn)).toHaveLength(1);
    expect((await run(2)).message.turn).toBe(`${A}.2`);
  });

  test("a turn that waits for a slot ends at once", async () => {
    for (const letter of ["b", "c", "d", "e"]) deliver(letter.repeat(26), "1");
    await run(4);
    const turn = deliver(A, "1");
    inbound.onAbort(turn);
    expect(await ended(turn)).toEqual([{ t: "done", turn, outcome: "aborted" }]);
    agent.runs[0]?.finish();
    deliver(B, "1");
    expect((await run(5)).message.device).toBe(B);
  });

  test("a turn that nobody knows is over", async () => {
    inbound.onAbort(`${A}.9`);
    expect(await ended(`${A}.9`)).toEqual([{ t: "done", turn: `${A}.9`, outcome: "aborted" }]);
    inbound.onAbort(`${A}.9`);
    expect(kept(`${A}.9`)).toHaveLength(1);
  });
});

describe("answers that come as pushes", () => {
  const speakers = new Speakers();
  const bridge = (): Bridge => ({ outbox, answered, inbound, speakers, log, isLinked: false }) as unknown as Bridge;
  const session = (device: string): string => `agent:main:openclaw-smartpi:default:direct:${device}`;
  /** The host's own delivery: its hook first. */
  const hostSends = async (to: string, text: string, sessionKey?: string): Promise<void> => {
    speakers.hear(to, text, sessionKey);
    await sendText(bridge(), { to, text });
  };

  test.each(["while it is asked for again", "after that"])("a turn that an earlier process began takes the answer that comes %s", async (when) => {
    deliver(A, "1");
    await run(1);
    await close();
    await open();
    const turn = deliver(A, "1");
    const { finish } = await run(1);
    if (when === "after that") {
      finish();
      await vi.waitFor(() => expect(sent.at(-1)).toEqual({ t: "progress", turn, stage: "thinking" }));
    }
    await sendText(bridge(), { to: A, text: "recovered" });
    await sendText(bridge(), { to: A, text: "in two pieces" });
    finish();
    expect(await ended(turn)).toEqual([{ t: "reply", turn, text: "recovered" }, { t: "reply", turn, text: "in two pieces" }, { t: "done", turn, outcome: "answered" }]);
  });

  test("and is a duplicate if none comes", async () => {
    deliver(A, "1");
    await run(1);
    await close();
    await open();
    const turn = deliver(A, "1");
    (await run(1)).finish();
    expect(await ended(turn)).toEqual([{ t: "done", turn, outcome: "duplicate" }]);
  });

  test("before the turn is delivered again, a push names it, and the host's notice is left out", async () => {
    deliver(A, "1");
    await run(1);
    await close();
    await open();
    await hostSends(A as string, "I'm continuing your interrupted request now (the gateway has just restarted).", session(A as string));
    await hostSends(A as string, "I couldn’t confirm whether my previous reply reached this chat, so I won’t resend it automatically.", session(A as string));
    await hostSends(A as string, "recovered", session(A as string));
    await hostSends(B as string, "other", session(B as string));
    await hostSends(A as string, "it rains", "agent:weather:cron:1");
    expect(outbox.waiting).toMatchObject([{ t: "push", to: A, text: "recovered", re_turn: `${A}.1` }, { t: "push", to: B, text: "other" }, { t: "push", to: A, by: "agent:weather" }]);
    expect(outbox.waiting[1]).not.toHaveProperty("re_turn");
    expect(outbox.waiting[2]).not.toHaveProperty("re_turn");
    const turn = deliver(A, "1");
    (await run(1)).finish();
    expect(await ended(turn)).toEqual([{ t: "done", turn, outcome: "answered" }]);
  });

  test("a host that tells no session: the push says what it may be, and the question keeps its own end", async () => {
    deliver(A, "1");
    await run(1);
    await close();
    await open();
    await hostSends(A as string, "recovered");
    expect(outbox.waiting).toMatchObject([{ t: "push", to: A, text: "（这可能是对之前某个问题的回答。）\n(This may be the answer to an earlier question.)\nrecovered" }]);
    expect(outbox.waiting[0]).not.toHaveProperty("re_turn");
    const turn = deliver(A, "1");
    (await run(1)).finish();
    expect(await ended(turn)).toEqual([{ t: "done", turn, outcome: "duplicate" }]);
  });

  test("somebody else's words do not answer a question that waits", async () => {
    deliver(A, "1");
    await run(1);
    await close();
    await open();
    const turn = deliver(A, "1");
    (await run(1)).finish();
    await turnOver();
    await hostSends(A as string, "it rains", "agent:weather:cron:1");
    await hostSends(A as string, "recovered", session(A as string));
    expect(await ended(turn)).toEqual([{ t: "reply", turn, text: "recovered" }, { t: "done", turn, outcome: "answered" }]);
    expect(outbox.waiting).toMatchObject([{ t: "push", text: "it rains" }, { t: "reply" }, { t: "done" }]);
  });

  test("a run that the host put behind another one waits for its answer too", async () => {
    const turn = deliver(A, "1");
    (await run(1)).finish(true);
    await vi.waitFor(async () => {
      await sendText(bridge(), { to: A, text: "deferred" });
      expect(kept(turn)).not.toEqual([]);
    });
    expect((await ended(turn)).at(-1)).toMatchObject({ outcome: "answered" });
  });

  test("pushes tell who asked, also to another device, and text in pieces", async () => {
    inbound.use({
      run: async (message, _sink, _signal, onAgent) => {
        onAgent("kitchen");
        await turnOver();
        await sendText(bridge(), { to: `openclaw-smartpi:${message.device.toUpperCase()}`, text: "mine" });
        await sendText(bridge(), { to: B as string, text: "z".repeat(40_000) });
        return { isDeferred: false };
      },
    });
    const turn = deliver(A, "1");
    await vi.waitFor(() => expect(outbox.holdsDone(turn)).toBe(true));
    expect(outbox.waiting).toMatchObject([
      { t: "push", to: A, text: "mine", by: "agent:kitchen", re_turn: turn },
      { t: "push", to: B, by: "agent:kitchen" },
      { t: "push", to: B, by: "agent:kitchen" },
      { t: "done", turn, outcome: "answered" },
    ]);
    expect(outbox.waiting[1]).not.toHaveProperty("re_turn");
  });

  test("a file is told in words, a wrong target and an empty text are refused", async () => {
    await sendMedia(bridge(), { to: A, text: "look", mediaUrl: "/home/x/secret/cat.png" });
    expect(outbox.waiting[0]).toMatchObject({ text: "look\n（附件，此处无法显示 / attachment, cannot be shown here: cat.png）" });
    await expect(sendText(bridge(), { to: "+49123", text: "x" })).rejects.toThrow("device key");
    await expect(sendText(bridge(), { to: A, text: " " })).rejects.toThrow("empty");
    expect(deviceOf(` smartpi:${A} `)).toBe(A);
    expect(deviceOf(A.slice(1))).toBeUndefined();
  });
});
