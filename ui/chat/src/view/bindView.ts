/** The pages before the conversation: nothing bound, a code opened, the two digits. */
import type { Page } from "../phone.ts";
import { fingerprint } from "../proof.ts";
import { cleanName } from "../wire.ts";
import { connectionWord } from "./connection.ts";
import { button, element, fill } from "./element.ts";
import { plainFootnote } from "./plainNote.ts";
import { clockTime, grouped, readableKey, type Scene, type View } from "./scene.ts";
import { shape } from "./shape.ts";

type BindPage = Extract<Page, { is: "bind" }>;

export class BindView implements View {
  readonly root = element("main", { class: "bind" });
  private readonly card = element("section", { class: "card", "aria-live": "polite" });
  private shown = "";
  private replaceAgreed = false;
  private draft = "";
  private opened: BindPage["code"] | null = null;

  constructor(private readonly scene: Scene) {
    const { say, language } = scene;
    const languageButton = button({ class: "quiet language", id: "language", lang: language === "zh" ? "en" : "zh" }, () => scene.switchLanguage(), say("other_language"));
    fill(this.root, languageButton, this.card, plainFootnote(scene));
  }

  focus(): void {
    this.card.querySelector<HTMLElement>("[data-focus]")?.focus({ preventScroll: true });
  }

  /** Draws the card anew when it says something else; what the person typed stays. */
  update(): void {
    const { phone } = this.scene;
    const { page, claim, connection } = phone;
    if (page.is === "bind" && page.code !== this.opened) {
      this.opened = page.code;
      this.draft = page.known?.phone ?? this.scene.deviceName;
      this.replaceAgreed = false;
    }
    const unreachable = connection.is === "unreachable";
    const signature = JSON.stringify([page.is, page.is === "unbound" && page.why, { ...claim, spk: null }, unreachable && connectionWord(this.scene), this.replaceAgreed, phone.trouble]);
    if (signature === this.shown) return;
    this.shown = signature;
    fill(this.card, ...this.content(page));
    this.focus();
    if (claim.is === "code" && page.is === "bind") phone.codeShown();
  }

  private content(page: Page): (Node | string | null)[] {
    const { phone, say } = this.scene;
    if (page.is === "loading") return [element("p", { class: "lead" }, say(phone.connection.is === "unreachable" ? "checking" : "loading")), this.waiting()];
    if (page.is === "unbound") return this.unbound(page.why);
    if (page.is !== "bind") return [];
    switch (phone.claim.is) {
      case "looking":
        return [shape("connecting"), element("h1", {}, say("looking")), element("p", {}, say("looking_text")), this.keyRow(page), this.waiting(), this.back()];
      case "found":
        return page.replaces !== null && !this.replaceAgreed ? this.replace(page, phone.claim.service) : this.form(page, phone.claim.service);
      case "claiming":
        return [shape("connecting"), element("h1", {}, say("claiming", { service: phone.service })), this.keyRow(page), this.waiting()];
      case "code":
        return this.code(page, phone.claim.digits, phone.claim.until);
      case "failed":
        return [
          element("span", { class: "warning" }, shape("failed")),
          element("h1", { id: "bind-failed", "data-why": phone.claim.why, tabindex: -1, "data-focus": true }, say(`claim_${phone.claim.why}_title`)),
          element("p", {}, say(`claim_${phone.claim.why}_text`)),
          this.back(),
        ];
    }
  }

  private unbound(why: "none" | "newer" | "broken"): (Node | null)[] {
    const { say } = this.scene;
    return [
      why === "none" ? element("img", { src: "/icon.svg", alt: "", width: 72, height: 72 }) : element("span", { class: "warning" }, shape("failed")),
      element("h1", { id: "unbound", "data-why": why }, say(`unbound_${why}_title`)),
      element("p", {}, say(`unbound_${why}_text`)),
      this.back(),
    ];
  }

