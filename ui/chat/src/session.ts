/**
 * This phone's conversation with the service: one connection at a time, again and again. Pure: events in, effects out; `phone.ts` does them.
 * The state table is section 3 of docs/PROTOCOL.md.
 */
import { answerToWait, claimFrame, type ClaimState, failureOf } from "./claim.ts";
import { equalBytes, fromBase64url, toBase64url } from "./encoding.ts";
import type { Progress } from "./history.ts";
import { Outbox, type Outgoing } from "./outbox.ts";
import { keyPin, type Meeting, readyHolds, signAuth } from "./proof.ts";
import { Pulse } from "./pulse.ts";
import { Receipts } from "./receipts.ts";
import { FRESH_DIAL, GREETING_LIMIT, redialDelay, SETTLED_AFTER } from "./reconnect.ts";
import type { Connection, Effect, Goal, SessionEvent, Stop } from "./sessionTerms.ts";
import { type ErrFrame, type FromDevice, type Hello, type LinkState, type Ready, type Reply, type ToDevice, VERSION } from "./wire.ts";

type Phase = "asleep" | "greeting" | "claiming" | "confirming" | "proving" | "ready" | "waiting" | "stopped";
type Alarm = "redial" | "limit" | "settled" | "got" | "outbox";

export class Session {
  claim: ClaimState = { is: "looking" };
  /** The service's name, once it said it. */
  service = "";
  limits = { text: 32_768, frame: 65_536 };

  private phase: Phase = "asleep";
  private state: Connection = { is: "connecting" };
  private conn = 0;
  private effects: Effect[] = [];
  private readonly alarms = new Map<Alarm, number>();
  private readonly pulse = new Pulse();
  private readonly receipts = new Receipts();
  private readonly outbox: Outbox;
  private meeting: Meeting | null = null;
  private hello: Hello | null = null;
  private failures = 0;
  private unproven = 0;
  private lastAlive: number | null = null;
  private dialedAt = 0;
  private leastWait = 0;
  private complaint = 0;

  constructor(
    private goal: Goal,
    private progress: Progress,
    waiting: readonly Outgoing[],
    private readonly chance: { readonly random: () => number; readonly bytes: (length: number) => Uint8Array },
  ) {
    this.outbox = new Outbox(waiting);
  }

  /** What the person is told: an overdue answer is no connection, for all that anybody knows. */
  get connection(): Connection {
    return this.pulse.isOverdue && this.phase === "ready" ? { is: "connecting" } : this.state;
  }

  /** When the next `tick` is due; `null`: only an event changes something. */
  get due(): number | null {
    const due = Math.min(...this.alarms.values(), this.pulse.due ?? Infinity);
    return due === Infinity ? null : due;
  }

  /** One event, at `now` milliseconds since 1970. */
  on(event: SessionEvent, now: number): Effect[] {
    this.effects = [];
    if ("conn" in event && event.conn !== this.conn) return [];
    switch (event.is) {
      case "wake":
        this.onWake(now);
        break;
      case "doubt":
        if (this.phase === "ready" || this.phase === "proving") this.ask(now);
        break;
      case "frame":
        this.pulse.heard(now);
        this.onFrame(event.frame, now);
        break;
      case "garbled":
        this.lost(now, 4007);
        break;
      case "closed":
        this.onClosed(event.code, now);
        break;
      case "tick":
        this.onTick(now);
        break;
      case "written":
        this.outbox.add(event.message);
        break;
      case "waiting":
        this.outbox.follow(event.messages);
        break;
      case "renamed":
        this.outbox.rename(event.id, event.newId);
        break;
      case "kept":
        this.onKept(event.n, event.ok);
        break;
      case "shown":
        if (this.phase === "confirming") this.send({ t: "bind_shown" });
        break;
    }
    this.pump(now);
    this.pulse.expect(this.phase === "claiming" || this.phase === "proving" || (this.phase === "ready" && this.outbox.isUnderWay), now);
    return this.effects;
  }

