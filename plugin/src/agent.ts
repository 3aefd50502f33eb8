/** Runs a message through the host's agent: the current inbound API where the host has it, the older dispatcher otherwise. */

import { ACCOUNT_ID, CHANNEL_ID, readAccount } from "./config.ts";
import { currentConfig, type AgentRoute, type ChannelRuntime, type Delivery, type DispatchOutcome, type HostConfig, type HostRuntime, type ReplyOptions, type ReplyPayload } from "./host.ts";
import type { RunSink } from "./turn.ts";
import { attachmentWords } from "./words.ts";

/** A message of a device. */
export interface AgentMessage { turn: string; device: string; name: string; text: string; ts: number }

/** How a run went, when it did not throw. */
export interface RunResult {
  /** The host put the message behind another run; the answer will come as a push. */
  isDeferred: boolean;
}

/** Runs messages. */
export interface Agent {
  /**
   * Runs one message and resolves when the host is done with it.
   *
   * @throws {AgentUnresolvedError} if no agent is set for the device, {@link NotAdmittedError} if the host's rules refuse it, and whatever the host throws.
   */
  run(message: AgentMessage, sink: RunSink, signal: AbortSignal, onAgent: (agentId: string) => void): Promise<RunResult>;
}

/** No agent is set for the device, or the one that is set does not exist. */
export class AgentUnresolvedError extends Error {}
/** The host's own access rules refuse the message. */
export class NotAdmittedError extends Error {}

const DM_SCOPE = "per-account-channel-peer";
/** Another process holds the host's state for a moment, mostly right after its start. */
const CONTENTION_WAITS_MS = [1_000, 2_000, 5_000];

/** The agent of a running gateway. `admitted` is the configuration the account was started with. */
export class HostAgent implements Agent {
  readonly #runtime: HostRuntime;
  readonly #channel: ChannelRuntime;
  readonly #admitted: HostConfig;

  constructor(runtime: HostRuntime, channel: ChannelRuntime, admitted: HostConfig) {
    this.#runtime = runtime;
    this.#channel = channel;
    this.#admitted = admitted;
  }

  async run(message: AgentMessage, sink: RunSink, signal: AbortSignal, onAgent: (agentId: string) => void): Promise<RunResult> {
    const config = currentConfig(this.#runtime, this.#admitted);
    const route = this.#route(config, message.device);
    onAgent(route.agentId);
    const delivery = deliveryTo(sink);
    const replyOptions = replyOptionsFor(sink, signal);
    const { inbound } = this.#channel;
    const dispatchOnce = inbound?.ingress && inbound.dispatch && inbound.buildContext
      ? () => this.#dispatch(config, route, message, delivery, replyOptions)
      : () => this.#dispatchOlder(config, route, message, delivery, replyOptions);
    const outcome = await retryContention(dispatchOnce, signal);
    return { isDeferred: outcome?.deferredToActiveRun !== undefined };
  }

  /** Every device has a session of its own, whatever the user's `session.dmScope` is: devices must not share a history. */
  #route(config: HostConfig, device: string): AgentRoute {
    const { defaultAgentId } = readAccount(config);
    const peer = { kind: "direct", id: device };
    let route: AgentRoute;
    try {
      route = this.#channel.routing.resolveAgentRoute({ cfg: config, channel: CHANNEL_ID, accountId: ACCOUNT_ID, peer, defaultAgentId, dmScope: DM_SCOPE });
    } catch (error) {
      if ((error as { code?: unknown }).code !== "AGENT_SELECTION_REQUIRED") throw error;
      const isUnknown = defaultAgentId !== undefined && !agentRoster(config).includes(defaultAgentId);
      throw new AgentUnresolvedError(isUnknown ? unknownAgent(defaultAgentId) : wordsOf(error), { cause: error });
    }
    let agentId = route.agentId;
    // Hosts before 2026.9 do not know `defaultAgentId` and fall back to their default agent.
    if (defaultAgentId !== undefined && route.matchedBy === "default" && agentId !== defaultAgentId) {
      if (!agentRoster(config).includes(defaultAgentId)) throw new AgentUnresolvedError(unknownAgent(defaultAgentId));
      agentId = defaultAgentId;
    }
    const sessionKey = this.#channel.routing.buildAgentSessionKey({ agentId, channel: CHANNEL_ID, accountId: ACCOUNT_ID, peer, dmScope: DM_SCOPE });
    return { ...route, agentId, sessionKey, dmScope: DM_SCOPE };
  }