  private replace(page: BindPage, service: string): (Node | null)[] {
    const { phone, say } = this.scene;
    const old = page.replaces;
    if (old === null) return [];
    const waiting = phone.conversation.waiting.length;
    const agree = (): void => {
      this.replaceAgreed = true;
      this.update();
    };
    return [
      element("h1", { id: "replace", tabindex: -1, "data-focus": true }, say("replace_title", { old: old.service })),
      element("p", {}, say("replace_text", { old: old.service, oldKey: readableKey(old.spk), service })),
      waiting > 0 ? element("p", { class: "warning" }, say("replace_waiting", { count: String(waiting), old: old.service })) : null,
      this.keyRow(page, service),
      element(
        "div",
        { class: "actions" },
        button({ class: "primary", id: "replace-keep" }, () => void phone.keepFormer(), say("replace_keep", { old: old.service })),
        button({ class: "danger", id: "replace-do" }, agree, say("replace_do", { service })),
      ),
    ];
  }

  private form(page: BindPage, service: string): (Node | null)[] {
    const { phone, say } = this.scene;
    const problem = element("p", { id: "device-name-problem", class: "problem", role: "alert" });
    const name = element("input", {
      id: "device-name",
      type: "text",
      value: this.draft,
      maxlength: 64,
      autocomplete: "off",
      enterkeyhint: "go",
      "aria-describedby": "device-name-hint device-name-problem",
    });
    name.addEventListener("input", () => (this.draft = name.value));
    const form = element(
      "form",
      { class: "form" },
      element("label", { for: "device-name" }, say("phone_name")),
      name,
      element("p", { id: "device-name-hint", class: "hint" }, say("phone_name_hint")),
      problem,
      element("button", { id: "bind", type: "submit", class: "primary" }, say("connect")),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const cleaned = cleanName(name.value);
      if (cleaned !== null) return void phone.bind(cleaned);
      fill(problem, say("phone_name_bad"));
      name.focus();
    });
    const trouble = phone.trouble === null ? null : element("p", { class: "warning", id: "trouble" }, say(`trouble_${phone.trouble}`));
    return [element("h1", { id: "bind-title", tabindex: -1, "data-focus": true }, say("bind_title", { service })), this.keyRow(page), form, trouble, this.back()];
  }

  private code(page: BindPage, digits: string, until: number): (Node | null)[] {
    const { phone, say, language } = this.scene;
    return [
      element("h1", { class: "sentence" }, say("code_sentence")),
      element(
        "p",
        { id: "code", class: "digits", tabindex: -1, "data-focus": true, role: "img", "aria-label": say("code_digits", { digits: Array.from(digits).join(" ") }) },
        digits,
      ),
      element("p", {}, say("code_check", { phone: this.draft.trim(), service: phone.service })),
      this.keyRow(page),
      element("p", { class: "hint" }, say("code_until", { time: clockTime(until, language) })),
      button({ class: "quiet", id: "bind-cancel" }, () => void phone.keepFormer(), say("cancel")),
    ];
  }

  private keyRow(page: BindPage, service: string | null = null): HTMLElement {
    const { say } = this.scene;
    return element("p", { class: "key" }, service === null ? `${say("key")} ` : `${service}, ${say("key")} `, element("code", { id: "service-key" }, grouped(fingerprint(page.code.k))));
  }

  private waiting(): HTMLElement | null {
    const { phone, say } = this.scene;
    if (phone.connection.is !== "unreachable") return null;
    return element(
      "div",
      { class: "banner", "data-state": "unreachable", id: "bind-unreachable" },
      element("p", {}, element("strong", {}, connectionWord(this.scene)), element("br"), say("looking_text")),
      button({ class: "quiet", id: "retry" }, () => phone.wake(), say("try_now")),
    );
  }

  private back(): HTMLElement | null {
    const { phone, say } = this.scene;
    if (phone.former === null) return null;
    return button({ class: "quiet", id: "back" }, () => void phone.keepFormer(), say("back_to", { service: phone.former.service }));
  }
}
