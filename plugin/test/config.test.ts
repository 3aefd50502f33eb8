import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { agentRoster } from "../src/agent.ts";
import { dataFolder, readAccount, readServiceFile, ServiceFilesError, type Surroundings } from "../src/config.ts";

const here: Surroundings = { env: {}, platform: "linux", home: "/home/k" };
const read = (section: unknown): ReturnType<typeof readAccount> => readAccount({ channels: { "openclaw-smartpi": section } }, here);

describe("the channel's section", () => {
  test("an empty one is complete: the key lies in the data folder", () => {
    expect(read({})).toEqual({ accountId: "default", enabled: true, configured: true, linkKeyFile: "/home/k/.local/share/smartpi/link.key", defaultAgentId: undefined, problems: [] });
  });
  test("unknown keys are ignored", () => expect(read({ colour: "red", linkKeyFile: "/x/link.key", defaultAgentId: "kitchen", enabled: false })).toMatchObject({ configured: true, enabled: false, linkKeyFile: "/x/link.key", defaultAgentId: "kitchen" }));
  test("~ is the home folder", () => expect(read({ linkKeyFile: "~/s/link.key" }).linkKeyFile).toBe("/home/k/s/link.key"));
  test.each([{ linkKeyFile: "link.key" }, { linkKeyFile: "" }, { linkKeyFile: 7 }, { linkKeyFile: "/" }, { defaultAgentId: "" }, { defaultAgentId: "a b" }, { defaultAgentId: ["main"] }, { enabled: "yes" }])("%j is told", (section) => {
    const account = read(section);
    expect(account.configured).toBe(false);
    expect(account.problems).toHaveLength(1);
    expect(account.problems[0]).toContain(Object.keys(section)[0]);
  });
  test.each([undefined, null, [], "x"])("%j is no section", (section) => expect(read(section)).toMatchObject({ configured: false, problems: [] }));
  test.each([undefined, null, {}, { channels: null }])("%j is no configuration", (config) => expect(readAccount(config, here).configured).toBe(false));
});

test("the data folder is the one of each system", () => {
  expect(dataFolder({ ...here, env: { XDG_DATA_HOME: "/d" } })).toBe("/d/smartpi");
  expect(dataFolder({ ...here, env: { XDG_DATA_HOME: "relative" } })).toBe("/home/k/.local/share/smartpi");
  expect(dataFolder({ ...here, platform: "darwin" })).toBe("/home/k/Library/Application Support/SmartPi");
  expect(dataFolder({ ...here, platform: "win32", env: { LOCALAPPDATA: "/l" } })).toBe("/l/SmartPi");
});

test("the roster of agents is read in every form the hosts have", () => {
  expect(agentRoster({})).toEqual(["main"]);
  expect(agentRoster({ agents: { list: [{ id: "a" }, {}, null] } })).toEqual(["a"]);
  expect(agentRoster({ agents: { entries: { main: {}, b: {} } } })).toEqual(["main", "b"]);
});

describe("service.json", () => {
  const folder = mkdtempSync(join(tmpdir(), "smartpi-config-"));
  const write = (text: string): void => writeFileSync(join(folder, "service.json"), text);
  const fault = async (): Promise<string> => {
    const error = await readServiceFile(join(folder, "link.key")).catch((caught: unknown) => caught);
    return error instanceof ServiceFilesError ? error.fault : `read: ${JSON.stringify(error)}`;
  };
  test("absent, damaged, good", async () => {
    expect(await fault()).toBe("absent");
    for (const text of ["", "[]", "null", "{}", '{"port":0}', '{"port":65536}', '{"port":"8765"}', '{"port":1.5}']) {
      write(text);
      expect(await fault(), text).toBe("damaged");
    }
    write('{"port":8765,"pid":1,"control":"/c","more":1}');
    expect(await readServiceFile(join(folder, "link.key"))).toEqual({ port: 8765, control: "/c" });
    write('{"port":8765}');
    expect(await readServiceFile(join(folder, "link.key"))).toEqual({ port: 8765, control: undefined });
    rmSync(folder, { recursive: true });
  });
});