  private onWake(now: number): void {
    if (this.phase === "asleep" || this.phase === "waiting") return this.dial(now);
    if (this.phase === "stopped") {
      if (this.state.is === "stopped" && this.state.why === "other_computer") this.dial(now);
      return;
    }
    if (this.phase === "greeting" || this.phase === "proving") {
      if (now - this.dialedAt > FRESH_DIAL) this.dial(now);
      return;
    }
    if (this.pulse.isDead(now)) return this.lost(now, 4012, 0);
    this.ask(now);
  }

  /** Asks the service for a sign of life. */
  private ask(now: number): void {
    const c = this.pulse.ask(now);
    if (c !== null) this.send({ t: "ping", c });
  }

  /** The page is closing, or another session takes over. */
  end(): Effect[] {
    this.effects = [];
    if (this.phase !== "stopped") this.stop("done", 1000);
    return this.effects;
  }

  private dial(now: number): void {
    if (this.isOpen()) this.effects.push({ do: "hang_up", conn: this.conn, code: 1000 });
    this.silence();
    this.conn += 1;
    this.phase = "greeting";
    this.meeting = null;
    this.complaint = 0;
    this.leastWait = 0;
    this.dialedAt = now;
    this.alarms.set("limit", now + GREETING_LIMIT);
    if (this.state.is === "stopped") this.state = { is: "connecting" };
    this.effects.push({ do: "dial", conn: this.conn });
  }

  private isOpen(): boolean {
    return this.phase !== "asleep" && this.phase !== "waiting" && this.phase !== "stopped";
  }

  private send(frame: FromDevice): void {
    this.effects.push({ do: "send", conn: this.conn, frame });
  }

  /** Nothing of this connection rings any more. */
  private silence(): void {
    this.alarms.clear();
    this.pulse.stop();
  }

  private onFrame(frame: ToDevice, now: number): void {
    switch (frame.t) {
      case "hello":
        return this.phase === "greeting" ? this.onHello(frame, now) : this.lost(now, 4007);
      case "bind_wait":
        return this.phase === "claiming" ? this.onBindWait(frame, now) : this.lost(now, 4007);
      case "bind_ok":
        return this.phase === "confirming" ? this.onBindOk(now) : this.lost(now, 4007);
      case "ready":
        return this.phase === "proving" ? this.onReady(frame, now) : this.lost(now, 4007);
      case "ping":
        return this.send({ t: "pong", c: frame.c });
      case "pong":
        return;
      case "bye":
        this.complaint = this.complaint === 0 || frame.code === 9021 ? frame.code : this.complaint;
        this.leastWait = Math.max(this.leastWait, frame.retry_ms ?? 0);
        return;
      case "err":
        return this.onErr(frame, now);
    }
    if (this.phase !== "ready") return this.lost(now, 4007);
    switch (frame.t) {
      case "ack":
        return this.onAck(frame);
      case "reply":
        return this.onReply(frame);
      case "link":
        return this.onLink(frame.s);
      default:
        if (this.outbox.settle(frame.re)) this.effects.push({ do: "settle", id: frame.re, state: "saved" });
        this.effects.push({ do: "tell", frame });
    }
  }

  private onHello(hello: Hello, now: number): void {
    const [sn, spk] = [fromBase64url(hello.sn, 32), fromBase64url(hello.spk, 32)];
    if (sn === null || spk === null) return this.lost(now, 4007);
    this.meeting = { sn, spk, cn: this.chance.bytes(32) };
    this.hello = hello;
    this.pulse.start(hello.hb * 1000, now);
    this.limits = { text: hello.limits.text, frame: hello.limits.frame };
    if (hello.v.min > VERSION || hello.v.max < VERSION) return this.refuse("outdated", "outdated");
    if (this.goal.is === "talk") {
      if (!equalBytes(spk, this.goal.spk)) return this.unknown("other_computer", now);
      this.service = hello.name;
      return this.prove(now);
    }
    const k = this.goal.is === "look" ? this.goal.k : this.goal.claim.code.k;
    if (!equalBytes(keyPin(spk), k)) return this.refuse("other_computer", "other_key");
    this.service = hello.name;
    if (this.goal.is === "look") {
      this.claim = { is: "found", service: hello.name, spk };
      return this.stop("done", 1000);
    }
    this.phase = "claiming";
    this.claim = { is: "claiming" };
    this.send(claimFrame(this.goal.claim, this.meeting));
  }

