import type { repairFailures as english } from "../en/repairFailures";

export const repairFailures: typeof english = {
  repair_running: { what: "正在修复中。", next: "请等待完成。" },
  repair_interrupted: { what: "上次修复被中断，且不会自动继续。", next: "请先查看已完成的步骤，再继续操作。" },
  repair_too_many: { what: "一小时内已进行多次修复。", next: "请稍后再试。" },
  repair_tried: { what: "此修复已尝试两次，仍无效。", next: "请保存报告并寻求帮助。" },
  repair_changed: { what: "检查之后情况已发生变化，未继续操作。", next: "请重新检查。" },
  repair_expired: { what: "检查结果已过期，未作任何更改。", next: "请重新检查。" },
  repair_unknown: { what: "找不到此修复。", next: "请重新检查。" },
  repair_not_recorded: { what: "SmartPi 无法记录修复过程，因此已停止。", next: "请腾出磁盘空间，然后重新检查。" },
  repair_no_undo: { what: "此修复没有可撤销的步骤。", next: "请重新检查以了解当前状态。" },
};
