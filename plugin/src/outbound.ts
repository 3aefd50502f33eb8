/** The agent, or the person with `openclaw message send`, speaks to a device without being asked. */

import { CHANNEL_ID } from "./config.ts";
import type { Bridge } from "./bridge.ts";
import type { OutboundContext } from "./host.ts";
import { newRid, PUSH_LIMIT } from "./outbox.ts";
import { cutPieces } from "./pieces.ts";
import type { Push } from "./wire.ts";
import { attachmentWords } from "./words.ts";

/** What the host learns of a message that was taken. */
export interface SentMessage { channel: string; messageId: string; chatId: string }

/** The host says this after a crash before it runs an interrupted request again. The device sees the turn go on instead. */
const RECOVERY_NOTICE = "I'm continuing your interrupted request now";

/** Reads the target of a push: a device key, also with the channel's name before it. */
export function deviceOf(target: string): string | undefined {
  const key = target.trim().replace(/^(openclaw-smartpi|smartpi):/i, "").replace(/^(user|device|direct):/i, "").toLowerCase();
  return /^[a-z2-7]{26}$/.test(key) ? key : undefined;
}

/**
 * Takes a text for a device. Resolves when it is safe on disk; the service answers later, and decides whether the agent may reach that device.
 *
 * @throws {Error} for a target that is no device key, an empty text, or a full outbox.
 */
export async function sendText(bridge: Bridge, context: OutboundContext): Promise<SentMessage> {
  return send(bridge, context, context.text ?? "");
}

/** As {@link sendText}; the file itself is told in words, because devices show text only. */
export async function sendMedia(bridge: Bridge, context: OutboundContext): Promise<SentMessage> {
  const parts = [context.text ?? "", context.mediaUrl ? attachmentWords(context.mediaUrl) : ""];
  return send(bridge, context, parts.filter((part) => part.trim() !== "").join("\n"));
}

async function send(bridge: Bridge, context: OutboundContext, text: string): Promise<SentMessage> {
  const to = deviceOf(context.to);
  if (!to) throw new Error(`"${context.to}" is not a SmartPi device key (26 characters a-z, 2-7); openclaw smartpi accounts list shows them`);
  const pieces = cutPieces(text);
  if (pieces.length === 0) throw new Error("the message is empty");
  if (bridge.outbox.size >= PUSH_LIMIT) throw new Error("the SmartPi service has not taken messages for a long time; the outbox is full");

  const asker = bridge.inbound.current ?? (context.replyToId ? bridge.inbound.find(context.replyToId) : undefined);
  const orphan = asker ? undefined : bridge.answered.orphanOf(to);
  if (orphan && text.startsWith(RECOVERY_NOTICE)) {
    bridge.log.info(`the gateway continues an interrupted request of ${to}`);
    return { channel: CHANNEL_ID, messageId: newRid("push"), chatId: to };
  }
  if (!asker && (await bridge.inbound.claimPush(to, text))) return { channel: CHANNEL_ID, messageId: newRid("push"), chatId: to };

  const ownTurn = asker?.device === to ? asker : undefined;
  if (ownTurn) ownTurn.answers += 1;
  if (orphan) bridge.inbound.onOrphanPush(orphan);
  const reTurn = ownTurn?.id ?? orphan;
  const pushes = pieces.map((piece): Push => ({
    t: "push",
    rid: newRid("push"),
    to,
    text: piece,
    ...(asker?.agentId === undefined ? {} : { by: asker.agentId }),
    ...(reTurn === undefined ? {} : { re_turn: reTurn }),
  }));
  await Promise.all(pushes.map((push) => bridge.outbox.keep(push)));
  return { channel: CHANNEL_ID, messageId: (pushes.at(-1) as Push).rid, chatId: to };
}
