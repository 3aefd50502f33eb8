/** The plugin's folder in the gateway's state folder, and the random id of the gateway that lies there. */

import { randomBytes } from "node:crypto";
import { chmod, link, mkdir, open, readFile, unlink } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** The gateway's state folder: from the host where it tells, else as OpenClaw itself finds it. */
export function stateFolder(host: { resolveStateDir?: () => string } | undefined, env: Record<string, string | undefined> = process.env): string {
  const told = host?.resolveStateDir?.();
  if (told) return told;
  if (env.OPENCLAW_STATE_DIR?.trim()) return resolve(env.OPENCLAW_STATE_DIR.trim());
  return join(env.OPENCLAW_HOME?.trim() || homedir(), ".openclaw");
}

/** Makes `<state>/smartpi` (0700) and returns its path. */
export async function openFolder(state: string): Promise<string> {
  const folder = join(state, "smartpi");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (process.platform !== "win32") await chmod(folder, 0o700);
  return folder;
}

/**
 * Reads the gateway's id, or makes one where there is none. The file appears whole or not at all, and the first of two makers wins.
 *
 * @returns 32 lowercase hex characters.
 * @throws {Error} if the file is damaged: a new id would look like another gateway to the service.
 */
export async function readGatewayId(folder: string): Promise<string> {
  const path = join(folder, "gateway-id");
  const found = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (found !== undefined) {
    const id = found.trim();
    if (!/^[0-9a-f]{32}$/.test(id)) throw new Error(`${path} is damaged; delete it, then forget the old gateway in SmartPi Tray (smartpi link forget)`);
    return id;
  }
  const beside = `${path}.${randomBytes(4).toString("hex")}`;
  const file = await open(beside, "wx", 0o600);
  try {
    await file.writeFile(`${randomBytes(16).toString("hex")}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(beside, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await unlink(beside);
  }
  return readGatewayId(folder);
}
