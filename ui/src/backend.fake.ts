import { Refused, type ActivityTurn, type ActivityUnasked, type Attended, type Backend, type BindShown, type BindEvent, type DeviceRoute, type EntriesPlan, type EntriesWritten, type EntryChange, type Failure, type Folder, type GatewayAgent, type GatewayAgents, type GatewayCleared, type GatewayDevice, type GatewayDevices, type Installed, type Page, type PluginRemoved, type RemovalPlan, type RepairView, type RoutePlan, type Routed, type ScriptAdded, type ServiceAct, type SettingsChange, type SpeaksFirst, type Language, type View } from "./backend";
import { byDefault, homeAgents, samplePlan } from "./backend.fake/agents";
import { earlierRepairs, linkRows, planNamed, repaired, supervisionAfter, undone } from "./backend.fake/care";
import { REMOVAL, entriesPlan, written } from "./backend.fake/entries";
import { everybody } from "./backend.fake/gateway";
import { CURRENT, FOUND, homeTurns, homeUnasked } from "./backend.fake/home";
import { SAMPLE_QR, SAMPLE_URL } from "./backend.fake/qr";
import { SAMPLE_REPORT } from "./backend.fake/report";
import { SAMPLE_CERTIFICATE, SAMPLE_TOKEN } from "./backend.fake/script";
import { SCENES, type SceneName } from "./backend.fake/scenes";
import { FakeStage } from "./backend.fake/stage";

/** A program that is not there: for a look at the window in a browser, and for tests. It keeps what was asked in `asked`. */
export class FakeBackend extends FakeStage implements Backend {
  code = "42";
  installed: Installed = { outcome: "waitingForGateway", next: "restartGateway", commentsLost: false, plugin: "0.2.0", openclaw: "2026.9.6", config: "/home/anna/.openclaw/openclaw.json" };
  allTurns: ActivityTurn[];
  allUnasked: ActivityUnasked[];
  paired: GatewayDevice[];
  repairs = earlierRepairs();
  /** What a repair waits for between two of its steps. */
  repairPace: () => Promise<void> = async () => {};
  agents: GatewayAgent[];
  readonly routes: Map<string, DeviceRoute>;
  private codes = 0;
  private triesLeft = 3;
  private claimName = "";

  constructor(name: SceneName, tongue: Language) {
    super(SCENES[name](tongue));
    this.allTurns = this.scene.noTurns ? [] : homeTurns(tongue);
    this.paired = everybody(tongue).paired;
    this.agents = homeAgents(tongue);
    this.routes = new Map((this.scene.routes ?? []).map((route) => [route.deviceKey, route]));
    this.allUnasked = this.scene.noTurns ? [] : homeUnasked(tongue);
  }

  showPage(page: Page): void {
    this.pages.forEach((listener) => listener(page));
  }

  lose(failure: Failure): void {
    this.losses.forEach((listener) => listener(failure));
  }

  /** The code `bind` comes to this. */
  progress(bind: string, event: BindEvent): void {
    if ("name" in event) this.claimName = event.name;
    this.binds.forEach((listener) => listener(bind, event));
  }

  /** The newest code. */
  get bind(): string {
    return `code-${this.codes}`;
  }

  async startService(): Promise<void> {
    this.note("startService");
    this.tell((view) => (view.service = { ...view.service, phase: "running", sinceMs: Date.now(), failure: null }));
  }

  async stopService(): Promise<void> {
    this.note("stopService");
    this.tell((view) => (view.service = { ...view.service, phase: "stopped", sinceMs: Date.now(), failure: null }));
  }

  async allowNetwork(allow: boolean): Promise<void> {
    this.note("allowNetwork", allow);
    this.tell((view) => {
      view.network.permission = allow ? "allowed" : "refused";
      const own = view.network.addresses.filter((address) => address.reach === "computer");
      view.network.addresses = allow ? [{ ip: "192.168.1.20", url: "http://192.168.1.20:8765/", reach: "network", interface: "wlp2s0", provenMs: null }, ...own] : own;
    });
  }

  async startBind(address: string | null): Promise<BindShown> {
    this.note("startBind", address);
    this.codes += 1;
    this.triesLeft = 3;
    const to = this.view.network.addresses.find(({ ip }) => ip === address) ?? this.view.network.addresses[0];
    const url = SAMPLE_URL.replace("192.168.1.20", to?.ip ?? "127.0.0.1");
    return { bind: this.bind, url, typedCode: "C1GP-4RV4-CNK6-ET39", expiresMs: Date.now() + 180_000, reach: to?.reach ?? "computer", svg: SAMPLE_QR };
  }

