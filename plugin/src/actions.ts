/** The agent's `message` tool, and `openclaw message send`: the host calls this with the one who asks. */

import { CHANNEL_ID } from "./config.ts";
import { findDevice } from "./devices.ts";
import type { Bridge } from "./bridge.ts";
import type { ActionContext, ActionResult } from "./host.ts";
import { speak, withMedia } from "./outbound.ts";
import { speakerOf, type Speaker } from "./speakers.ts";
import { Code } from "./wire.ts";

/** How long an agent waits for the service's word. */
const ANSWER_MS = 10_000;

/** What an agent is told of a message that was refused. */
const REFUSED: Record<number, string> = {
  [Code.NotAllowed]: "The owner has not allowed messages to this device. Do not try again",
  [Code.DeviceUnknown]: "This device is not bound any more",
  [Code.TooLong]: "The message is too long for a device",
};

/** Who asks: the host names the session of an agent's tool; without one it is its command line, where it cannot tell a person from a program. */
function whoAsks({ sessionKey, agentId }: ActionContext): Speaker {
  const speaker = speakerOf(sessionKey);
  if (speaker.isKnown) return speaker;
  return sessionKey && agentId ? { by: `agent:${agentId}`, isKnown: true } : { by: "terminal", isKnown: true };
}

/**
 * Sends a message, and waits a moment for what the service says to it.
 *
 * @throws {Error} in words for an agent: a wrong target, an empty message, a refusal.
 */
export async function handleSend(bridge: Bridge, context: ActionContext, answerMs = ANSWER_MS): Promise<ActionResult> {
  const { params } = context;
  const word = (name: string): string | undefined => (typeof params[name] === "string" && params[name].trim() !== "" ? params[name] : undefined);
  const target = word("to") ?? word("target");
  if (target === undefined) throw new Error("Name the SmartPi device that the message is for");
  const media = word("media") ?? word("mediaUrl") ?? word("path") ?? word("filePath");
  const { deviceKey, name } = await findDevice(context.cfg, target);
  const asker = bridge.inbound.current;
  const speaker = asker && !context.sessionKey ? { ...(asker.agentId ? { by: `agent:${asker.agentId}` } : {}), device: asker.device, isKnown: true } : whoAsks(context);
  const rids = await speak(bridge, { to: deviceKey, text: withMedia(word("message") ?? word("text"), media), speaker, replyToId: word("replyTo") });
  const outcomes = await Promise.all(rids.map((rid) => bridge.outbox.settled(rid, bridge.isLinked ? answerMs : 0)));
  const code = outcomes.find((outcome) => typeof outcome === "number");
  if (code !== undefined) throw new Error(REFUSED[code] ?? `The message was refused (${code})`);
  const isStored = outcomes.every((outcome) => outcome === "stored");
  const details = {
    ok: true,
    channel: CHANNEL_ID,
    messageId: rids.at(-1) ?? "",
    to: deviceKey,
    device: name,
    ...(isStored ? {} : { note: "SmartPi is not running. The message is kept and delivered when it runs again" }),
  };
  return { content: [{ type: "text", text: JSON.stringify(details) }], details };
}
