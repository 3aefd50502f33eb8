//! The help of `smartpi doctor` and `smartpi repair`.

/// Path, English, Chinese.
pub(crate) const HELP: &[(&str, &str, &str)] = &[
    (
        "smartpi doctor",
        "Look whether something is wrong between SmartPi and OpenClaw; changes nothing",
        "检查 SmartPi 与 OpenClaw 之间是否有问题，不作任何更改",
    ),
    (
        "smartpi repair",
        "Mend what is wrong between SmartPi and OpenClaw, step by step as shown before",
        "修复 SmartPi 与 OpenClaw 之间的问题，按事先显示的步骤进行",
    ),
    ("smartpi repair --plan", "Show what would be done, and do nothing", "显示将要进行的步骤，不作任何更改"),
    ("smartpi repair --apply", "Do it; asks a person in a terminal", "执行修复，需要本人在终端确认"),
    (
        "smartpi repair --entries",
        "Put SmartPi's entries in OpenClaw's configuration back, or right; asks a person in a terminal",
        "恢复或修正 OpenClaw 配置中的 SmartPi 条目，需要本人在终端确认",
    ),
    ("smartpi repair --undo", "Put back what a repair put aside", "恢复某次修复暂存的内容"),
];