  async #dispatch(config: HostConfig, route: AgentRoute, message: AgentMessage, delivery: Delivery, replyOptions: ReplyOptions): Promise<DispatchOutcome | null | undefined> {
    const inbound = this.#channel.inbound as Required<NonNullable<ChannelRuntime["inbound"]>>;
    // Who may speak is decided by the service: only bound devices reach this line. The host still sees the message pass its gate.
    const ingress = await inbound.ingress.resolveStable({
      channelId: CHANNEL_ID,
      accountId: ACCOUNT_ID,
      cfg: config,
      identity: { key: "device", entryIdPrefix: "smartpi-device" },
      subject: { stableId: message.device },
      conversation: { kind: "direct", id: message.device },
      contextBinding: { agentId: route.agentId, sessionKey: route.sessionKey, messageId: message.turn, inboundEventKind: "user_request" },
      dmPolicy: "open",
      allowFrom: ["*"],
    });
    if (ingress.ingress.admission !== "dispatch") throw new NotAdmittedError(`the gateway's rules refused the message (${ingress.ingress.reasonCode ?? ingress.ingress.admission})`);
    const target = `${CHANNEL_ID}:${message.device}`;
    const ctxPayload = inbound.buildContext({
      channel: CHANNEL_ID,
      accountId: ACCOUNT_ID,
      messageId: message.turn,
      messageIdFull: message.turn,
      timestamp: message.ts,
      from: target,
      sender: { id: message.device, name: message.name },
      conversation: { kind: "direct", id: message.device, label: message.name },
      route: { agentId: route.agentId, dmScope: route.dmScope, accountId: ACCOUNT_ID, routeSessionKey: route.sessionKey, dispatchSessionKey: route.sessionKey },
      reply: { to: message.device, originatingTo: message.device },
      message: { body: message.text, bodyForAgent: message.text, rawBody: message.text, commandBody: message.text },
      channelIngress: ingress,
    });
    const result = await inbound.dispatch({
      cfg: config,
      channel: CHANNEL_ID,
      accountId: ACCOUNT_ID,
      route: { agentId: route.agentId, dmScope: route.dmScope, sessionKey: route.sessionKey },
      ctxPayload,
      messageId: message.turn,
      delivery: { ...delivery, observeMessageSent: true },
      replyOptions,
      replyPipeline: {},
    });
    if (!result.dispatched && result.admission?.kind !== "dispatch") throw new NotAdmittedError(`the gateway did not take the message (${result.admission?.kind ?? "no reason"})`);
    return result.dispatchResult;
  }

  async #dispatchOlder(config: HostConfig, route: AgentRoute, message: AgentMessage, delivery: Delivery, replyOptions: ReplyOptions): Promise<DispatchOutcome | null | undefined> {
    const { reply, session } = this.#channel;
    const ctx = reply.finalizeInboundContext({
      Body: message.text,
      BodyForAgent: message.text,
      RawBody: message.text,
      CommandBody: message.text,
      From: `${CHANNEL_ID}:${message.device}`,
      To: message.device,
      SessionKey: route.sessionKey,
      AccountId: ACCOUNT_ID,
      ChatType: "direct",
      ConversationLabel: message.name,
      SenderId: message.device,
      SenderName: message.name,
      Provider: CHANNEL_ID,
      Surface: CHANNEL_ID,
      MessageSid: message.turn,
      MessageSidFull: message.turn,
      Timestamp: message.ts,
      CommandAuthorized: true,
      OriginatingChannel: CHANNEL_ID,
      OriginatingTo: message.device,
    });
    if (session?.recordInboundSession && session.resolveStorePath) {
      const store = (config.session as { store?: unknown } | undefined)?.store;
      await session.recordInboundSession({
        storePath: session.resolveStorePath(store, { agentId: route.agentId }),
        sessionKey: route.sessionKey,
        ctx,
        updateLastRoute: { sessionKey: route.sessionKey, channel: CHANNEL_ID, to: message.device, accountId: ACCOUNT_ID },
        onRecordError: () => undefined,
      });
    }
    return reply.dispatchReplyWithBufferedBlockDispatcher({ ctx, cfg: config, dispatcherOptions: delivery, replyOptions });
  }
}

function unknownAgent(agentId: string): string {
  return `channels.${CHANNEL_ID}.defaultAgentId names "${agentId}", which is not a configured agent`;
}

/** Ids of the configured agents: `agents.entries` since 2026.9, `agents.list` before; `main` where none is listed. */
export function agentRoster(config: HostConfig): string[] {
  const agents = (config.agents ?? {}) as { entries?: Record<string, unknown>; list?: { id?: unknown }[] };
  const ids = [...Object.keys(agents.entries ?? {}), ...(Array.isArray(agents.list) ? agents.list : []).flatMap((entry) => (typeof entry?.id === "string" ? [entry.id] : []))];
  return ids.length > 0 ? ids : ["main"];
}

/** Delivers into the sink. Never throws: the host would apologise to the device one message later. */
function deliveryTo(sink: RunSink): Delivery {
  return {
    deliver: async (payload) => {
      const text = payloadWords(payload);
      if (text !== "") await sink.reply(text, payload.isError === true);
    },
    onError: () => undefined,
  };
}

function payloadWords(payload: ReplyPayload): string {
  if (payload.isReasoning || payload.isCommentary) return "";
  const media = payload.mediaUrls?.length ? payload.mediaUrls : payload.mediaUrl ? [payload.mediaUrl] : [];
  return [payload.text ?? "", ...media.map(attachmentWords)].filter((part) => part.trim() !== "").join("\n");
}

function replyOptionsFor(sink: RunSink, signal: AbortSignal): ReplyOptions {
  return {
    abortSignal: signal,
    sourceReplyDeliveryMode: "automatic",
    onAgentRunStart: () => sink.started(),
    onAssistantMessageStart: () => sink.stage("thinking"),
    onPartialReply: (payload) => sink.partial(() => payload.text),
    onToolStart: () => sink.stage("tool"),
    onItemEvent: (item) => {
      if (item.kind === "tool" || item.kind === "command") sink.stage("tool");
    },
  };
}

async function retryContention<T>(run: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (const wait of CONTENTION_WAITS_MS) {
    try {
      return await run();
    } catch (error) {
      if (signal.aborted || !isContention(error)) throw error;
      await sleep(wait, signal);
    }
  }
  return run();
}

function isContention(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause.name.includes("StateDatabaseCoordinatorContention") || cause.message.includes("StateDatabaseCoordinatorContention")) return true;
  }
  return false;
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal.addEventListener("abort", wake);
  });
}

/** The words of an error, without its stack. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
