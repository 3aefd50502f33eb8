import { Refused, type Accounts, type AccountsAct, type Failure, type GatewayChoice, type GatewayChosen, type GatewayLook, type View } from "../backend";
import { said } from "./accounts";
import { Listeners } from "./listeners";
import type { Scene } from "./scenes";
import { sampleChoice, sampleLook } from "./target";

/** What a program that is not there is made of: a scene that changes, and a list of what was asked. */
export class FakeStage extends Listeners {
  readonly asked: unknown[][] = [];
  /** Thrown by the next request of this name. */
  readonly failNext = new Map<string, Failure>();

  constructor(readonly scene: Scene) {
    super();
  }

  get view(): View {
    return this.scene.view;
  }

  /** Changes the view and tells it. */
  tell(change: (view: View) => void): void {
    const next = structuredClone(this.scene.view);
    change(next);
    next.revision += 1;
    this.scene.view = next;
    this.views.forEach((listener) => listener(next));
  }

  protected note(...request: unknown[]): void {
    this.asked.push(request);
    const failure = this.failNext.get(String(request[0]));
    this.failNext.delete(String(request[0]));
    if (failure) throw new Refused(failure);
  }

  async lookAtGateway(url: string): Promise<GatewayLook> {
    this.note("lookAtGateway", url);
    return sampleLook(url);
  }

  async chooseGateway(choice: GatewayChoice): Promise<GatewayChosen> {
    this.note("chooseGateway", choice);
    const chosen = sampleChoice(choice);
    this.tell((view) => (view.settings.gatewayElsewhere = { url: choice.url, tlsFingerprint: choice.tlsFingerprint ?? null }));
    return chosen;
  }

  async chooseLocalGateway(): Promise<void> {
    this.note("chooseLocalGateway");
    this.tell((view) => (view.settings.gatewayElsewhere = null));
  }

  async openRelease(version: string): Promise<void> {
    this.note("openRelease", version);
  }

  async fetchRelease(on: boolean): Promise<void> {
    this.note("fetchRelease", on);
    this.tell((view) => (view.release!.download = on ? { state: "coming", got: 0, of: null } : null));
  }

  async installRelease(folder: boolean): Promise<void> {
    this.note("installRelease", folder);
  }

  async openPhonePage(): Promise<void> {
    this.note("openPhonePage");
  }

  async askAccounts(act: AccountsAct): Promise<Accounts> {
    this.note("askAccounts", act);
    return said(act);
  }
}
