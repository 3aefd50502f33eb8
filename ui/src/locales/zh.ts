import type { Words } from "./en";
import { accounts } from "./zh/accounts";
import { activity } from "./zh/activity";
import { bind } from "./zh/bind";
import { devices } from "./zh/devices";
import { evidence } from "./zh/evidence";
import { failures } from "./zh/failures";
import { gateway } from "./zh/gateway";
import { gatewayService } from "./zh/gatewayService";
import { health } from "./zh/health";
import { repair } from "./zh/repair";
import { settings } from "./zh/settings";
import { target } from "./zh/target";
import { welcome } from "./zh/welcome";

/** Every word of the window in Simplified Chinese. */
export const zh: Words = {
  nav: { label: "页面", devices: "设备", activity: "动态", gateway: "OpenClaw", health: "运行状况", settings: "设置" },
  service: {
    label: "服务",
    stopped: "已停止",
    starting: "正在启动…",
    running: "运行中",
    stopping: "正在停止…",
    failed: "未能运行",
    since: (when) => `${when} 起`,
    stoppedTitle: "服务已停止",
    stoppedText: "重新启动之前，任何设备都无法连接。",
    start: "启动服务",
    tryAgain: "重试",
    usePort: (port) => `改用端口 ${port}`,
  },
  states: {
    loading: "请稍候…",
    lostTitle: "SmartPi 没有运行",
    lostText: "在它重新运行之前，设备无法连接。已收到的消息都会保留，不会丢失。",
    retry: "启动 SmartPi",
    soughtTitle: "正在寻找 SmartPi…",
    soughtText: "窗口暂时与它失去联系，恢复后会自动返回。",
  },
  parts: {
    details: "详情",
    copy: "复制",
    copied: "已复制",
    cancel: "取消",
    save: "保存",
    close: "关闭",
    today: "今天",
    yesterday: "昨天",
    yesterdayAt: (time) => `昨天 ${time}`,
    ms: (count) => `${count}\u00a0毫秒`,
    seconds: (count) => `${count}\u00a0秒`,
    minutes: (minutes, seconds) => (seconds === 0 ? `${minutes}\u00a0分钟` : `${minutes}\u00a0分\u00a0${seconds}\u00a0秒`),
    list: (names) => names.join("、"),
    sentences: (texts) => texts.join(""),
    kinds: { phone: "手机", speaker: "音箱", board: "开发板", script: "脚本", other: "设备" },
  },
  accounts,
  activity,
  bind,
  devices,
  evidence,
  failures,
  gateway,
  gatewayService,
  health,
  repair,
  settings,
  target,
  welcome,
};
