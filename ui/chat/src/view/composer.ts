/** Where the person writes. Grows to five lines; a draft survives a reload. */
import { button, element, setAttribute, setText } from "./element.ts";
import type { Scene } from "./scene.ts";
import { shape } from "./shape.ts";

const DRAFT = "smartpi.draft";

export class Composer {
  readonly root: HTMLFormElement;
  private readonly text: HTMLTextAreaElement;
  private readonly send: HTMLButtonElement;
  private readonly problem = element("p", { id: "composer-problem", class: "problem", role: "alert", hidden: true });

  constructor(
    private readonly scene: Scene,
    private readonly sent: () => void,
  ) {
    const { say } = scene;
    this.text = element("textarea", {
      id: "composer",
      rows: 1,
      placeholder: say("composer_hint"),
      "aria-label": say("composer"),
      "aria-describedby": "composer-problem",
      autocomplete: "off",
      enterkeyhint: entersSend() ? "send" : "enter",
      dir: "auto",
    });
    this.text.value = loadDraft();
    this.text.addEventListener("input", () => this.onInput());
    this.text.addEventListener("keydown", (event) => this.onKey(event));
    this.send = button({ id: "send", class: "send", "aria-label": say("send"), title: say("send") }, () => void this.submit(), shape("send"));
    this.send.addEventListener("mousedown", (event) => event.preventDefault());
    this.root = element("form", { class: "composer" }, this.problem, element("div", { class: "writing" }, this.text, this.send));
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.submit();
    });
    queueMicrotask(() => this.grow());
  }

  update(): void {
    const { connection } = this.scene.phone;
    const elsewhere = connection.is === "stopped" && connection.why === "elsewhere";
    this.text.disabled = elsewhere;
    setAttribute(this.send, "aria-disabled", elsewhere || this.text.value.trim() === "" ? "true" : null);
  }

  focus(): void {
    this.text.focus({ preventScroll: true });
  }

  private onInput(): void {
    this.grow();
    saveDraft(this.text.value);
    this.tell(this.scene.phone.fits(this.text.value) ? null : "send_too_long");
    this.update();
  }

  private onKey(event: KeyboardEvent): void {
    const composing = event.isComposing || event.keyCode === 229;
    if (event.key !== "Enter" || event.shiftKey || composing || !(entersSend() || event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    void this.submit();
  }

  /** The text leaves the field at once, so that the next one can be written; what could not be saved comes back. The draft goes when it is saved. */
  private async submit(): Promise<void> {
    const written = this.text.value;
    if (this.text.disabled || written.trim() === "") return;
    this.put("");
    const failure = await this.scene.phone.send(written);
    this.tell(failure === null ? null : `send_${failure}`);
    if (failure !== null) this.put(this.text.value === "" ? written : `${written}\n${this.text.value}`);
    saveDraft(this.text.value);
    if (failure === null) this.sent();
  }

  private put(text: string): void {
    this.text.value = text;
    this.grow();
    this.update();
  }

  private tell(problem: "send_too_long" | "send_empty" | "send_full" | "send_broken" | null): void {
    setAttribute(this.problem, "hidden", problem === null);
    setText(this.problem, problem === null ? "" : this.scene.say(problem));
  }

  /** As high as its text, up to five lines; the limit is in the style sheet. */
  private grow(): void {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight + this.text.offsetHeight - this.text.clientHeight}px`;
  }
}

/** With a keyboard Enter sends; on a phone it makes a new line, and the button sends. */
function entersSend(): boolean {
  return matchMedia("(hover: hover) and (pointer: fine)").matches;
}

function loadDraft(): string {
  try {
    return localStorage.getItem(DRAFT) ?? "";
  } catch {
    return "";
  }
}

function saveDraft(text: string): void {
  try {
    if (text === "") localStorage.removeItem(DRAFT);
    else localStorage.setItem(DRAFT, text);
  } catch {
    // The draft is still on the screen.
  }
}
