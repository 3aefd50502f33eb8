/** The devices of the service, by key and by name: whom a message is for. */

import { CHANNEL_ID, readAccount } from "./config.ts";
import { ask, controlAddress, ControlError } from "./control.ts";
import type { HostConfig } from "./host.ts";

/** As much of a device as choosing one needs. */
export interface Named { deviceKey: string; name: string }

/** Names in an error, at most. */
const NAMES = 20;

/** Reads a device key, also with the channel's name before it. */
export function deviceOf(target: string): string | undefined {
  const key = withoutPrefix(target).toLowerCase();
  return /^[a-z2-7]{26}$/.test(key) ? key : undefined;
}

function withoutPrefix(target: string): string {
  return target.trim().replace(/^(openclaw-smartpi|smartpi):/i, "").replace(/^(user|device|direct):/i, "").trim();
}

/**
 * The one device that a target means: its key, or its name where no other device has it.
 *
 * @throws {Error} in words for an agent: which names there are, never a key.
 */
export function chooseDevice(devices: readonly Named[], target: string): Named {
  const key = deviceOf(target);
  const name = withoutPrefix(target);
  const byKey = devices.find((device) => device.deviceKey === key);
  if (byKey) return byKey;
  const exact = devices.filter((device) => device.name === name);
  const matching = exact.length > 0 ? exact : devices.filter((device) => device.name.toLowerCase() === name.toLowerCase());
  if (matching.length === 1) return matching[0] as Named;
  if (matching.length > 1) throw new Error(`${matching.length} SmartPi devices are called "${name}". Use the key of one of them, or ask the owner to rename one`);
  const shown = devices.slice(0, NAMES).map((device) => `"${device.name}"`).join(", ");
  const more = devices.length > NAMES ? ` and ${devices.length - NAMES} more` : "";
  const known = devices.length === 0 ? "No device is bound yet" : `Known devices: ${shown}${more}`;
  throw new Error(`There is no SmartPi device "${name}". ${known}`);
}

/**
 * The same, with the devices that the service knows now. While the service is away a whole key is taken as it is: the message waits for the service.
 *
 * @throws {Error} as {@link chooseDevice}, and for a name while the service is away.
 */
export async function findDevice(config: HostConfig, target: string): Promise<Named> {
  let devices: Named[];
  try {
    const answer = await ask(await controlAddress(readAccount(config).linkKeyFile), { do: "devices.list" });
    devices = Array.isArray(answer.devices) ? answer.devices.filter(isNamed) : [];
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    const key = deviceOf(target);
    if (key) return { deviceKey: key, name: key };
    throw new Error(`SmartPi is not running, so the device "${withoutPrefix(target)}" cannot be looked up by its name. Start it, or use the key of the device`, { cause: error });
  }
  return chooseDevice(devices, target);
}

function isNamed(value: unknown): value is Named {
  const { deviceKey, name } = (value ?? {}) as Partial<Named>;
  return typeof deviceKey === "string" && typeof name === "string";
}

/** Which agent a session belongs to, and which device, where it is the conversation of one. */
export function readSession(sessionKey: string | null | undefined): { agentId?: string; device?: string } {
  const agentId = /^agent:([^:]+):/.exec(sessionKey ?? "")?.[1];
  if (agentId === undefined) return {};
  const device = new RegExp(`:${CHANNEL_ID}:[^:]+:direct:([a-z2-7]{26})$`).exec(sessionKey ?? "")?.[1];
  return { agentId, ...(device === undefined ? {} : { device }) };
}
