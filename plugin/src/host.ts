/**
 * As much of the OpenClaw host as this plugin uses, for hosts 2026.4 to 2026.9. The `openclaw` package is not a dependency: it is huge,
 * and its types differ between the versions that this one bundle runs on. Members that some version lacks are optional.
 */

/** Sink of log lines; the gateway prefixes them with the channel. */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** OpenClaw's configuration; read only in `config.ts` and for the roster of agents. */
export type HostConfig = Record<string, unknown>;

export interface AgentRoute {
  agentId: string;
  accountId?: string;
  dmScope?: string;
  sessionKey: string;
  matchedBy?: string;
}

/** What the host hands over as part of an answer. */
export interface ReplyPayload {
  text?: string;
  mediaUrl?: string;
  mediaUrls?: string[];
  isError?: boolean;
  isReasoning?: boolean;
  isCommentary?: boolean;
}

/** Progress callbacks and switches of one run. */
export interface ReplyOptions {
  abortSignal: AbortSignal;
  sourceReplyDeliveryMode: "automatic";
  onAgentRunStart(runId?: string): void;
  onAssistantMessageStart(): void;
  onPartialReply(payload: { readonly text?: string }): void;
  onToolStart(): void;
  onItemEvent(payload: { kind?: string; phase?: string }): void;
}

export interface DeliverInfo { kind: "tool" | "block" | "final" }

export interface Delivery {
  deliver(payload: ReplyPayload, info: DeliverInfo): Promise<void>;
  onError(error: unknown, info: { kind: string }): void;
}

/** Result of a dispatch, as far as this plugin looks at it. */
export interface DispatchOutcome { deferredToActiveRun?: string | undefined }

/** 2026.9 and later. */
export interface InboundApi {
  ingress?: { resolveStable(params: object): Promise<{ ingress: { admission: string; reasonCode?: string } }> };
  buildContext?(params: object): unknown;
  dispatch?(params: object): Promise<{ admission?: { kind: string }; dispatched: boolean; dispatchResult?: DispatchOutcome | null }>;
}

/** The part of the runtime that channels get. */
export interface ChannelRuntime {
  inbound?: InboundApi;
  routing: {
    resolveAgentRoute(params: object): AgentRoute;
    buildAgentSessionKey(params: object): string;
  };
  reply: {
    finalizeInboundContext(context: object): Record<string, unknown>;
    dispatchReplyWithBufferedBlockDispatcher(params: object): Promise<DispatchOutcome | null | undefined>;
  };
  session?: {
    resolveStorePath?(store: unknown, options: { agentId: string }): string;
    recordInboundSession?(params: object): Promise<void>;
  };
}

/** `PluginRuntime`. */
export interface HostRuntime {
  version: string;
  config: { current?(): HostConfig; loadConfig?(): HostConfig };
  channel: ChannelRuntime;
  state?: { resolveStateDir?: () => string };
}

/** Status row of the account. */
export interface AccountStatus {
  accountId: string;
  running?: boolean;
  connected?: boolean;
  lifecycle?: "starting" | "ready" | "recovering" | "stopped";
  lastConnectedAt?: number | null;
  lastDisconnect?: unknown;
  lastError?: string | null;
  [other: string]: unknown;
}

/** `gateway.startAccount` gets this. */
export interface GatewayContext {
  cfg: HostConfig;
  accountId: string;
  abortSignal: AbortSignal;
  log?: Log;
  getStatus(): AccountStatus;
  setStatus(next: AccountStatus): void;
  channelRuntime?: ChannelRuntime;
}

/** `outbound.sendText` and `sendMedia` get this. */
export interface OutboundContext {
  to: string;
  text?: string;
  mediaUrl?: string;
  replyToId?: string | null;
}

/** `actions.handleAction` gets this: the agent's `message` tool, or the gateway's command line. */
export interface ActionContext {
  action: string;
  cfg: HostConfig;
  params: Record<string, unknown>;
  /** Set for an agent's tool; at the command line the host names its default agent here, and no session. */
  agentId?: string | null;
  sessionKey?: string | null;
}

/** What a tool gives back. */
export interface ActionResult { content: { type: "text"; text: string }[]; details: Record<string, unknown> }

/** The host is about to send something: `message_sending`. */
export interface SendingEvent { to: string; content: string }
export interface SendingContext { channelId: string; sessionKey?: string }

/** The host's command line library (commander), as far as it is used. */
export interface Command {
  command(name: string): Command;
  description(text: string): Command;
  option(flags: string, text: string): Command;
  argument(name: string, text: string): Command;
  action(run: (...args: never[]) => Promise<void>): Command;
}

/** The configuration of the running host, newest first. */
export function currentConfig(runtime: HostRuntime, admitted: HostConfig): HostConfig {
  return runtime.config.current?.() ?? runtime.config.loadConfig?.() ?? admitted;
}