  async watchBind(bind: string): Promise<void> {
    this.note("watchBind", bind);
    const claim = this.view.pending.find((pending) => pending.bind === bind);
    if (claim) this.progress(bind, { ...claim, state: "confirming" });
    else this.progress(bind, this.codes === 1 && this.scene.bind ? this.scene.bind : { state: "waiting", expiresMs: Date.now() + 180_000 });
  }

  async confirmBind(bind: string, code: string): Promise<void> {
    this.note("confirmBind", bind, code);
    if (code !== this.code && code !== "allow") {
      this.triesLeft -= 1;
      if (this.triesLeft === 0) this.progress(bind, { state: "failed", reason: "wrong_code" });
      throw new Refused({ code: "wrong_code", detail: { left: this.triesLeft } });
    }
    this.tell((view) => (view.pending = view.pending.filter((pending) => pending.bind !== bind)));
    this.progress(bind, { state: "bound", deviceKey: this.view.devices[0]?.deviceKey ?? "kzdvvj2umnduyauf35o36k6kw4", name: this.claimName });
  }

  async rejectBind(bind: string): Promise<void> {
    this.note("rejectBind", bind);
    this.tell((view) => (view.pending = view.pending.filter((pending) => pending.bind !== bind)));
    this.progress(bind, { state: "failed", reason: "rejected" });
  }

  async renameDevice(deviceKey: string, name: string): Promise<void> {
    this.note("renameDevice", deviceKey, name);
    this.tell((view) => view.devices.filter((device) => device.deviceKey === deviceKey).forEach((device) => (device.name = name)));
  }

  async removeDevice(deviceKey: string): Promise<{ lostMessages: number; lostReplies: number }> {
    this.note("removeDevice", deviceKey);
    const lostReplies = this.view.devices.find((device) => device.deviceKey === deviceKey)?.waiting ?? 0;
    this.tell((view) => (view.devices = view.devices.filter((device) => device.deviceKey !== deviceKey)));
    return { lostMessages: 0, lostReplies };
  }

  async muteDevice(deviceKey: string, muted: boolean): Promise<void> {
    this.note("muteDevice", deviceKey, muted);
    this.tell((view) => view.devices.filter((device) => device.deviceKey === deviceKey).forEach((device) => (device.muted = muted)));
  }

  async speaksFirst(deviceKey: string, who: SpeaksFirst): Promise<void> {
    this.note("speaksFirst", deviceKey, who);
    this.tell((view) => view.devices.filter((device) => device.deviceKey === deviceKey).forEach((device) => (device.speaksFirst = who)));
  }

  async testDevice(deviceKey: string): Promise<{ n: number; online: boolean }> {
    this.note("testDevice", deviceKey);
    return { n: 1, online: this.view.devices.find((device) => device.deviceKey === deviceKey)?.state === "online" };
  }

  async addScript(name: string): Promise<ScriptAdded> {
    this.note("addScript", name);
    const deviceKey = "n7scriptq2w7nzm4xyhk6bvtgr";
    this.tell((view) => {
      const [known] = view.devices;
      if (known) view.devices.push({ ...known, deviceKey, name, kind: "script", state: "offline", lastSeenMs: 0, boundAtMs: Date.now(), talking: false, muted: false, waiting: 0, speaksFirst: "anyone" });
    });
    const addresses = this.view.network.addresses.map(({ ip, reach, interface: name }) => ({ address: `${ip}:${this.view.service.port}`, reach, interface: name }));
    return { deviceKey, token: SAMPLE_TOKEN, addresses, certificate: SAMPLE_CERTIFICATE };
  }

  async deviceStatus(deviceKey: string): Promise<{ turns: ActivityTurn[] }> {
    this.note("deviceStatus", deviceKey);
    return { turns: this.allTurns.filter((turn) => turn.deviceKey === deviceKey) };
  }

  async turns(deviceKey: string | null, beforeMs: number | null, limit: number | null): Promise<{ turns: ActivityTurn[]; unasked: ActivityUnasked[]; more: boolean }> {
    this.note("turns", deviceKey, beforeMs, limit);
    const all = this.allTurns.filter((turn) => (deviceKey === null || turn.deviceKey === deviceKey) && (beforeMs === null || turn.receivedMs < beforeMs));
    const unasked = this.allUnasked.filter((entry) => (deviceKey === null || entry.deviceKey === deviceKey) && (beforeMs === null || entry.atMs < beforeMs));
    const turns = all.slice(0, limit ?? 50);
    const more = all.length > turns.length;
    const end = more ? (turns.at(-1)?.receivedMs ?? 0) : 0;
    return { turns, unasked: unasked.filter(({ atMs }) => atMs >= end), more };
  }

