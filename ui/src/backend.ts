/** What the window can ask of the program, and what it is told. The only importer of the generated bindings. */

import {
  commands,
  events,
  type Accounts,
  type AccountsAct,
  type Attended,
  type BindEvent,
  type BindShown,
  type EntriesPlan,
  type EntriesWritten,
  type EntryChange,
  type Failure,
  type Folder,
  type GatewayAgents,
  type GatewayChoice,
  type GatewayChosen,
  type GatewayCleared,
  type GatewayDevices,
  type GatewayLook,
  type Installed,
  type Page,
  type PluginRemoved,
  type RemovalPlan,
  type Removed,
  type RepairView,
  type Report,
  type RoutePlan,
  type Routed,
  type ScriptAdded,
  type Sent,
  type ServiceAct,
  type SettingsChange,
  type SetupLook,
  type SpeaksFirst,
  type Turn,
  type Turns,
  type View,
} from "./bindings";

export type {
  Accounts,
  AccountsAct,
  Action,
  ActivityTurn,
  ActivityUnasked,
  Advice,
  AssistantView,
  Attended,
  BindEvent,
  BindShown,
  Blind,
  CareView,
  Cause,
  CertificateView,
  ChainLink,
  Contradiction,
  CopyPlace,
  DeviceRoute,
  DeviceToken,
  DeviceView,
  DownloadView,
  EntriesPlan,
  EntriesWritten,
  EntryChange,
  Evidence,
  Failure,
  FailureCode,
  FindingView,
  Folder,
  FoundOpenClaw,
  GatewayAgent,
  GatewayAgents,
  GatewayChoice,
  GatewayChosen,
  GatewayCleared,
  GatewayDevice,
  GatewayDevices,
  GatewayLook,
  GatewayView,
  InstallPlan,
  Installed,
  Language,
  LinkRow,
  MissingEntry,
  NextStep,
  NoPlan,
  Nobody,
  NotMine,
  NoticeView,
  Occupant,
  PackageKind,
  Page,
  PairingRequest,
  PendingClaim,
  Phase,
  Plan,
  PlannedStep,
  PluginFix,
  PluginRemoved,
  PluginRow,
  Referred,
  RemovalPlan,
  Publisher,
  Quiet,
  Refusal,
  ReleaseView,
  Removed,
  Repair,
  RepairOutcome,
  RepairView,
  Report,
  RouteBecause,
  RouteChange,
  RoutePlan,
  Routed,
  Running,
  ScriptAdded,
  Sent,
  ServiceAct,
  ServiceSeen,
  SettingsChange,
  SetupLook,
  Severity,
  SpeaksFirst,
  Step,
  StepView,
  Supervision,
  Trap,
  Turn,
  Turns,
  Unseen,
  View,
} from "./bindings";

/** A request that the program refused or could not do. */
export class Refused extends Error {
  constructor(readonly failure: Failure) {
    super(failure.code);
  }
}

/** What went wrong, as data. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Refused) return error.failure;
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "string") return error as Failure;
  return { code: "internal", detail: error instanceof Error ? error.message : String(error) };
}

/** Ends a subscription. */
export type Unlisten = () => void;

