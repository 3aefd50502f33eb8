import type { repairFailures as english } from "../en/repairFailures";

export const repairFailures: typeof english = {
  repair_running: { what: "已有修复正在进行。", next: "请等待它结束。" },
  repair_interrupted: { what: "之前有一次修复被中断，尚未查看。", next: "请先在“运行状况”页面查看。" },
  repair_too_many: { what: "一小时内修复次数过多，SmartPi 暂停修复。", next: "请稍后再试。如果反复出现故障，请在设置中生成报告。" },
  repair_tried: { what: "此修复已尝试过，没有效果。", next: "请在设置中生成报告，以便他人为您解决。" },
  repair_changed: { what: "制定此方案后情况发生了变化，没有继续执行。", next: "请重新检查以获取新方案。" },
  repair_expired: { what: "此方案已过期，未作任何更改。", next: "请重新检查以获取新方案。" },
  repair_unknown: { what: "此方案已不存在，未作任何更改。", next: "请重新检查以获取新方案。" },
  repair_not_recorded: { what: "SmartPi 无法记录所执行的操作，因此未作任何更改。", next: "请检查磁盘空间，然后重试。" },
  repair_still_runs: { what: "已请求另一个 OpenClaw 退出，但它仍在处理事务，没有继续执行。", next: "请等待几分钟后重新检查。如果它仍在运行，经您同意后 SmartPi 可以立即结束它。" },
  repair_service_failed: { what: "电脑未能切换系统服务，没有继续执行。", next: "请重新检查。如果仍然如此，请在设置中生成报告，以便他人为您解决。" },
  repair_no_undo: { what: "此次修复已没有可还原的内容。", next: "请重新检查当前状况。" },
};
