/** This phone: its identity, its conversation and its session, whatever screen and network it has. */
import type { BindingCode, ScannedCode } from "./bindingCode.ts";
import type { Claim, ClaimState } from "./claim.ts";
import { Conversation } from "./conversation.ts";
import { equalBytes } from "./encoding.ts";
import { addMine, doubtSaved, loadEntries, loadProgress, type Progress, renameMine, restart, settleMine, takeReply, theirs } from "./history.ts";
import { type Binding, dropPending, forgetEverything, type Identity, loadIdentity, notePending, promotePending } from "./identity.ts";
import { deviceKeyOf, keyPin } from "./proof.ts";
import { Session } from "./session.ts";
import type { Connection, Effect, Goal, SessionEvent } from "./sessionTerms.ts";
import { type Store, StoreError } from "./store.ts";
import { newUlid } from "./ulid.ts";
import { decodeFrame, encodeFrame, type Reply, textLength } from "./wire.ts";

/** One connection to the service. Closing it twice does nothing. */
export interface Line {
  send(text: string): void;
  close(code: number): void;
}

/** The world around: clock, chance, network. */
export interface World {
  now(): number;
  random(): number;
  bytes(length: number): Uint8Array;
  dial(heard: (data: unknown) => void, closed: (code: number) => void): Line;
  /** Sets the one alarm of this phone, in place of the one before; `null`: none. */
  alarm(at: number | null, ring: () => void): void;
  /** Tells other tabs that the store changed. */
  announce(what: "entries" | "identity"): void;
  /** Something to see changed. */
  changed(): void;
}

/** What the page is about. */
export type Page =
  /** Reading what is saved, or asking the service whether a binding was confirmed. */
  | { readonly is: "loading" }
  /** Nothing is bound; `why`: what was wrong with the code that was opened. */
  | { readonly is: "unbound"; readonly why: "none" | "newer" | "broken" }
  /** A code was opened. `replaces`: the computer this phone is bound to now. */
  | { readonly is: "bind"; readonly code: BindingCode; readonly replaces: Binding | null; readonly known: Binding | null }
  | { readonly is: "talk"; readonly binding: Binding };

/** Why saving does not work. `forgets`: this browser keeps nothing after the page closes. */
export type Trouble = "full" | "broken" | "forgets";

/** What kept a message from being sent. */
export type SendFailure = "empty" | "too_long" | "full" | "broken";

/** Nobody knows what became of a message. */
const OUTCOME_UNKNOWN = 9013;

/** A claim whose confirmation got lost is looked for this long, milliseconds. */
const PENDING_FOR = 10 * 60_000;

export class Phone {
  page: Page = { is: "loading" };
  readonly conversation = new Conversation();
  trouble: Trouble | null;

  private session: Session | null = null;
  private line: Line | null = null;
  private identity: Identity = { bound: null, pending: null };
  private progress: Progress = { epoch: "", lastN: 0 };
  private work: Promise<unknown> = Promise.resolve();
  private wasRemoved = false;
  private rebound: { lastN: number } | null = null;

  constructor(
    private readonly store: Store,
    private readonly world: World,
  ) {
    this.trouble = store.lasting ? null : "forgets";
  }

  get connection(): Connection {
    if (this.session !== null) return this.session.connection;
    return this.page.is === "talk" ? { is: "stopped", why: "elsewhere" } : { is: "connecting" };
  }

  get claim(): ClaimState {
    return this.session?.claim ?? { is: "looking" };
  }

  /** Name of the service, as it says itself or as it did last. */
  get service(): string {
    return this.session?.service || (this.page.is === "talk" ? this.page.binding.service : "");
  }

  /** Resolves when everything asked of the store so far is done. */
  idle(): Promise<unknown> {
    return this.work;
  }

  /** Reads what is saved and begins: with the code that was opened, or with the computer this phone is bound to. */
  async start(scanned: ScannedCode): Promise<void> {
    await this.reload();
    const { bound, pending } = this.identity;
    if (scanned.is === "code") return this.look(scanned.code);
    if (scanned.is !== "none") return this.show({ is: "unbound", why: scanned.is });
    if (pending !== null && this.world.now() - pending.at < PENDING_FOR) return this.talk(pending, "nothing more");
    if (bound !== null) return this.talk(bound, null);
    this.show({ is: "unbound", why: "none" });
  }

  /** A computer to go back to when a code turns out to be no good. */
  get former(): Binding | null {
    return this.identity.bound;
  }

  /** Leaves the binding page. */
  async keepFormer(): Promise<void> {
    await this.enqueue(() => this.store.atomically(dropPending));
    await this.start({ is: "none" });
  }