/** The program behind the window. Every request either resolves or throws {@link Refused}. */
export interface Backend {
  startService(): Promise<void>;
  stopService(): Promise<void>;
  allowNetwork(allow: boolean): Promise<void>;
  startBind(address: string | null): Promise<BindShown>;
  /** Tells every step of a code to the listeners of `onBind`, and resolves when nothing can follow. */
  watchBind(bind: string): Promise<void>;
  confirmBind(bind: string, code: string): Promise<void>;
  rejectBind(bind: string): Promise<void>;
  renameDevice(deviceKey: string, name: string): Promise<void>;
  removeDevice(deviceKey: string): Promise<Removed>;
  muteDevice(deviceKey: string, muted: boolean): Promise<void>;
  speaksFirst(deviceKey: string, who: SpeaksFirst): Promise<void>;
  /** What it would change in OpenClaw to let this agent answer; null: its own rules decide. */
  previewRoute(deviceKey: string, agent: string | null): Promise<RoutePlan>;
  /** Does exactly what the plan of this name showed. */
  routeDevice(deviceKey: string, agent: string | null, shown: string): Promise<Routed>;
  testDevice(deviceKey: string): Promise<Sent>;
  /** A device for a script, and its token: shown once, kept nowhere. */
  addScript(name: string): Promise<ScriptAdded>;
  deviceStatus(deviceKey: string): Promise<{ turns: Turn[] }>;
  turns(deviceKey: string | null, beforeMs: number | null, limit: number | null): Promise<Turns>;
  changeSettings(change: SettingsChange): Promise<void>;
  lookForOpenclaw(): Promise<SetupLook>;
  installPlugin(command: string): Promise<Installed>;
  /** What removing the plugin from OpenClaw would change. */
  previewRemoval(): Promise<RemovalPlan>;
  /** Does exactly what the plan of this name showed. */
  removePlugin(shown: string): Promise<PluginRemoved>;
  /** Asks the command of another vendor's plugin about its devices. */
  askAccounts(act: AccountsAct): Promise<Accounts>;
  makeReport(): Promise<Report>;
  /** Saves the report that was made last, and gives the new file. */
  saveReport(): Promise<string>;
  connectGateway(on: boolean): Promise<void>;
  /** Has the service that runs OpenClaw do something, and waits until it is so. */
  gatewayService(act: ServiceAct): Promise<void>;
  /** Who answers at an address; nothing secret is sent there. */
  lookAtGateway(url: string): Promise<GatewayLook>;
  /** Tries it, then remembers it. */
  chooseGateway(choice: GatewayChoice): Promise<GatewayChosen>;
  chooseLocalGateway(): Promise<void>;
  gatewayDevices(): Promise<GatewayDevices>;
  gatewayAgents(): Promise<GatewayAgents>;
  approvePairing(requestId: string): Promise<void>;
  rejectPairing(requestId: string): Promise<void>;
  removeGatewayDevice(deviceId: string): Promise<void>;
  renameGatewayDevice(deviceId: string, name: string): Promise<void>;
  rotateToken(deviceId: string, role: string): Promise<void>;
  revokeToken(deviceId: string, role: string): Promise<void>;
  clearGateway(devices: boolean): Promise<GatewayCleared>;
  /** Looks at every link; what it finds follows in the view. */
  careLook(): Promise<void>;
  /** Carries the plan out; resolves when it ended, its progress is in the view. */
  careRepair(plan: string): Promise<RepairView>;
  careUndo(plan: string): Promise<RepairView>;
  /** The person has seen what became of an interrupted repair. */
  careStopWaiting(): Promise<void>;
  careAcknowledge(plan: string): Promise<void>;
  /** The newest first. */
  careHistory(): Promise<RepairView[]>;
  /** What a change of our entries in OpenClaw's configuration would write. */
  previewEntries(change: EntryChange): Promise<EntriesPlan>;
  /** Writes exactly what the plan of this name showed. */
  writeEntries(change: EntryChange, shown: string): Promise<EntriesWritten>;
  /** What is missing of our entries shall stay away. */
  leaveEntries(): Promise<void>;
  openFolder(which: Folder): Promise<void>;
  openPhonePage(): Promise<void>;
  openRelease(version: string): Promise<void>;
  /** Fetches the package of a newer release, or does no more. */
  fetchRelease(on: boolean): Promise<void>;
  /** Opens it for the system to install, or shows where it lies. */
  installRelease(folder: boolean): Promise<void>;
  copyText(text: string): Promise<void>;
  /** Starts the program again; a view or a loss follows. */
  retryOwner(): Promise<void>;
  quit(): Promise<void>;
  /** What to show now; after the listeners are there. */
  attend(): Promise<Attended>;
  /** The page has painted: the window may be shown. */
  painted(): Promise<void>;
  onView(listener: (view: View) => void): Promise<Unlisten>;
  onPage(listener: (page: Page) => void): Promise<Unlisten>;
  onBind(listener: (bind: string, event: BindEvent) => void): Promise<Unlisten>;
  onOwnerLost(listener: (failure: Failure) => void): Promise<Unlisten>;
}

let chosen: Backend | undefined;

/** Says which program the window talks to; once, before it is mounted. */
export function choose(backend: Backend): void {
  chosen = backend;
}

export function useBackend(): Backend {
  if (chosen === undefined) throw new Error("no backend was chosen");
  return chosen;
}

type Answer<T> = { status: "ok"; data: T } | { status: "error"; error: Failure };

async function value<T>(answer: Promise<Answer<T>>): Promise<T> {
  const told = await answer;
  if (told.status === "error") throw new Refused(failureOf(told.error));
  return told.data;
}

async function done(answer: Promise<Answer<unknown>>): Promise<void> {
  await value(answer);
}

/** Puts a text into the clipboard; where the web view has no clipboard for pages, as one does by hand. */
async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "unseen";
    // Inside an open dialog nothing outside of it can be selected.
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    if (!copied) throw new Refused({ code: "internal", detail: "the clipboard refused" });
  }
}

