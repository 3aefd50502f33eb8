/** Every sentence that a person sees, in Chinese and in English. Log lines are English, as the gateway's are. */

import type { DownReason } from "./link.ts";

/** One sentence in both languages. */
export interface Words { zh: string; en: string }

/** Both languages, one line each. */
export function both(words: Words): string {
  return `${words.zh}\n${words.en}`;
}

/** Stands in for a file in a chat that shows only text: a link as it is, a local file by its name only. */
export function attachmentWords(media: string): string {
  const shown = /^https?:\/\//i.test(media) ? media : (media.split(/[/\\]/).at(-1) ?? media);
  return `（附件，此处无法显示 / attachment, cannot be shown here: ${shown}）`;
}

/** What the person sees of a link that is down, in `openclaw channels status`. */
export const LINK_DOWN: Record<DownReason, Words> = {
  service_absent: { zh: "SmartPi 服务未运行，请启动 SmartPi Tray", en: "the SmartPi service is not running; start SmartPi Tray" },
  service_files: { zh: "SmartPi 服务的文件无法使用", en: "the files of the SmartPi service cannot be used" },
  refused_connection: { zh: "SmartPi 服务未运行或拒绝连接", en: "the SmartPi service is not running or refuses the connection" },
  handshake_timeout: { zh: "SmartPi 服务没有应答", en: "the SmartPi service did not answer" },
  service_not_proven: { zh: "该端口上的程序不是你的 SmartPi 服务", en: "what listens on the port is not your SmartPi service" },
  key_refused: { zh: "SmartPi 服务拒绝了连接密钥", en: "the SmartPi service refused the link key" },
  other_version: { zh: "插件与 SmartPi Tray 版本不匹配，请更新", en: "plugin and SmartPi Tray do not fit together; update them" },
  other_gateway: { zh: "SmartPi 服务已连接另一个 OpenClaw 网关", en: "another OpenClaw gateway is linked to the SmartPi service" },
  replaced: { zh: "同一网关的另一个连接取代了此连接；重启网关即可重新连接", en: "another connection of this gateway took over; restart the gateway to link again" },
  silent: { zh: "SmartPi 服务没有响应", en: "the SmartPi service went silent" },
  protocol: { zh: "收到无法理解的数据", en: "something was not understood" },
  closed: { zh: "连接已关闭", en: "the link was closed" },
};

/** Sentences of the command line. */
export const SAY = {
  mayAnswer: { zh: "（这可能是对之前某个问题的回答。）", en: "(This may be the answer to an earlier question.)" },
  notRunning: {
    zh: "SmartPi 服务未运行。请启动 SmartPi Tray，或在终端运行 smartpi serve，然后重试。",
    en: "The SmartPi service is not running. Start SmartPi Tray, or run `smartpi serve` in a terminal, and try again.",
  },
  noControl: { zh: "SmartPi 服务没有给出控制地址，请更新 SmartPi Tray。", en: "The SmartPi service names no control socket. Update SmartPi Tray." },
  badAnswer: { zh: "无法理解 SmartPi 服务的应答，请更新 SmartPi Tray 和插件。", en: "The answer of the SmartPi service was not understood. Update SmartPi Tray and the plugin." },
  scan: { zh: "请用设备或手机扫描二维码。", en: "Scan the code with the device or a phone." },
  onlyHere: {
    zh: "此二维码只能在本机使用。要绑定其他设备，请在 SmartPi Tray 中打开“我的网络中的设备”。",
    en: "This code works on this computer only. To bind other devices, turn on \"Devices on my network\" in SmartPi Tray.",
  },
  confirm: {
    zh: "扫描后，请在 SmartPi Tray 窗口中输入设备显示的两位数字，或在终端运行 smartpi devices approve。",
    en: "After the scan, type the two digits that the device shows in the SmartPi Tray window, or run `smartpi devices approve` in a terminal.",
  },
  confirmAllow: {
    zh: "该设备没有屏幕和扬声器：请在 SmartPi Tray 窗口中允许它，或在终端运行 smartpi devices approve。",
    en: "This device has neither screen nor speaker: allow it in the SmartPi Tray window, or run `smartpi devices approve` in a terminal.",
  },
  noDevices: { zh: "还没有绑定设备。运行 openclaw smartpi accounts bind 绑定一个。", en: "No device is bound yet. Run `openclaw smartpi accounts bind` to bind one." },
  removeNeedsYes: { zh: "未移除。请加上 --yes 确认。", en: "Nothing was removed. Confirm with --yes." },
  kept: { zh: "未移除。", en: "Nothing was removed." },
} satisfies Record<string, Words>;

/** Why a binding failed: the reasons of PROTOCOL.md section 2. */
export const BIND_FAILED: Record<string, Words> = {
  expired: { zh: "二维码已过期，请重新运行此命令。", en: "The code expired. Run the command again." },
  rejected: { zh: "绑定被拒绝。", en: "The binding was refused." },
  second_claim: { zh: "有两个设备使用了同一个二维码，已全部取消。请重新运行此命令。", en: "Two devices used this code, both were cancelled. Run the command again." },
  wrong_code: { zh: "数字输错三次，绑定已取消。请重新运行此命令。", en: "Three wrong codes; the binding was cancelled. Run the command again." },
  too_many_failures: { zh: "失败次数过多，二维码已失效。请重新运行此命令。", en: "Too many failures, the code is dead. Run the command again." },
  device_left: { zh: "设备断开了连接。请重新运行此命令。", en: "The device left. Run the command again." },
  replaced: { zh: "已生成新的二维码，此二维码失效。", en: "A newer code replaced this one." },
};

/** Failures of the control socket: docs/CONTROL.md. */
export const CONTROL_FAILED: Record<string, Words> = {
  device_unknown: { zh: "没有这个设备。用 openclaw smartpi accounts list 查看设备。", en: "There is no such device. `openclaw smartpi accounts list` shows them." },
  bind_unknown: { zh: "这个二维码已失效。", en: "This code is no longer alive." },
  storage: { zh: "这台电脑无法保存（磁盘已满或出错）。", en: "The computer cannot store (disk full or disk error)." },
  stopping: { zh: "SmartPi 服务正在停止。", en: "The SmartPi service is stopping." },
  too_many: { zh: "设备太多，请先移除一个。", en: "Too many devices; remove one first." },
  no_address: { zh: "SmartPi 服务没有可用的网络地址。", en: "The SmartPi service has no address that a device could reach." },
};

/** Words for states of a device. */
export const DEVICE_STATE: Record<string, Words> = {
  online: { zh: "在线", en: "online" },
  unsure: { zh: "不确定", en: "unsure" },
  offline: { zh: "离线", en: "offline" },
};
