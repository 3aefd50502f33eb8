/** What this phone is connected to, and the two things a person may want to change. */
import { button, element } from "./element.ts";
import { connectionMeaning, connectionWord } from "./connection.ts";
import { plainFootnote } from "./plainNote.ts";
import { readableKey, type Scene } from "./scene.ts";

/** Opens the sheet; it closes by its button, by Escape or by its next step. */
export function openAbout(scene: Scene, opener: HTMLElement): void {
  const { phone, say } = scene;
  if (phone.page.is !== "talk") return;
  const { binding } = phone.page;
  const dialog = element("dialog", { id: "about", class: "sheet", "aria-labelledby": "about-title" });
  const row = (term: string, ...value: (Node | string)[]): HTMLElement => element("div", { class: "row" }, element("dt", {}, term), element("dd", {}, ...value));
  const forget = button({ class: "danger", id: "forget" }, () => confirmForget(), say("forget"));

  function main(): void {
    dialog.replaceChildren(
      element("h2", { id: "about-title" }, say("about")),
      element(
        "dl",
        {},
        row(say("computer"), phone.service),
        row(say("key"), element("code", {}, readableKey(binding.spk))),
        row(say("this_phone"), binding.phone),
        row(connectionWord(scene), connectionMeaning(scene)),
      ),
      plainFootnote(scene),
      element(
        "div",
        { class: "actions" },
        button({ class: "quiet", id: "language", lang: scene.language === "zh" ? "en" : "zh" }, () => leave(scene.switchLanguage), say("other_language")),
        forget,
        button({ class: "primary", id: "about-close" }, () => leave(), say("close")),
      ),
    );
  }

  function confirmForget(): void {
    const cancel = button({ class: "quiet" }, main, say("cancel"));
    dialog.replaceChildren(
      element("h2", { id: "about-title" }, say("forget_title", { service: phone.service })),
      element("p", {}, say("forget_text")),
      element("div", { class: "actions" }, cancel, button({ class: "danger", id: "forget-do" }, () => leave(() => void phone.forget()), say("forget_do"))),
    );
    cancel.focus();
  }

  function leave(then?: () => void): void {
    dialog.close();
    then?.();
  }

  dialog.addEventListener("close", () => {
    dialog.remove();
    opener.focus();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) leave();
  });
  main();
  document.body.append(dialog);
  if (typeof dialog.showModal === "function") dialog.showModal();
  else dialog.setAttribute("open", "");
}
