import type { Words } from "../en";

export const accounts: Words["accounts"] = {
  open: "它的设备…",
  title: "另一个插件的设备",
  text: "这些设备由另一家的插件管理，SmartPi 不会改动它。您可以在这里使用该插件自己的命令，它的输出会原样显示。",
  asking: "正在询问插件… 电脑繁忙时可能需要一分钟。",
  said: (name) => `${name} 的输出：`,
  refused: (name) => `${name} 未能完成，它的输出：`,
  nothing: "（无）",
  again: "重新列出",
  device: "设备",
  deviceHint: "列表中显示的名称或编号。",
  status: "查看状态",
  remove: "移除…",
  bind: "绑定新设备…",
  askBind: "将由该插件绑定一台新设备。需要什么、谁可以使用，由该插件决定。",
  askRemove: (device) => `将由该插件移除“${device}”，SmartPi 无法恢复。`,
  bindYes: "绑定",
  removeYes: "移除",
};