  private async reload(): Promise<void> {
    await this.enqueue(async () => {
      const { identity, progress, entries } = await this.store.atomically(async (records) => ({
        identity: await loadIdentity(records),
        progress: await loadProgress(records),
        entries: await loadEntries(records),
      }));
      this.identity = identity;
      this.progress = progress;
      this.conversation.load(entries);
    });
  }

  private show(page: Page): void {
    this.page = page;
    if (page.is === "unbound") this.end();
    this.world.changed();
  }

  private end(): void {
    const session = this.session;
    if (session !== null) this.perform(session, session.end());
    this.session = null;
  }

  /** Only a confirmed binding has a past: no other service is told how far this phone got, or sent what waits. */
  private begin(goal: Goal): void {
    this.end();
    const confirmed = goal.is === "talk" && goal.pending === null;
    const progress = confirmed ? this.progress : { epoch: "", lastN: 0 };
    const { world } = this;
    const chance = { random: () => world.random(), bytes: (length: number) => world.bytes(length) };
    this.session = new Session(goal, progress, confirmed ? this.conversation.waiting : [], chance);
    this.event(this.session, { is: "wake" });
  }

  private look(code: BindingCode): void {
    const { bound } = this.identity;
    const same = bound !== null && equalBytes(keyPin(bound.spk), code.k);
    this.page = { is: "bind", code, replaces: same ? null : bound, known: same ? bound : null };
    this.begin({ is: "look", k: code.k });
    this.world.changed();
  }

  private talk(binding: Binding, pending: "nothing more" | null): void {
    this.page = pending === null ? { is: "talk", binding } : { is: "loading" };
    this.begin({ is: "talk", key: deviceKeyOf(binding.seed), spk: binding.spk, pending });
    this.world.changed();
  }

  /** The person wants to be bound, under this name for the phone. */
  async bind(phone: string): Promise<void> {
    if (this.page.is !== "bind" || this.session?.claim.is !== "found") return;
    const { code, known } = this.page;
    const { service, spk } = this.session.claim;
    const again = [known, this.identity.pending].find((binding) => binding !== null && equalBytes(binding.spk, spk));
    const pending: Binding = { seed: again?.seed ?? this.world.bytes(32), spk, service, phone, at: this.world.now() };
    const saved = await this.enqueue(() => this.store.atomically((records) => notePending(records, pending)));
    if (saved === null) return this.world.changed();
    this.identity = { ...this.identity, pending };
    const claim: Claim = { code, key: deviceKeyOf(pending.seed), phone };
    this.begin({ is: "bind", claim });
    this.world.changed();
  }

  /** The two digits are on the screen. */
  codeShown(): void {
    if (this.session !== null) this.event(this.session, { is: "shown" });
  }

  /** Back from sleep, back on the network, or the person asks: try now. */
  wake(): void {
    if (this.session !== null) this.event(this.session, { is: "wake" });
  }

  /** The browser says that the network is gone: see whether it is. */
  doubt(): void {
    if (this.session !== null) this.event(this.session, { is: "doubt" });
  }

  /** The person takes the conversation back from another window, or tries again. */
  async resume(): Promise<void> {
    if (this.page.is === "bind") return this.look(this.page.code);
    await this.start({ is: "none" });
  }

  /** Another tab changed the store. */
  async storeChanged(what: "entries" | "identity"): Promise<void> {
    await this.reload();
    if (what === "identity" && this.page.is !== "bind") {
      this.end();
      const { bound } = this.identity;
      this.page = bound === null ? { is: "unbound", why: "none" } : { is: "talk", binding: bound };
    }
    if (this.session !== null && this.page.is === "talk") this.event(this.session, { is: "waiting", messages: this.conversation.waiting });
    this.world.changed();
  }

  /** Whether a text can be sent. */
  fits(text: string): boolean {
    const { limits } = this.session ?? { limits: { text: 32_768, frame: 65_536 } };
    const frame = encodeFrame({ t: "msg", id: newUlid(0, new Uint8Array(10)), text });
    return textLength(text) <= limits.text && textLength(frame) <= limits.frame;
  }

  /** Saves a message and sends it as soon as it can be. `null`: it is saved. */
  async send(typed: string): Promise<SendFailure | null> {
    const text = new TextDecoder().decode(new TextEncoder().encode(typed)).trim();
    if (text === "") return "empty";
    if (!this.fits(text)) return "too_long";
    const id = newUlid(this.world.now(), this.world.bytes(10));
    const mine = await this.enqueue(() => addMine(this.store, { id, text, at: this.world.now() }));
    if (mine === null) return this.trouble === "full" ? "full" : "broken";
    this.conversation.put(mine);
    this.world.announce("entries");
    if (this.session !== null) this.event(this.session, { is: "written", message: { id, text } });
    this.world.changed();
    return null;
  }