  async changeSettings(change: SettingsChange): Promise<void> {
    this.note("changeSettings", change);
    this.tell((view) => {
      const { welcomed, autostart, secretsInFile, lookForReleases, ...settings } = change;
      Object.assign(view.settings, settings);
      if (typeof welcomed === "boolean") view.app.welcomed = welcomed;
      if (autostart !== undefined) view.app.autostart = autostart;
      if (typeof lookForReleases === "boolean") view.release = { wanted: lookForReleases, lookedMs: null, trouble: null, newer: null, download: null };
      if (secretsInFile !== undefined) view.secrets.place = secretsInFile ? "file" : "keyring";
      if (change.language) view.app.language = change.language;
      if (typeof change.port === "number") view.service.port = change.port;
    });
  }

  async lookForOpenclaw() {
    this.note("lookForOpenclaw");
    if (this.scene.looks) await new Promise(() => {});
    return this.scene.setup ?? (this.view.assistant.kind === "gateway" ? CURRENT : FOUND);
  }

  async installPlugin(command: string): Promise<Installed> {
    this.note("installPlugin", command);
    if (this.scene.installFailure) throw new Refused(this.scene.installFailure);
    return this.installed;
  }

  async previewRemoval(): Promise<RemovalPlan> {
    this.note("previewRemoval");
    return REMOVAL;
  }

  async removePlugin(shown: string): Promise<PluginRemoved> {
    this.note("removePlugin", shown);
    this.tell((view) => (view.assistant = { ...view.assistant, kind: "echo", link: "offline" }));
    return { version: REMOVAL.version, copy: "/home/anna/.local/share/smartpi/backups/openclaw-20261122T094207Z.json" };
  }

  async makeReport(): Promise<{ text: string }> {
    this.note("makeReport");
    return { text: SAMPLE_REPORT };
  }

  async saveReport(): Promise<string> {
    this.note("saveReport");
    return "/home/anna/Downloads/smartpi-report-2026-11-21-090507.txt";
  }

  /** Something about OpenClaw's devices changes, and the program tells so. */
  changeGateway(change: (view: View["gateway"]) => void): void {
    this.tell(({ gateway }) => {
      change(gateway);
      gateway.devicesRevision += 1;
    });
  }

  async connectGateway(on: boolean): Promise<void> {
    this.note("connectGateway", on);
    this.changeGateway((gateway) => Object.assign(gateway, { state: on ? "connecting" : "off", sinceMs: Date.now(), failure: null, retryMs: null, version: null, pending: [] }));
  }

  private routeOf(deviceKey: string): DeviceRoute {
    return this.routes.get(deviceKey) ?? byDefault(deviceKey);
  }

  async gatewayAgents(): Promise<GatewayAgents> {
    this.note("gatewayAgents");
    return { agents: this.agents, routes: this.view.devices.map(({ deviceKey }) => this.routeOf(deviceKey)) };
  }

  async previewRoute(deviceKey: string, agent: string | null): Promise<RoutePlan> {
    this.note("previewRoute", deviceKey, agent);
    return samplePlan(this.routeOf(deviceKey), agent);
  }

  async routeDevice(deviceKey: string, agent: string | null, shown: string): Promise<Routed> {
    this.note("routeDevice", deviceKey, agent, shown);
    const plan = samplePlan(this.routeOf(deviceKey), agent);
    this.routes.set(deviceKey, plan.then);
    return { route: plan.then, copy: `${plan.backups}/openclaw-rpc-20261122-010203.json` };
  }

  async gatewayDevices(): Promise<GatewayDevices> {
    this.note("gatewayDevices");
    const { gatewayDevices } = this.scene;
    if (gatewayDevices === "never") await new Promise(() => {});
    else if (gatewayDevices && "code" in gatewayDevices) throw new Refused(gatewayDevices);
    else if (gatewayDevices) return gatewayDevices;
    return { pending: this.view.gateway.pending, paired: this.paired, names: true };
  }

  private decide(requestId: string): void {
    this.changeGateway((gateway) => (gateway.pending = gateway.pending.filter((request) => request.requestId !== requestId)));
  }

  async approvePairing(requestId: string): Promise<void> {
    this.note("approvePairing", requestId);
    this.decide(requestId);
  }

  async rejectPairing(requestId: string): Promise<void> {
    this.note("rejectPairing", requestId);
    this.decide(requestId);
  }

  async removeGatewayDevice(deviceId: string): Promise<void> {
    this.note("removeGatewayDevice", deviceId);
    this.paired = this.paired.filter((device) => device.deviceId !== deviceId);
    this.changeGateway(() => {});
  }

