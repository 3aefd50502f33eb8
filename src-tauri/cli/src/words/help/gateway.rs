//! The help of `smartpi gateway`.

/// Path, English, Chinese.
pub(crate) const HELP: &[(&str, &str, &str)] = &[
    (
        "smartpi gateway",
        "SmartPi as a device of your OpenClaw, and OpenClaw's other devices",
        "SmartPi 与 OpenClaw 的连接，以及 OpenClaw 的其他设备",
    ),
    (
        "smartpi gateway --url",
        "Speak to the gateway at this address by this command alone: wss://HOST:PORT, or ws:// in a private network. Nothing of OpenClaw's configuration is sent there",
        "仅由此命令直接连接该地址的网关：wss://HOST:PORT，或专用网络中的 ws://。不会向其发送 OpenClaw 配置中的任何内容",
    ),
    (
        "smartpi gateway --token",
        "The gateway's token. Others on this computer can read a command line: a hyphen (-) takes it from OPENCLAW_GATEWAY_TOKEN, else from standard input. Without --url: for the gateway of this computer",
        "网关的令牌。命令行可能被此电脑上的其他用户看到：写 - 则从 OPENCLAW_GATEWAY_TOKEN 读取，否则从标准输入读取。不带 --url 时用于此电脑的网关",
    ),
    (
        "smartpi gateway --password",
        "The gateway's password in place of a token; a hyphen (-) takes it from OPENCLAW_GATEWAY_PASSWORD, else from standard input",
        "网关的密码（代替令牌）；写 - 则从 OPENCLAW_GATEWAY_PASSWORD 读取，否则从标准输入读取",
    ),
    (
        "smartpi gateway --timeout",
        "Longest wait for the connection and for each answer, in milliseconds [default: 10000]",
        "连接和每次应答的最长等待时间，单位毫秒［默认：10000］",
    ),
    (
        "smartpi gateway --tls_fingerprint",
        "Trust this one certificate for wss://: its SHA-256 fingerprint, as the other computer shows it",
        "对 wss:// 仅信任此证书：那台电脑上显示的 SHA-256 指纹",
    ),
    (
        "smartpi gateway --unencrypted",
        "Send the token over ws:// although others on that network can read it",
        "即使网络中的其他人可能读取，仍通过 ws:// 发送令牌",
    ),
    (
        "smartpi gateway status",
        "Show whether SmartPi is connected to OpenClaw, and why not",
        "查看 SmartPi 是否已连接 OpenClaw 及原因",
    ),
    (
        "smartpi gateway connect",
        "Make SmartPi a device of your OpenClaw, and keep it so",
        "让 SmartPi 接入 OpenClaw 并保持连接",
    ),
    (
        "smartpi gateway disconnect",
        "Be no device of OpenClaw until you connect again",
        "断开与 OpenClaw 的连接，直到你再次连接",
    ),
    (
        "smartpi gateway agents",
        "List OpenClaw's agents, the model behind each, and which devices each answers",
        "列出 OpenClaw 的智能体、各自的模型和回答的设备",
    ),
    ("smartpi gateway devices", "See and change which devices may use OpenClaw", "查看和更改可以使用 OpenClaw 的设备"),
    ("smartpi gateway devices list", "List who asks for access and who has it", "列出接入申请和已接入的设备"),
    (
        "smartpi gateway devices approve",
        "Give a device what it asks for; asks a person in a terminal",
        "批准设备的申请，需要本人在终端确认",
    ),
    ("smartpi gateway devices approve --request", "Exactly this request", "申请的编号"),
    ("smartpi gateway devices reject", "Turn a device away", "拒绝设备的申请"),
    ("smartpi gateway devices reject --request", "Exactly this request", "申请的编号"),
    ("smartpi gateway devices remove", "Take a device's access away", "移除设备的接入权限"),
    (
        "smartpi gateway devices remove --device",
        "Its name, its id, or how the id begins",
        "设备名称、编号，或编号的开头",
    ),
    ("smartpi gateway devices remove --yes", "Do not ask", "不再询问"),
    ("smartpi gateway devices rename", "Give a device another name in OpenClaw", "更改设备在 OpenClaw 中的名称"),
    (
        "smartpi gateway devices rename --device",
        "Its name, its id, or how the id begins",
        "设备名称、编号，或编号的开头",
    ),
    ("smartpi gateway devices rename --name", "The new name, up to 64 characters", "新名称，最多 64 个字符"),
    (
        "smartpi gateway devices rotate",
        "End a device's token and make a new one, which the device has to come for",
        "使设备的令牌失效并生成新令牌，设备需要重新连接领取",
    ),
    (
        "smartpi gateway devices rotate --device",
        "Its name, its id, or how the id begins",
        "设备名称、编号，或编号的开头",
    ),
    ("smartpi gateway devices rotate --role", "Of which token: operator or node", "令牌的角色：operator 或 node"),
    ("smartpi gateway devices rotate --yes", "Do not ask", "不再询问"),
    ("smartpi gateway devices revoke", "End a device's token", "撤销设备的令牌"),
    (
        "smartpi gateway devices revoke --device",
        "Its name, its id, or how the id begins",
        "设备名称、编号，或编号的开头",
    ),
    ("smartpi gateway devices revoke --role", "Of which token: operator or node", "令牌的角色：operator 或 node"),
    ("smartpi gateway devices revoke --yes", "Do not ask", "不再询问"),
    (
        "smartpi gateway devices clear",
        "Remove every device but SmartPi and turn away all that ask; a person types a word in a terminal",
        "移除除 SmartPi 以外的所有设备并拒绝所有申请，需要本人在终端输入确认词",
    ),
    ("smartpi gateway devices clear --pending", "Only turn away all that ask", "仅拒绝所有申请"),
    (
        "smartpi devices route",
        "Show which of OpenClaw's agents answers a device, or choose it; every change is shown before",
        "查看或选择由 OpenClaw 的哪个智能体回答设备，更改前会先列出",
    ),
    ("smartpi devices route --device", "Its name, its key, or how the key begins", "设备名称、设备标识，或标识的开头"),
    ("smartpi devices route --agent", "One of: smartpi gateway agents", "见：smartpi gateway agents"),
    (
        "smartpi devices route --default",
        "Take back the choice: OpenClaw's own rules decide",
        "取消选择，由 OpenClaw 自身的规则决定",
    ),
    ("smartpi devices route --yes", "Do not ask", "不再询问"),
];