  /** Ends for good, in the words of a binding where this is one. */
  private refuse(why: Stop, claim: Extract<ClaimState, { is: "failed" }>["why"]): void {
    if (this.goal.is !== "talk") this.claim = { is: "failed", why: claim };
    this.stop(why, 1000);
  }

  private prove(now: number): void {
    if (this.goal.is !== "talk" || this.meeting === null) return;
    this.phase = "proving";
    this.alarms.set("limit", now + GREETING_LIMIT);
    const [cn, sig] = [toBase64url(this.meeting.cn), signAuth(this.goal.key, this.meeting)];
    this.send({ t: "auth", v: VERSION, device_key: this.goal.key.name, cn, epoch: this.progress.epoch, last_n: this.progress.lastN, sig });
  }

  private onBindWait(frame: Extract<ToDevice, { t: "bind_wait" }>, now: number): void {
    if (this.goal.is !== "bind" || this.meeting === null) return;
    this.claim = answerToWait(this.goal.claim, this.meeting, frame, now);
    if (this.claim.is === "failed") return this.stop("other_computer", 1000);
    this.phase = "confirming";
    this.alarms.delete("limit");
  }

  private onBindOk(now: number): void {
    if (this.goal.is !== "bind" || this.meeting === null) return;
    this.effects.push({ do: "promote" });
    this.progress = { epoch: "", lastN: 0 };
    this.goal = { is: "talk", key: this.goal.claim.key, spk: this.meeting.spk, pending: null };
    this.meeting = { ...this.meeting, cn: this.chance.bytes(32) };
    this.prove(now);
  }

  private onReady(ready: Ready, now: number): void {
    if (this.goal.is !== "talk" || this.meeting === null || this.hello === null) return;
    const { key, pending } = this.goal;
    if (ready.device_key !== key.name || !readyHolds(this.meeting, key.name, ready.sig)) return this.stop("other_computer", 1000);
    if (pending !== null) {
      this.effects.push({ do: "promote" });
      this.progress = { epoch: "", lastN: 0 };
      this.goal = { ...this.goal, pending: null };
    }
    const behind = ready.n < this.progress.lastN;
    if (ready.resume === "reset" || ready.epoch !== this.progress.epoch || behind) {
      this.progress = { epoch: behind && ready.resume === "ok" ? "" : ready.epoch, lastN: 0 };
      this.effects.push({ do: "restart", epoch: this.progress.epoch, n: ready.n });
    }
    if (behind && ready.resume === "ok") return this.dial(now);
    this.phase = "ready";
    this.unproven = 0;
    this.receipts.connected(this.progress.lastN);
    this.alarms.delete("limit");
    this.alarms.set("settled", now + SETTLED_AFTER);
    this.outbox.connected(now, { perSecond: this.hello.limits.messages_per_s, burst: this.hello.limits.burst });
    this.onLink(ready.link);
  }

  private onLink(state: LinkState): void {
    this.state = { is: state === "online" ? "connected" : "assistant_away" };
  }

  private onAck(frame: Extract<ToDevice, { t: "ack" }>): void {
    if (!this.outbox.settle(frame.id)) return;
    this.effects.push({ do: "settle", id: frame.id, state: "saved" }, { do: "tell", frame });
  }

  private onReply(reply: Reply): void {
    if (reply.re !== undefined) this.outbox.settle(reply.re);
    this.effects.push({ do: "keep", conn: this.conn, reply, epoch: this.progress.epoch });
  }

  private onKept(n: number, ok: boolean): void {
    if (this.phase !== "ready" || !this.receipts.take(n, ok)) return;
    this.progress = { ...this.progress, lastN: Math.max(this.progress.lastN, n) };
  }

  private onErr(frame: ErrFrame, now: number): void {
    if (frame.re === undefined || this.phase !== "ready") {
      this.complaint = frame.code;
      this.leastWait = Math.max(this.leastWait, frame.retry_ms ?? 0);
      return;
    }
    const verdict = this.outbox.refuse(frame.re, frame.code, now, frame.retry_ms);
    if (verdict === "rename") this.effects.push({ do: "rename", id: frame.re });
    if (verdict === "failed") this.effects.push({ do: "settle", id: frame.re, state: "failed", code: frame.code });
    this.effects.push({ do: "tell", frame });
  }