  async renameGatewayDevice(deviceId: string, name: string): Promise<void> {
    this.note("renameGatewayDevice", deviceId, name);
    this.paired = this.paired.map((device) => (device.deviceId === deviceId ? { ...device, name } : device));
    this.changeGateway(() => {});
  }

  async rotateToken(deviceId: string, role: string): Promise<void> {
    this.note("rotateToken", deviceId, role);
    this.changeGateway(() => {});
  }

  async revokeToken(deviceId: string, role: string): Promise<void> {
    this.note("revokeToken", deviceId, role);
    this.paired = this.paired.map((device) => (device.deviceId === deviceId ? { ...device, tokens: device.tokens.filter((token) => token.role !== role) } : device));
    this.changeGateway(() => {});
  }

  async clearGateway(devices: boolean): Promise<GatewayCleared> {
    this.note("clearGateway", devices);
    const [rejected, others] = [this.view.gateway.pending.length, this.paired.filter(({ ours }) => !ours).length];
    if (devices) this.paired = this.paired.filter(({ ours }) => ours);
    this.changeGateway((gateway) => (gateway.pending = []));
    return { removed: devices ? others : 0, rejected };
  }

  async gatewayService(act: ServiceAct): Promise<void> {
    this.note("gatewayService", act);
    this.tell(({ care }) => (care.acting = act));
    this.tell(({ care }) => Object.assign(care, { acting: null, service: supervisionAfter(act) }));
  }

  async careLook(): Promise<void> {
    this.note("careLook");
    this.tell(({ care }) => (care.looking = true));
    if (!this.scene.looks) this.tell(({ care, app }) => Object.assign(care, { looking: false, lookedMs: Date.now(), rows: care.findings.length === 0 ? linkRows(app.language) : care.rows }));
  }

  /** Does every step, and it helps. */
  async careRepair(id: string): Promise<RepairView> {
    this.note("careRepair", id);
    const plan = planNamed(id, this.view.care);
    const last = repaired(plan, Date.now());
    for (let step = 0; step <= plan.steps.length; step += 1) {
      this.tell(({ care }) => (care.running = { plan: id, step, of: plan.steps.length, waits: false }));
      await this.repairPace();
    }
    this.repairs.unshift(last);
    this.tell(({ care, app }) => Object.assign(care, { running: null, last, findings: [], lookedMs: Date.now(), rows: linkRows(app.language) }));
    return last;
  }

  async careUndo(id: string): Promise<RepairView> {
    this.note("careUndo", id);
    const last = undone([this.view.care.last, ...this.repairs].find((repair) => repair?.plan.id === id) as RepairView);
    this.repairs = this.repairs.map((repair) => (repair.plan.id === id ? last : repair));
    this.tell(({ care }) => (care.last = last));
    return last;
  }

  async careStopWaiting(): Promise<void> {
    this.note("careStopWaiting");
  }

  async careAcknowledge(id: string): Promise<void> {
    this.note("careAcknowledge", id);
    this.tell(({ care }) => care.last && (care.last.acknowledged = true));
  }

  async careHistory(): Promise<RepairView[]> {
    this.note("careHistory");
    return this.repairs;
  }

  async previewEntries(change: EntryChange): Promise<EntriesPlan> {
    this.note("previewEntries", change);
    return entriesPlan(change);
  }

  async writeEntries(change: EntryChange, shown: string): Promise<EntriesWritten> {
    this.note("writeEntries", change, shown);
    this.tell(({ care }) => written(care, change));
    return { copy: "/home/anna/.local/share/smartpi/backups/openclaw-20261122T094207Z.json" };
  }

  async leaveEntries(): Promise<void> {
    this.note("leaveEntries");
    this.tell(({ care }) => (care.missing = []));
  }

  async openFolder(which: Folder): Promise<void> {
    this.note("openFolder", which);
  }

  async copyText(text: string): Promise<void> {
    this.note("copyText", text);
  }

  async retryOwner(): Promise<void> {
    this.note("retryOwner");
    this.tell(() => {});
  }

  async quit(): Promise<void> {
    this.note("quit");
  }

  async attend(): Promise<Attended> {
    return { page: this.scene.page, view: this.scene.silent || this.scene.lost ? null : this.view, lost: this.scene.lost ?? null };
  }

  async painted(): Promise<void> {
    this.note("painted");
  }
}

/** Reads the scene and the language of the address: `?scene=bind-ask&lang=zh`. */
export function fakeOf(query: URLSearchParams): FakeBackend {
  const asked = query.get("scene") ?? "home";
  return new FakeBackend(asked in SCENES ? (asked as SceneName) : "home", query.get("lang") === "zh" ? "zh" : "en");
}
