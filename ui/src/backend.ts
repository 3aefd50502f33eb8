/** What the window can ask of the program, and what it is told. The only importer of the generated bindings. */

export type Tongue = "en" | "zh";
export type Phase = "stopped" | "starting" | "running" | "stopping" | "failed";
export type Permission = "unasked" | "allowed" | "refused" | "absent";
export type AddressReach = "computer" | "network";
export type Hint = "other_network" | "firewall" | "isolation" | "vpn";
export type AgentWord = "gateway" | "echo";
export type LinkState = "online" | "offline";
export type DeviceState = "online" | "unsure" | "offline";
export type NoticeKind = "connected" | "disconnected" | "bound" | "removed" | "confirm" | "trouble" | "assistant_up" | "assistant_down" | "started" | "stopped";
export type SecretsPlace = "checking" | "keyring" | "file" | "nowhere";
export type KeyringTrouble = "locked" | "absent" | "empty" | "broken";
export type FoundBy = "path" | "login_shell" | "nvm" | "homebrew" | "npm" | "volta" | "usual_place";
export type PluginState = "absent" | "older" | "current" | "foreign";
export type FailureCode =
  | "unknown_request" | "bad_request" | "device_unknown" | "bind_unknown" | "bind_claimed" | "wrong_code" | "not_confirming" | "timeout" | "storage" | "stopping" | "too_many" | "no_address"
  | "not_running" | "not_permitted" | "control_lost" | "answer_unreadable" | "already_running" | "port_in_use" | "cannot_listen" | "store_unusable" | "keys_unusable" | "no_home" | "folder_unusable"
  | "settings_unreadable" | "settings_not_saved" | "service_file_not_written" | "control_not_started" | "logs_not_opened" | "interfaces_unreadable" | "no_private_address" | "qr_not_made" | "no_desktop"
  | "internal" | "not_started" | "openclaw_not_found" | "openclaw_not_set_up" | "openclaw_config_unreadable" | "openclaw_failed" | "openclaw_config_changed" | "openclaw_not_put_back" | "plugin_foreign"
  | "plugin_denied" | "plugin_not_installed" | "install_not_prepared" | "unrecognised";
export type Failure = { code: FailureCode; detail?: unknown };
export type Quiet = { connected: boolean; disconnected: boolean; bound: boolean; confirm: boolean; trouble: boolean };
export type AddressView = { ip: string; url: string; reach: AddressReach; interface: string; provenMs: number | null };
export type DeviceView = {
  deviceKey: string; name: string; kind: string; state: DeviceState; sinceMs: number; lastSeenMs: number; waiting: number; boundAtMs: number; talking: boolean; muted: boolean;
};
export type PendingClaim = { bind: string; name: string; kind: string; address: string; state: "scanned" | "confirming"; how: string; sinceMs: number };
export type NoticeView = { id: number; atMs: number; kind: NoticeKind; names: string[]; deviceKey: string | null; failure: Failure | null };
export type AssistantView = { kind: AgentWord; link: LinkState; sinceMs: number; gateway: string | null; plugin: string | null; host: string | null; refusedGateway: string | null };
export type View = {
  revision: number;
  app: { version: string; language: Tongue; desktop: boolean; tray: boolean | null; autostart: boolean | null; welcomed: boolean; dataDir: string; logFile: string };
  service: { phase: Phase; sinceMs: number; failure: Failure | null; name: string; port: number };
  network: { permission: Permission; addresses: AddressView[]; hints: Hint[] };
  assistant: AssistantView;
  devices: DeviceView[];
  pending: PendingClaim[];
  notices: NoticeView[];
  settings: { language: Tongue | null; port: number; keepTextDays: number; answerAfterS: number; quiet: Quiet };
  secrets: { place: SecretsPlace; why: KeyringTrouble | null };
  troubles: Failure[];
};
export type Page = { page: "welcome" } | { page: "devices"; deviceKey?: string | null; remove?: boolean } | { page: "bind" } | { page: "activity" } | { page: "settings" };
export type BindCode = { bind: string; url: string; expiresMs: number; reach: AddressReach; svg: string };
export type BindEvent =
  | { state: "waiting"; expiresMs: number }
  | { state: "scanned"; name: string; kind: string; address: string }
  | { state: "confirming"; how: string; name: string; kind: string; address: string }
  | { state: "bound"; deviceKey: string; name: string }
  | { state: "failed"; reason: string };