/** The real program, over Tauri. */
export function tauriBackend(): Backend {
  return {
    startService: () => done(commands.startService()),
    stopService: () => done(commands.stopService()),
    allowNetwork: (allow) => done(commands.allowNetwork(allow)),
    startBind: (address) => value(commands.startBind(address)),
    watchBind: (bind) => done(commands.watchBind(bind)),
    confirmBind: (bind, code) => done(commands.confirmBind(bind, code)),
    rejectBind: (bind) => done(commands.rejectBind(bind)),
    renameDevice: (deviceKey, name) => done(commands.renameDevice(deviceKey, name)),
    removeDevice: (deviceKey) => value(commands.removeDevice(deviceKey)),
    muteDevice: (deviceKey, muted) => done(commands.muteDevice(deviceKey, muted)),
    speaksFirst: (deviceKey, who) => done(commands.speaksFirst(deviceKey, who)),
    previewRoute: (deviceKey, agent) => value(commands.previewRoute(deviceKey, agent)),
    routeDevice: (deviceKey, agent, shown) => value(commands.routeDevice(deviceKey, agent, shown)),
    testDevice: (deviceKey) => value(commands.testDevice(deviceKey)),
    addScript: (name) => value(commands.addScript(name)),
    deviceStatus: (deviceKey) => value(commands.deviceStatus(deviceKey)),
    turns: (deviceKey, beforeMs, limit) => value(commands.turns(deviceKey, beforeMs, limit)),
    changeSettings: (change) => done(commands.changeSettings(change)),
    lookForOpenclaw: () => value(commands.lookForOpenclaw()),
    installPlugin: (command) => value(commands.installPlugin(command)),
    previewRemoval: () => value(commands.previewRemoval()),
    removePlugin: (shown) => value(commands.removePlugin(shown)),
    askAccounts: (act) => value(commands.askAccounts(act)),
    makeReport: () => value(commands.makeReport()),
    saveReport: () => value(commands.saveReport()),
    connectGateway: (on) => done(commands.connectGateway(on)),
    gatewayService: (act) => done(commands.gatewayService(act)),
    lookAtGateway: (url) => value(commands.lookAtGateway(url)),
    chooseGateway: (choice) => value(commands.chooseGateway(choice)),
    chooseLocalGateway: () => done(commands.chooseLocalGateway()),
    gatewayAgents: () => value(commands.gatewayAgents()),
    gatewayDevices: () => value(commands.gatewayDevices()),
    approvePairing: (requestId) => done(commands.approvePairing(requestId)),
    rejectPairing: (requestId) => done(commands.rejectPairing(requestId)),
    removeGatewayDevice: (deviceId) => done(commands.removeGatewayDevice(deviceId)),
    renameGatewayDevice: (deviceId, name) => done(commands.renameGatewayDevice(deviceId, name)),
    rotateToken: (deviceId, role) => done(commands.rotateToken(deviceId, role)),
    revokeToken: (deviceId, role) => done(commands.revokeToken(deviceId, role)),
    clearGateway: (devices) => value(commands.clearGateway(devices)),
    careLook: () => done(commands.careLook()),
    careRepair: (plan) => value(commands.careRepair(plan)),
    careUndo: (plan) => value(commands.careUndo(plan)),
    careStopWaiting: () => done(commands.careStopWaiting()),
    careAcknowledge: (plan) => done(commands.careAcknowledge(plan)),
    careHistory: () => value(commands.careHistory()),
    previewEntries: (change) => value(commands.previewEntries(change)),
    writeEntries: (change, shown) => value(commands.writeEntries(change, shown)),
    leaveEntries: () => done(commands.leaveEntries()),
    openFolder: (which) => done(commands.openFolder(which)),
    openPhonePage: () => done(commands.openPhonePage()),
    openRelease: (version) => done(commands.openRelease(version)),
    fetchRelease: (on) => done(commands.fetchRelease(on)),
    installRelease: (folder) => done(commands.installRelease(folder)),
    copyText: copy,
    retryOwner: () => commands.retryOwner(),
    quit: () => done(commands.quit()),
    attend: () => commands.attend(),
    painted: () => commands.painted(),
    onView: (listener) => events.viewChanged.listen(({ payload }) => listener(payload)),
    onPage: (listener) => events.pageShown.listen(({ payload }) => listener(payload)),
    onBind: (listener) => events.bindChanged.listen(({ payload }) => listener(payload.bind, payload.event)),
    onOwnerLost: (listener) => events.ownerLost.listen(({ payload }) => listener(payload)),
  };
}
