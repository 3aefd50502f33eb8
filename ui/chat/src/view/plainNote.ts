/** The honest note about plain http, shown until the person has read it once. */
import { button, element } from "./element.ts";
import type { Scene } from "./scene.ts";
import { shape } from "./shape.ts";

const READ = "smartpi.plain-note-read";

/** The note in the conversation, until it was read: then `null`. */
export function plainNote(scene: Scene): HTMLElement | null {
  if (remembered()) return null;
  const note = element("aside", { id: "plain-note", class: "note" }, ...content(scene), button({ class: "quiet", id: "plain-note-read" }, dismiss, scene.say("understood")));
  function dismiss(): void {
    remember();
    note.remove();
    document.getElementById("composer")?.focus();
  }
  return note;
}

/** The note where nothing is said yet: plainly there, and nothing to press. */
export function plainFootnote(scene: Scene): HTMLElement {
  return element("aside", { class: "note quiet-note" }, ...content(scene));
}

function content({ say }: Scene): Node[] {
  return [shape("unlocked"), element("div", {}, element("strong", {}, say("plain_title")), element("p", {}, say("plain_text")))];
}

function remembered(): boolean {
  try {
    return localStorage.getItem(READ) !== null;
  } catch {
    return false;
  }
}

function remember(): void {
  try {
    localStorage.setItem(READ, "1");
  } catch {
    // A browser that keeps nothing shows the note again: that is right for it.
  }
}