  /** The person's own reset. */
  async forget(): Promise<void> {
    this.end();
    await this.enqueue(() => this.store.atomically(forgetEverything));
    this.conversation.clear();
    this.world.announce("identity");
    await this.start({ is: "none" });
  }

  /** Writes happen in the order in which they were asked for. `null`: the browser did not save. */
  private enqueue<T>(write: () => Promise<T>): Promise<T | null> {
    const run = this.work.then(write).then(
      (value) => {
        if (this.trouble !== "forgets") this.trouble = null;
        return value;
      },
      (error: unknown) => {
        this.trouble = error instanceof StoreError ? error.reason : "broken";
        this.world.changed();
        return null;
      },
    );
    this.work = run;
    return run;
  }

  private event(session: Session, event: SessionEvent): void {
    if (session !== this.session) return;
    this.perform(session, session.on(event, this.world.now()));
    if (session !== this.session) return;
    if (session.connection.is === "stopped" && session.connection.why === "removed") this.wasRemoved = true;
    this.world.alarm(session.due, () => this.event(session, { is: "tick" }));
    this.world.changed();
  }

  private perform(session: Session, effects: readonly Effect[]): void {
    for (const effect of effects) this.performOne(session, effect);
  }

  private performOne(session: Session, effect: Effect): void {
    switch (effect.do) {
      case "dial":
        this.line = this.world.dial(
          (data) => {
            const decoded = decodeFrame(data);
            if (decoded.is === "frame") this.event(session, { is: "frame", conn: effect.conn, frame: decoded.frame });
            else if (decoded.is === "malformed") this.event(session, { is: "garbled", conn: effect.conn });
          },
          (code) => this.event(session, { is: "closed", conn: effect.conn, code }),
        );
        return;
      case "send":
        return this.line?.send(encodeFrame(effect.frame));
      case "hang_up":
        this.line?.close(effect.code);
        this.line = null;
        this.conversation.disconnected();
        return;
      case "keep":
        return void this.keep(session, effect.conn, effect.reply, effect.epoch);
      case "restart":
        return void this.restart(effect.epoch, effect.n);
      case "promote":
        return void this.promote(session);
      case "drop_pending":
        return void this.keepFormer();
      case "tell":
        return this.conversation.tell(effect.frame);
      case "settle":
        return void this.settle(effect.id, effect.state, effect.code);
      case "rename":
        return void this.rename(session, effect.id);
    }
  }

  private async keep(session: Session, conn: number, reply: Reply, epoch: string): Promise<void> {
    const taken = await this.enqueue(() => takeReply(this.store, reply, epoch, this.world.now()));
    if (taken === null) {
      if (!this.conversation.has(reply.rid)) this.conversation.replied(theirs(reply, this.conversation.nextSeq, this.world.now()));
    } else {
      if (taken.answered !== null) this.conversation.put(taken.answered);
      if (taken.shown !== null && !this.conversation.has(reply.rid)) this.conversation.replied(taken.shown);
      this.progress = { epoch, lastN: Math.max(reply.n, this.progress.epoch === epoch ? this.progress.lastN : 0) };
      this.world.announce("entries");
    }
    this.event(session, { is: "kept", conn, n: reply.n, ok: taken !== null });
    this.world.changed();
  }

  private async restart(epoch: string, n: number): Promise<void> {
    const lost = this.rebound !== null && (this.wasRemoved || n < this.rebound.lastN);
    if (epoch !== "" && this.rebound !== null) {
      this.rebound = null;
      this.wasRemoved = false;
    }
    this.progress = { epoch, lastN: 0 };
    await this.enqueue(() =>
      this.store.atomically(async (records) => {
        await restart(records, epoch);
        if (lost) await doubtSaved(records, OUTCOME_UNKNOWN);
      }),
    );
    if (lost) await this.storeChanged("entries");
  }

  private async promote(session: Session): Promise<void> {
    this.rebound = { lastN: this.progress.lastN };
    await this.enqueue(() => this.store.atomically(promotePending));
    await this.reload();
    const binding = this.identity.pending ?? this.identity.bound;
    if (binding !== null) this.page = { is: "talk", binding };
    this.world.announce("identity");
    this.event(session, { is: "waiting", messages: this.conversation.waiting });
  }

  private async settle(id: string, state: "saved" | "failed", code: number | undefined): Promise<void> {
    const mine = await this.enqueue(() => settleMine(this.store, id, state, code));
    if (mine !== null) this.conversation.put(mine);
    this.world.announce("entries");
    this.world.changed();
  }

  private async rename(session: Session, id: string): Promise<void> {
    const newId = newUlid(this.world.now(), this.world.bytes(10));
    const mine = await this.enqueue(() => renameMine(this.store, id, newId));
    if (mine !== null) this.conversation.put(mine, id);
    this.event(session, { is: "renamed", id, newId });
  }
}
