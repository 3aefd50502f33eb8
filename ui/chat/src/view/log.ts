/** The conversation, oldest first; it stays at the newest message unless the person reads further up. */
import type { Entry } from "../history.ts";
import { button, element, fill, setAttribute } from "./element.ts";
import { drawGrowing, drawMine, drawTheirs, replyText } from "./messages.ts";
import { localeOf, type Scene } from "./scene.ts";
import { shape } from "./shape.ts";

/** Messages on the page; older ones stay in the store. */
const SHOWN = 500;

/** How near to the end counts as "at the end", in CSS pixels. */
const NEAR = 80;

export class LogView {
  readonly root: HTMLElement;
  readonly list = element("div", { id: "log", class: "log", role: "log", "aria-live": "off", tabindex: 0 });
  private readonly empty = element("div", { class: "empty" });
  private readonly newest: HTMLButtonElement;
  private readonly drawn = new Map<string, { root: HTMLElement; signature: string }>();
  private announced: number | null = null;
  private atEnd = true;

  constructor(private readonly scene: Scene) {
    this.list.setAttribute("aria-label", scene.say("log"));
    this.newest = button({ id: "newest", class: "newest", "aria-label": scene.say("newest"), hidden: true }, () => this.toEnd(true), shape("down"));
    this.root = element("div", { class: "log-box" }, this.empty, this.list, this.newest);
    this.list.addEventListener("scroll", () => this.onScroll(), { passive: true });
    if (typeof ResizeObserver !== "undefined") new ResizeObserver(() => this.atEnd && this.toEnd(false)).observe(this.list);
  }

  private onScroll(): void {
    this.atEnd = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < NEAR;
    if (this.atEnd) setAttribute(this.newest, "hidden", true);
  }

  toEnd(smooth: boolean): void {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.list.scrollTo({ top: this.list.scrollHeight, behavior: smooth && !calm ? "smooth" : "auto" });
    this.atEnd = true;
    setAttribute(this.newest, "hidden", true);
  }

  update(): void {
    const { phone, say } = this.scene;
    const entries = phone.conversation.all.slice(-SHOWN);
    const growing = [...phone.conversation.growing];
    const nothing = entries.length === 0 && growing.length === 0;
    setAttribute(this.empty, "hidden", !nothing);
    if (nothing) {
      const title = say("empty_title", { service: phone.service });
      if (this.empty.firstElementChild?.textContent !== title) fill(this.empty, element("h2", {}, title), element("p", {}, say("empty_text")));
    }

    const before = this.list.childElementCount;
    const order: HTMLElement[] = [];
    const keep = new Set<string>();
    let day = "";
    for (const [index, entry] of entries.entries()) {
      const date = new Date(entry.at).toDateString();
      if (date !== day) {
        day = date;
        order.push(this.drawDay(`d:${date}`, entry.at, keep));
      }
      order.push(this.drawEntry(entry, entries, index, keep));
    }
    for (const [re, text] of growing) order.push(this.drawPartial(re, text, keep));
    for (const [key, { root }] of this.drawn) {
      if (keep.has(key)) continue;
      root.remove();
      this.drawn.delete(key);
    }
    place(this.list, order);
    this.announceNew(entries);
    if (this.atEnd) this.toEnd(false);
    else if (this.list.childElementCount > before) setAttribute(this.newest, "hidden", false);
  }

  private drawDay(key: string, at: number, keep: Set<string>): HTMLElement {
    keep.add(key);
    const text = dayWord(this.scene, at);
    const known = this.drawn.get(key);
    if (known?.signature === text) return known.root;
    const root = element("p", { class: "day" }, text);
    known?.root.replaceWith(root);
    this.drawn.set(key, { root, signature: text });
    return root;
  }

  private drawEntry(entry: Entry, entries: readonly Entry[], index: number, keep: Set<string>): HTMLElement {
    if (entry.who === "me") {
      const key = `m:${entry.seq}`;
      keep.add(key);
      const now = this.scene.phone.conversation.now(entry);
      const signature = [entry.id, now.look, now.doing, now.notice, entry.code, now.explained].join();
      const known = this.drawn.get(key);
      if (known?.signature === signature) return known.root;
      const root = known?.root ?? element("div", { class: "message mine" });
      drawMine(this.scene, root, now, known === undefined);
      this.drawn.set(key, { root, signature });
      return root;
    }
    const key = `r:${entry.rid}`;
    keep.add(key);
    const known = this.drawn.get(key);
    if (known !== undefined) return known.root;
    const grown = entry.re === undefined ? undefined : this.drawn.get(`g:${entry.re}`);
    if (grown !== undefined) this.drawn.delete(`g:${entry.re}`);
    const root = grown?.root ?? element("div", { class: "message theirs" });
    drawTheirs(this.scene, root, entry, quoteFor(entry.re, entries, index));
    this.drawn.set(key, { root, signature: "" });
    return root;
  }

  private drawPartial(re: string, text: string, keep: Set<string>): HTMLElement {
    const key = `g:${re}`;
    keep.add(key);
    const root = this.drawn.get(key)?.root ?? element("div", { class: "message theirs growing" });
    drawGrowing(this.scene, root, re, text);
    this.drawn.set(key, { root, signature: "" });
    return root;
  }

  /** Says replies that came since the page opened. */
  private announceNew(entries: readonly Entry[]): void {
    const last = entries.at(-1)?.seq ?? 0;
    if (this.announced !== null) {
      for (const entry of entries) {
        if (entry.who === "assistant" && entry.seq > this.announced) this.scene.announce(`${this.scene.say("assistant")}: ${replyText(this.scene, entry)}`);
      }
    }
    this.announced = Math.max(this.announced ?? 0, last);
  }
}

/** Puts the children in order, moving only what is out of place. */
function place(list: HTMLElement, order: readonly HTMLElement[]): void {
  let at: ChildNode | null = list.firstChild;
  for (const child of order) {
    if (at === child) at = child.nextSibling;
    else list.insertBefore(child, at);
  }
}

/** The beginning of the message that a reply answers, unless it stands right above. */
function quoteFor(re: string | undefined, entries: readonly Entry[], index: number): string | null {
  if (re === undefined) return null;
  for (let above = index - 1; above >= 0; above--) {
    const entry = entries[above];
    if (entry?.who === "me") {
      if (entry.id === re) return null;
      break;
    }
    if (entry?.re !== re) break;
  }
  const asked = entries.find((entry) => entry.who === "me" && entry.id === re);
  if (asked === undefined) return null;
  const line = asked.text.replace(/\s+/g, " ");
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}

function dayWord({ say, language }: Scene, at: number): string {
  const days = Math.round((new Date().setHours(12, 0, 0, 0) - new Date(at).setHours(12, 0, 0, 0)) / 86_400_000);
  if (days === 0) return say("today");
  if (days === 1) return say("yesterday");
  return new Intl.DateTimeFormat(localeOf(language), { weekday: "long", day: "numeric", month: "long" }).format(at);
}