  private onClosed(code: number, now: number): void {
    const complaint = this.complaint || ({ 4004: 9004, 4010: 9021, 4005: 9005 } as Record<number, number>)[code] || 0;
    if (this.goal.is === "bind" && (this.phase === "claiming" || this.phase === "confirming") && complaint !== 0 && complaint !== 9015) {
      this.claim = { is: "failed", why: failureOf(complaint) };
      return this.stop("done", 1000);
    }
    switch (complaint) {
      case 9004:
        return this.unknown("removed", now);
      case 9021:
        return this.stop("elsewhere", 1000);
      case 9010:
        return this.refuse("outdated", "outdated");
      case 9003:
        this.unproven += 1;
        if (this.unproven > 1) return this.stop("refused", 1000);
        return this.lost(now, code);
      default:
        return this.lost(now, code);
    }
  }

  /** The service does not know this phone. A claim whose confirmation may have been lost is made again, or given up. */
  private unknown(why: Stop, now: number): void {
    const pending = this.goal.is === "talk" ? this.goal.pending : null;
    if (pending === null) return this.stop(why, 1000);
    if (pending === "nothing more") {
      this.effects.push({ do: "drop_pending" });
      return this.stop(why, 1000);
    }
    this.goal = { is: "bind", claim: pending };
    this.claim = { is: "claiming" };
    this.dial(now);
  }

  /** The connection is gone; another one is tried after a while. */
  private lost(now: number, code: number, least: number = this.leastWait): void {
    if (!this.isOpen()) return;
    if (this.phase === "ready" || this.phase === "confirming") this.lastAlive = this.pulse.heardAt;
    if (this.phase === "confirming" && this.goal.is === "bind" && this.meeting !== null) {
      this.goal = { is: "talk", key: this.goal.claim.key, spk: this.meeting.spk, pending: this.goal.claim };
      this.claim = { is: "claiming" };
    }
    const wasReady = this.phase === "ready";
    this.effects.push({ do: "hang_up", conn: this.conn, code: code >= 4000 ? code : 1000 });
    this.conn += 1;
    this.failures += 1;
    this.silence();
    this.phase = "waiting";
    const atOnce = code === 4012 && least === 0 && (wasReady || this.failures === 1);
    this.alarms.set("redial", atOnce ? now : now + redialDelay(this.failures, least, this.chance.random));
    const since = this.lastAlive ?? this.dialedAt;
    this.lastAlive ??= this.dialedAt;
    this.state = wasReady ? { is: "connecting" } : { is: "unreachable", since };
  }

  private stop(why: Stop, code: number): void {
    if (this.isOpen()) this.effects.push({ do: "hang_up", conn: this.conn, code });
    this.conn += 1;
    this.silence();
    this.phase = "stopped";
    this.state = { is: "stopped", why };
  }

  private onTick(now: number): void {
    const rung = [...this.alarms].filter(([, at]) => at <= now).map(([alarm]) => alarm);
    for (const alarm of rung) this.alarms.delete(alarm);
    if (rung.includes("redial")) return this.dial(now);
    if (rung.includes("limit")) return this.lost(now, 4012);
    if (rung.includes("settled")) this.failures = 0;
    const finding = this.pulse.check(now);
    if (finding === "dead") this.lost(now, 4012);
    else if (finding === "ask") this.ask(now);
  }

  /** Sends what may be sent now, and notes when more may. */
  private pump(now: number): void {
    if (this.phase !== "ready") return;
    const n = this.receipts.tell(now);
    if (n !== null) this.send({ t: "got", n });
    this.arm("got", this.receipts.due);
    for (let next = this.outbox.take(now); next !== null; next = this.outbox.take(now)) this.send({ t: "msg", ...next });
    this.arm("outbox", this.outbox.dueAt(now));
  }

  private arm(alarm: Alarm, at: number | null): void {
    if (at === null) this.alarms.delete(alarm);
    else this.alarms.set(alarm, at);
  }
}
