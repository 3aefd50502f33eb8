/** The page of the conversation. */
import { Composer } from "./composer.ts";
import { ConnectionBanner, ConnectionPill } from "./connection.ts";
import { openAbout } from "./about.ts";
import { button, element, setAttribute, setText } from "./element.ts";
import { LogView } from "./log.ts";
import { plainNote } from "./plainNote.ts";
import type { Scene, View } from "./scene.ts";
import { shape } from "./shape.ts";

export class TalkView implements View {
  readonly root: HTMLElement;
  private readonly name = element("h1");
  private readonly pill: ConnectionPill;
  private readonly banner: ConnectionBanner;
  private readonly trouble = element("p", { id: "trouble", class: "banner", role: "alert", hidden: true });
  private readonly log: LogView;
  private readonly composer: Composer;

  constructor(private readonly scene: Scene) {
    this.pill = new ConnectionPill(scene);
    this.banner = new ConnectionBanner(scene);
    this.log = new LogView(scene);
    this.composer = new Composer(scene, () => this.log.toEnd(true));
    const about = button({ id: "about-open", class: "icon", "aria-label": scene.say("about"), title: scene.say("about") }, () => openAbout(scene, about), shape("info"));
    this.root = element(
      "main",
      { class: "talk" },
      element("header", { class: "bar" }, element("div", { class: "who" }, this.name, this.pill.root), about),
      element("div", { class: "notes" }, this.banner.root, this.trouble, plainNote(scene)),
      this.log.root,
      this.composer.root,
    );
  }

  update(): void {
    const { phone, say } = this.scene;
    setText(this.name, phone.service);
    this.pill.update();
    this.banner.update();
    setAttribute(this.trouble, "hidden", phone.trouble === null);
    if (phone.trouble !== null) setText(this.trouble, say(`trouble_${phone.trouble}`));
    this.log.update();
    this.composer.update();
  }

  focus(): void {
    if (matchMedia("(hover: hover)").matches) this.composer.focus();
  }
}