export type Turn = {
  id: string; state: string; outcome?: string | null; receivedMs: number; storedMs: number; deliveredMs?: number | null; acceptedMs?: number | null; startedMs?: number | null;
  firstTokenMs?: number | null; toolMs?: number | null; finalMs?: number | null; sentMs?: number | null; gotMs?: number | null; late: boolean;
};
export type ActivityTurn = Turn & { deviceKey: string; deviceName: string; endedMs: number | null; said: string | null; answered: string | null };
export type Turns = { turns: ActivityTurn[]; more: boolean };
export type Removed = { lostMessages: number; lostReplies: number };
export type Sent = { n: number; online: boolean };
export type PlannedChange = { path: string; before: string | null; after: string };
export type InstallPlan = { plugin: PluginState; version: string | null; config: string; changes: PlannedChange[]; backups: string; commentsLost: boolean; refusal: Failure | null };
export type FoundOpenClaw = { command: string; by: FoundBy; version: string | null; plan: InstallPlan | null; failure: Failure | null };
export type SetupLook = { found: FoundOpenClaw[]; inWsl: boolean };
export type SettingsChange = Partial<{
  language: Tongue | null; port: number; keepTextDays: number; answerAfterS: number; quiet: Quiet; welcomed: boolean; secretsInFile: boolean; autostart: boolean;
}>;
export type DeviceStatus = { turns: Turn[] };

/** A request that the program refused or could not do. */
export class Refused extends Error {
  constructor(readonly failure: Failure) {
    super(failure.code);
  }
}

/** What went wrong, as data. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Refused) return error.failure;
  return { code: "internal", detail: error instanceof Error ? error.message : String(error) };
}

/** What installing the plugin came to. */
export type NextStep = "startGateway" | "restartGateway" | "stopOtherGateway" | "serveGateway";
export type Installed = { outcome: "linked" | "waitingForGateway"; next?: NextStep; plugin: string; openclaw: string; config: string; copy?: string };

/** Ends a subscription. */
export type Unlisten = () => void;

/** The program behind the window. Every request either resolves or throws {@link Refused}. */
export interface Backend {
  startService(): Promise<void>;
  stopService(): Promise<void>;
  allowNetwork(allow: boolean): Promise<void>;
  startBind(address: string | null): Promise<BindCode>;
  /** Tells every step of a code to the listeners of `onBind`, and resolves when nothing can follow. */
  watchBind(bind: string): Promise<void>;
  confirmBind(bind: string, code: string): Promise<void>;
  rejectBind(bind: string): Promise<void>;
  renameDevice(deviceKey: string, name: string): Promise<void>;
  removeDevice(deviceKey: string): Promise<Removed>;
  muteDevice(deviceKey: string, muted: boolean): Promise<void>;
  testDevice(deviceKey: string): Promise<Sent>;
  deviceStatus(deviceKey: string): Promise<DeviceStatus>;
  turns(deviceKey: string | null, beforeMs: number | null, limit: number | null): Promise<Turns>;
  changeSettings(change: SettingsChange): Promise<void>;
  lookForOpenclaw(): Promise<SetupLook>;
  installPlugin(command: string): Promise<Installed>;
  openFolder(which: "data" | "logs"): Promise<void>;
  openPhonePage(): Promise<void>;
  copyText(text: string): Promise<void>;
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

/** What the window begins with. */
export type Attended = { page: Page; view: View | null; lost: Failure | null };

let chosen: Backend | undefined;

/** Says which program the window talks to; once, before it is mounted. */
export function choose(backend: Backend): void {
  chosen = backend;
}

export function useBackend(): Backend {
  if (chosen === undefined) throw new Error("no backend was chosen");
  return chosen;
}
