import type { Accounts, AccountsAct } from "../backend";

const WORDS = {
  list: () => "绑定ID  名称      状态\nb1      Kitchen   online\nb2      书房音箱   offline",
  bind: () => "绑定ID: b3\n请在设备上输入此 ID",
  status: (device: string) => `${device}: online, last seen 09:42`,
  remove: (device: string) => `removed ${device}`,
} satisfies Record<AccountsAct["act"], (device: string) => string>;

/** What another vendor's command says: it speaks whatever language it likes. */
export function said(act: AccountsAct): Accounts {
  const device = "device" in act ? act.device : "";
  const known = device === "" || ["b1", "b2"].includes(device);
  const command = ["openclaw smartpi accounts", act.act, device].join(" ").trim();
  return { package: "@vendor/openclaw-smartpi", command, done: known, text: known ? WORDS[act.act](device) : `unknown account: ${device}` };
}
