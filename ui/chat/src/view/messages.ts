/** One message of the conversation as it looks. */
import type { MineNow } from "../conversation.ts";
import type { Theirs } from "../history.ts";
import { wordOfCode } from "../words.ts";
import { button, element, fill, setAttribute } from "./element.ts";
import { linkedText } from "./linkedText.ts";
import { clockTime, type Scene } from "./scene.ts";
import { shape } from "./shape.ts";

/** Codes after which asking again makes sense. */
const ASK_AGAIN = [9013, 9018, 9019];

/** The word for where a message stands. */
function standingWord(scene: Scene, { look, doing }: MineNow): string {
  if (look === "working" && doing !== null && doing !== "waiting") return scene.say(`state_${doing}`);
  if (look === "saved") return scene.say(doing === "waiting" ? "state_queued" : "state_saved");
  return scene.say(look === "working" ? "state_starting" : `state_${look}`);
}

/** A message of the person, drawn into `root`. Only what is under the text changes later. */
export function drawMine(scene: Scene, root: HTMLElement, now: MineNow, fresh: boolean): void {
  const { mine, look, notice } = now;
  setAttribute(root, "data-state", look);
  setAttribute(root, "data-notice", notice);
  setAttribute(root, "data-id", mine.id);
  if (fresh) {
    fill(
      root,
      element("span", { class: "unseen" }, `${scene.say("you")}: `),
      element("p", { class: "text", dir: "auto" }, ...linkedText(mine.text)),
      element("div", { class: "below" }),
    );
  }
  const below = root.querySelector(".below");
  if (below === null) return;
  const failure = mine.state === "failed" && !now.explained ? mine.code : undefined;
  const explanation = failure ?? notice;
  fill(
    below,
    element(
      "p",
      { class: "meta" },
      element("time", {}, clockTime(mine.at, scene.language)),
      element("span", { class: "standing" }, shape(look), standingWord(scene, now)),
    ),
    explanation !== null && element("p", { class: "notice" }, codeText(scene, explanation)),
    askAgain(scene, failure, mine.text),
  );
}

function askAgain(scene: Scene, code: number | undefined, text: string | undefined): HTMLElement | null {
  if (code === undefined || text === undefined || !ASK_AGAIN.includes(code)) return null;
  return button({ class: "quiet ask-again" }, () => void scene.phone.send(text), scene.say("ask_again"));
}

function codeText(scene: Scene, code: number): string {
  return scene.say(wordOfCode(code), { code: String(code) });
}

/** A reply, drawn into `root`. `quote`: the message it answers, where another one stands between. */
export function drawTheirs(scene: Scene, root: HTMLElement, reply: Theirs, quote: string | null): void {
  const push = reply.re === undefined && reply.code === undefined;
  const kind = reply.code !== undefined ? "error" : push ? "push" : reply.late === true ? "late" : "reply";
  root.classList.remove("growing");
  setAttribute(root, "aria-busy", null);
  setAttribute(root, "data-rid", reply.rid);
  setAttribute(root, "data-re", reply.re);
  setAttribute(root, "data-kind", kind);
  fill(
    root,
    element("span", { class: "unseen" }, `${scene.say("assistant")}: `),
    kind === "reply" ? null : element("p", { class: "kind" }, shape(KIND_SHAPES[kind]), kind === "push" ? whoSpeaks(scene, reply.by) : scene.say(kind === "error" ? "problem" : kind)),
    quote === null ? null : element("p", { class: "quote", dir: "auto" }, scene.say("answer_to", { text: quote })),
    element("p", { class: "text", dir: "auto" }, ...linkedText(replyText(scene, reply))),
    element("p", { class: "meta" }, element("time", {}, clockTime(reply.at, scene.language))),
    askAgain(scene, reply.code, reply.re === undefined ? undefined : scene.phone.conversation.mine(reply.re)?.text),
  );
}

/** Who speaks without being asked. */
function whoSpeaks(scene: Scene, by: string | undefined): string {
  if (by === "user") return scene.say("push_user");
  if (by === "terminal") return scene.say("push_terminal");
  return by?.startsWith("agent:") === true ? scene.say("push_agent", { agent: by.slice("agent:".length) }) : scene.say("push");
}

const KIND_SHAPES = { error: "failed", push: "speaks", late: "waiting" } as const;

/** An error is told in the person's language; the assistant's own words for one are shown as they are. */
export function replyText(scene: Scene, reply: Theirs): string {
  if (reply.code === undefined) return reply.text;
  const ours = wordOfCode(reply.code);
  if (reply.code === 9019 || ours === "code_other") return reply.text.trim() || codeText(scene, reply.code);
  return codeText(scene, reply.code);
}

/** An answer that is being written. */
export function drawGrowing(scene: Scene, root: HTMLElement, re: string, text: string): void {
  if (root.querySelector(".text") === null) {
    setAttribute(root, "data-re", re);
    setAttribute(root, "data-kind", "growing");
    setAttribute(root, "aria-busy", "true");
    fill(
      root,
      element("p", { class: "text", dir: "auto" }),
      element("p", { class: "meta" }, element("span", { class: "standing" }, shape("working"), scene.say("growing"))),
    );
  }
  const target = root.querySelector(".text");
  if (target !== null && target.textContent !== text) target.textContent = text;
}
