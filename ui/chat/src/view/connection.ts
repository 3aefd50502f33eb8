/** The state of the connection: a colour, a shape and a word, and what it means. */
import type { Connection } from "../sessionTerms.ts";
import type { Word } from "../words.ts";
import { button, element, fill, setAttribute, setText } from "./element.ts";
import { clockTime, type Scene } from "./scene.ts";
import { shape, type Shape } from "./shape.ts";

/** The name of a state, as `data-state` of `#connection`. */
export type ConnectionState = "connecting" | "connected" | "assistant_away" | "unreachable" | "removed" | "elsewhere" | "other_computer" | "refused" | "outdated";

export function connectionState(connection: Connection): ConnectionState {
  if (connection.is !== "stopped") return connection.is;
  return connection.why === "done" ? "connecting" : connection.why;
}

const SHAPES: Partial<Record<ConnectionState, Shape>> = {
  connecting: "connecting",
  connected: "connected",
  assistant_away: "assistant_away",
  unreachable: "unreachable",
  elsewhere: "elsewhere",
};

/** The word for a state, with its time where it has one. */
export function connectionWord(scene: Scene): string {
  const { connection } = scene.phone;
  const since = connection.is === "unreachable" ? clockTime(connection.since, scene.language) : "";
  return scene.say(`conn_${connectionState(connection)}`, { time: since });
}

/** What a state means for the person. */
export function connectionMeaning(scene: Scene): string {
  return scene.say(`conn_${connectionState(scene.phone.connection)}_text` as Word, { service: scene.phone.service || "SmartPi" });
}

/** The short form in the header. */
export class ConnectionPill {
  readonly root: HTMLElement;
  private readonly word = element("span");
  private readonly shape = element("span", { class: "shape-box" });

  constructor(private readonly scene: Scene) {
    this.root = element("p", { id: "connection", class: "pill", role: "status" }, this.shape, this.word);
  }

  update(): void {
    const state = connectionState(this.scene.phone.connection);
    if (this.root.dataset["state"] !== state) fill(this.shape, shape(SHAPES[state] ?? "stopped"));
    setAttribute(this.root, "data-state", state);
    setText(this.word, connectionWord(this.scene));
  }
}

/** What the state means and the one thing to do about it; nothing while all is well. */
export class ConnectionBanner {
  readonly root = element("div", { id: "connection-detail", class: "banner", hidden: true });
  private shown = "";

  constructor(private readonly scene: Scene) {}

  update(): void {
    const state = connectionState(this.scene.phone.connection);
    setAttribute(this.root, "hidden", state === "connected" || state === "connecting");
    setAttribute(this.root, "data-state", state);
    const meaning = connectionMeaning(this.scene);
    if (this.shown === state + meaning) return;
    this.shown = state + meaning;
    fill(this.root, element("p", {}, meaning), this.action(state));
  }

  private action(state: ConnectionState): HTMLElement | null {
    const { phone, say } = this.scene;
    switch (state) {
      case "unreachable":
        return button({ class: "quiet", id: "retry" }, () => phone.wake(), say("try_now"));
      case "other_computer":
      case "refused":
        return button({ class: "quiet", id: "retry" }, () => void phone.resume(), say("try_now"));
      case "elsewhere":
        return button({ class: "primary", id: "use-here" }, () => void phone.resume(), say("use_here"));
      case "outdated":
        return button({ class: "quiet", id: "reload" }, () => this.scene.reload(), say("reload"));
      default:
        return null;
    }
  }
}
