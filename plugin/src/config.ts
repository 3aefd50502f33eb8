/** What `channels.openclaw-smartpi` says, and where the service's files lie. Everything is checked here; unknown keys are ignored. */

import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { readFile, stat } from "node:fs/promises";

/** Plugin id and channel id. */
export const CHANNEL_ID = "openclaw-smartpi";
/** The one account: devices are peers of it. */
export const ACCOUNT_ID = "default";

/** One account of the channel, as OpenClaw carries it around. */
export interface Account {
  accountId: string;
  enabled: boolean;
  configured: boolean;
  /** Absolute path of `link.key`; `service.json` lies beside it. */
  linkKeyFile: string;
  defaultAgentId: string | undefined;
  /** What is wrong with the section, in words; empty if nothing is. */
  problems: string[];
}

/** Folders of the environment. A parameter so that tests need no real home. */
export interface Surroundings { env: Record<string, string | undefined>; platform: NodeJS.Platform; home: string }

const HERE: Surroundings = { env: process.env, platform: process.platform, home: homedir() };

/** The channel's section of an OpenClaw configuration, or `undefined`. */
export function channelSection(config: unknown): Record<string, unknown> | undefined {
  const channels = (config as { channels?: Record<string, unknown> } | null | undefined)?.channels;
  const section = channels?.[CHANNEL_ID];
  return typeof section === "object" && section !== null && !Array.isArray(section) ? (section as Record<string, unknown>) : undefined;
}

/** Reads the section. Never throws: what is wrong is told in `problems`, and the channel is then not configured. */
export function readAccount(config: unknown, here: Surroundings = HERE): Account {
  const section = channelSection(config);
  const account: Account = {
    accountId: ACCOUNT_ID,
    enabled: section?.enabled !== false,
    configured: false,
    linkKeyFile: join(dataFolder(here), "link.key"),
    defaultAgentId: undefined,
    problems: [],
  };
  if (!section) return account;
  if (section.enabled !== undefined && typeof section.enabled !== "boolean") account.problems.push("enabled must be true or false");
  if (section.linkKeyFile !== undefined) {
    const file = typeof section.linkKeyFile === "string" ? expandHome(section.linkKeyFile.trim(), here) : "";
    if (isAbsolute(file) && basename(file) !== "") account.linkKeyFile = resolve(file);
    else account.problems.push("linkKeyFile must be an absolute path");
  }
  if (section.defaultAgentId !== undefined) {
    const agent = typeof section.defaultAgentId === "string" ? section.defaultAgentId.trim() : "";
    if (/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(agent)) account.defaultAgentId = agent;
    else account.problems.push("defaultAgentId must be the id of an agent");
  }
  account.configured = account.problems.length === 0;
  return account;
}

/** The data folder of SmartPi Tray: where `link.key` lies if the section does not say. */
export function dataFolder(here: Surroundings = HERE): string {
  if (here.platform === "darwin") return join(here.home, "Library", "Application Support", "SmartPi");
  if (here.platform === "win32") return join(here.env.LOCALAPPDATA ?? join(here.home, "AppData", "Local"), "SmartPi");
  const data = here.env.XDG_DATA_HOME;
  return join(data && isAbsolute(data) ? data : join(here.home, ".local", "share"), "smartpi");
}

function expandHome(path: string, here: Surroundings): string {
  return /^~(?=$|[/\\])/.test(path) ? here.home + path.slice(1) : path;
}

/** What the running service wrote down about itself. */
export interface ServiceFile {
  port: number;
  /** Address of the control socket; absent in a file that has none. */
  control: string | undefined;
}

/** Why the service cannot be reached. */
export type ServiceFault = "absent" | "damaged" | "key_absent" | "key_damaged" | "key_exposed";

/** The service's files cannot be used. */
export class ServiceFilesError extends Error {
  readonly fault: ServiceFault;

  constructor(fault: ServiceFault, message: string) {
    super(message);
    this.fault = fault;
  }
}

/** Path of `service.json`. */
export function serviceFilePath(linkKeyFile: string): string {
  return join(dirname(linkKeyFile), "service.json");
}

/**
 * Reads `service.json` beside the link key.
 *
 * @throws {ServiceFilesError} `absent` if there is none, `damaged` if it is not one.
 */
export async function readServiceFile(linkKeyFile: string): Promise<ServiceFile> {
  const path = serviceFilePath(linkKeyFile);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new ServiceFilesError("absent", `the SmartPi service is not running (${error.code ?? error.message}: ${path})`);
  });
  const damaged = new ServiceFilesError("damaged", `${path} is damaged`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged;
  }
  const { port, control } = (value ?? {}) as Record<string, unknown>;
  if (!Number.isInteger(port) || (port as number) < 1 || (port as number) > 65_535) throw damaged;
  return { port: port as number, control: typeof control === "string" && control !== "" ? control : undefined };
}

/**
 * Reads the link key: 32 raw bytes, for the owner's eyes only.
 *
 * @throws {ServiceFilesError} `key_absent`, `key_damaged` or `key_exposed`.
 */
export async function readLinkKey(linkKeyFile: string): Promise<Uint8Array> {
  let bytes: Buffer;
  try {
    if (process.platform !== "win32" && ((await stat(linkKeyFile)).mode & 0o077) !== 0) {
      throw new ServiceFilesError("key_exposed", `other users can read ${linkKeyFile}; it is not used (chmod 600)`);
    }
    bytes = await readFile(linkKeyFile);
  } catch (error) {
    if (error instanceof ServiceFilesError) throw error;
    throw new ServiceFilesError("key_absent", `the link key cannot be read (${(error as NodeJS.ErrnoException).code ?? "error"}: ${linkKeyFile})`);
  }
  if (bytes.length !== 32) throw new ServiceFilesError("key_damaged", `${linkKeyFile} is damaged: it has ${bytes.length} bytes instead of 32`);
  return bytes;
}
