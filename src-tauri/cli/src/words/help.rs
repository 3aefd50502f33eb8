//! The help, by command and argument.

mod gateway;
mod repair;

use desk::language::Language;

/// Path, English, Chinese.
const HELP: &[(&str, &str, &str)] = &[
    (
        "smartpi",
        "SmartPi: talk to the AI agents of this computer from your devices.",
        "SmartPi：用你的设备与这台电脑上的 AI 智能体对话。",
    ),
    (
        "smartpi exit codes",
        "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 SmartPi is not running, 4 refused or a person is needed.",
        "退出码：0 完成，1 失败，2 用法错误，3 SmartPi 未运行，4 被拒绝或需要人工操作。",
    ),
    ("smartpi --data", "Keep everything in this folder instead of the usual ones", "使用此文件夹，而不是默认位置"),
    ("smartpi --json", "Answer in JSON, for scripts", "以 JSON 输出，供脚本使用"),
    ("smartpi --lang", "Language of the answers [default: the system's]", "输出语言［默认：系统语言］"),
    ("smartpi --help", "Show this help", "显示帮助"),
    ("smartpi --version", "Show the version", "显示版本"),
    ("smartpi serve", "Start SmartPi; devices of this computer may connect", "启动 SmartPi，允许本机设备连接"),
    ("smartpi serve --port", "Port to listen on [default: 8765]", "监听端口［默认：8765］"),
    (
        "smartpi serve --lan",
        "Let devices of the network that you are in connect, and remember that for this network",
        "允许当前局域网中的设备连接，并为此网络记住",
    ),
    (
        "smartpi serve --no_lan",
        "Let only this computer connect, and remember that for this network",
        "仅允许本机连接，并为此网络记住",
    ),
    (
        "smartpi serve --agent",
        "Who answers [default: the gateway where the plugin is installed, else the echo]",
        "由谁回答［默认：已安装插件时为网关，否则为回声］",
    ),
    (
        "smartpi serve --answer_after",
        "Tell a device after so many seconds that the answer takes longer, 1 to 600 [default: 30]",
        "多少秒没有回答时告知设备，1 到 600［默认：30］",
    ),
    ("smartpi serve --show_qr", "Show the QR code that binds a device", "显示用于绑定设备的二维码"),
    ("smartpi start", "Let devices connect again", "重新允许设备连接"),
    (
        "smartpi stop",
        "Let no device connect, and keep it so until you start it again; nothing is lost",
        "不再接受设备连接，直到你再次启动；消息不会丢失",
    ),
    ("smartpi quit", "Close the SmartPi that runs", "退出正在运行的 SmartPi"),
    ("smartpi status", "Show how it is: addresses, who answers, devices", "查看状态：地址、由谁回答、设备"),
    ("smartpi activity", "Show what devices asked and what came back", "查看设备的提问与回答"),
    (
        "smartpi activity --device",
        "Of this device only: its name, its key, or how the key begins",
        "仅此设备：名称、设备标识，或标识的开头",
    ),
    ("smartpi activity --limit", "At most so many, 1 to 100 [default: 20]", "最多显示条数，1 到 100［默认：20］"),
    (
        "smartpi report",
        "Show a report for support, without keys, names and messages",
        "显示用于求助的报告，不含密钥、名称和消息",
    ),
    ("smartpi report --file", "Save it here too, after you have read it", "阅读后同时保存到此文件"),
    (
        "smartpi backup",
        "Save devices, messages and the keys of this SmartPi in one file; it may keep running",
        "把设备、消息和此 SmartPi 的密钥保存到一个文件，可在运行时进行",
    ),
    (
        "smartpi backup --file",
        "The new file; whoever has it can pose as this SmartPi",
        "新文件，持有者可冒充此 SmartPi，请妥善保管",
    ),
    (
        "smartpi restore",
        "Go back to a backup; what is here now is moved aside, not deleted",
        "恢复备份，当前内容会移到一旁，不会删除",
    ),
    ("smartpi restore --file", "A file that smartpi backup saved", "由 smartpi backup 保存的文件"),
    ("smartpi restore --yes", "Do not ask", "不再询问"),
    ("smartpi restore --stop", "Close SmartPi first if it is running", "如果 SmartPi 正在运行，先将其退出"),
    (
        "smartpi bind",
        "Bind a device: shows a QR code and asks for the two digits",
        "绑定设备：显示二维码，并询问两位数字",
    ),
    ("smartpi bind --png", "Save the QR code as an image too", "同时把二维码保存为图片"),
    ("smartpi bind --address", "Which of this computer's addresses the code names", "二维码使用本机的哪个地址"),
    ("smartpi devices", "See and change the bound devices", "查看和管理已绑定的设备"),
    ("smartpi devices list", "List the devices", "列出设备"),
    ("smartpi devices status", "Show one device and its newest messages", "查看一个设备及其最近的消息"),
    ("smartpi devices status --device", "Its name, its key, or how the key begins", "设备名称、设备标识，或标识的开头"),
    ("smartpi devices rename", "Give a device another name", "重命名设备"),
    ("smartpi devices rename --device", "Its name, its key, or how the key begins", "设备名称、设备标识，或标识的开头"),
    ("smartpi devices rename --name", "The new name, up to 32 characters", "新名称，最多 32 个字符"),
    (
        "smartpi devices remove",
        "Remove a device: ends its connection at once, forgets its key and its messages",
        "移除设备：立即断开连接，并删除其密钥和消息",
    ),
    ("smartpi devices remove --device", "Its name, its key, or how the key begins", "设备名称、设备标识，或标识的开头"),
    ("smartpi devices remove --yes", "Do not ask", "不再询问"),
    ("smartpi devices send", "Send a message to a device", "向设备发送消息"),
    ("smartpi devices send --device", "Its name, its key, or how the key begins", "设备名称、设备标识，或标识的开头"),
    ("smartpi devices send --text", "What to say", "消息内容"),
    ("smartpi devices test", "Send a short test message to a device", "向设备发送一条测试消息"),
    ("smartpi devices test --device", "Its name, its key, or how the key begins", "设备名称、设备标识，或标识的开头"),
    ("smartpi devices mute", "Do not tell when a device comes and goes", "设备上线和离线时不提醒"),
    ("smartpi devices mute --device", "Its name, its key, or how the key begins", "设备名称、设备标识，或标识的开头"),
    ("smartpi devices unmute", "Tell again when a device comes and goes", "恢复设备上线和离线提醒"),
    ("smartpi devices unmute --device", "Its name, its key, or how the key begins", "设备名称、设备标识，或标识的开头"),
    (
        "smartpi devices speaks-first",
        "Choose who may send a device messages without being asked",
        "选择谁可以主动向设备发送消息",
    ),
    (
        "smartpi devices speaks-first --device",
        "Its name, its key, or how the key begins",
        "设备名称、设备标识，或标识的开头",
    ),
    (
        "smartpi devices speaks-first --who",
        "anyone: your agents and a person at OpenClaw's command line; asked: only what belongs to a question of the device; nobody: answers only",
        "anyone：智能体，以及在 OpenClaw 命令行操作的人；asked：仅限与设备提问有关的消息；nobody：只接收回答",
    ),
    (
        "smartpi devices add-script",
        "Make a device for a script and show its token, once; asks a person in a terminal",
        "为脚本添加设备并显示一次令牌，需要本人在终端确认",
    ),
    ("smartpi devices add-script --name", "What it is called, up to 32 characters", "名称，最多 32 个字符"),
    ("smartpi devices pending", "List the devices that wait for you", "列出等待确认的设备"),
    (
        "smartpi devices approve",
        "Approve a device that waits; a person types its digits in a terminal",
        "确认等待中的设备，需要本人在终端输入其数字",
    ),
    ("smartpi devices approve --claim", "Which one, where several wait", "有多个设备等待时，指定其中一个"),
    ("smartpi devices reject", "Reject a device that waits", "拒绝等待中的设备"),
    ("smartpi devices reject --claim", "Which one, where several wait", "有多个设备等待时，指定其中一个"),
    (
        "smartpi simulate",
        "Be a device on this command line: bind, talk, measure",
        "在命令行中模拟设备：绑定、对话、测量",
    ),
    (
        "smartpi simulate --urls",
        "What a QR code says, one for each new device [default: ask the SmartPi of this computer]",
        "二维码的内容，每个新设备一个［默认：向本机的 SmartPi 获取］",
    ),
    (
        "smartpi simulate --plain",
        "Bind without encryption, as a device that has none",
        "不加密绑定，模拟没有加密功能的设备",
    ),
    (
        "smartpi simulate --code",
        "Bind with the code that the computer shows for typing; needs --address",
        "用电脑显示的输入码绑定，需配合 --address",
    ),
    (
        "smartpi simulate --announce",
        "Ask the computer there to be bound, and show six digits to type",
        "向该地址的电脑申请绑定，并显示六位数字",
    ),
    (
        "smartpi simulate --token",
        "Be the script with this token; needs --address [default: the variable SMARTPI_TOKEN]",
        "作为持有此令牌的脚本，需配合 --address［默认：环境变量 SMARTPI_TOKEN］",
    ),
    (
        "smartpi simulate --address",
        "Where the code or the token is from, like 192.168.1.5:8765",
        "输入码或令牌所属的地址，例如 192.168.1.5:8765",
    ),
    (
        "smartpi simulate --certificate",
        "With --token, from another computer: the certificate to trust, as the QR code ends",
        "在另一台电脑上使用 --token 时：信任的证书，即二维码末段",
    ),
    (
        "smartpi simulate --identity",
        "Keep the device in this file, or several devices in this folder, and use it again next time",
        "把设备保存在此文件（多个设备则为文件夹）中，下次继续使用",
    ),
    ("smartpi simulate --count", "How many devices [default: 1]", "设备数量［默认：1］"),
    (
        "smartpi simulate --messages",
        "How many messages each device sends [default: 1]",
        "每个设备发送的消息数［默认：1］",
    ),
    ("smartpi simulate --text", "What it says", "消息内容"),
    ("smartpi simulate --name", "What the device calls itself", "设备自称的名称"),
    ("smartpi simulate --kind", "What it says it is [default: script]", "设备类型［默认：script］"),
    ("smartpi simulate --no_screen", "Be a device that can show no digits", "模拟无法显示数字的设备"),
    (
        "smartpi simulate --patience",
        "How many seconds to wait for the answers [default: 60]",
        "等待回答的秒数［默认：60］",
    ),
    ("smartpi plugin", "The SmartPi plugin of OpenClaw", "OpenClaw 的 SmartPi 插件"),
    (
        "smartpi plugin install",
        "Put the plugin into your OpenClaw, after a backup and your yes",
        "备份并征得同意后，把插件安装到你的 OpenClaw",
    ),
    (
        "smartpi plugin install --openclaw",
        "The command of your OpenClaw [default: openclaw]",
        "OpenClaw 命令的位置［默认：openclaw］",
    ),
    ("smartpi plugin install --yes", "Do not ask", "不再询问"),
    (
        "smartpi plugin uninstall",
        "Remove the plugin and its entries from your OpenClaw, after a backup and your yes",
        "备份并征得同意后，从你的 OpenClaw 中移除插件及其条目",
    ),
    (
        "smartpi plugin uninstall --openclaw",
        "The command of your OpenClaw [default: openclaw]",
        "OpenClaw 命令的位置［默认：openclaw］",
    ),
    ("smartpi plugin uninstall --yes", "Do not ask", "不再询问"),
    ("smartpi plugin status", "Show how the plugin is in your OpenClaw; changes nothing", "查看插件状态，不作任何更改"),
    (
        "smartpi plugin status --openclaw",
        "The command of your OpenClaw [default: openclaw]",
        "OpenClaw 命令的位置［默认：openclaw］",
    ),
    (
        "smartpi plugin accounts",
        "The devices of another vendor's plugin for SmartPi devices, through its own command",
        "另一家 SmartPi 设备插件的设备，由它自己的命令管理",
    ),
    ("smartpi plugin accounts list", "List them", "列出设备"),
    ("smartpi plugin accounts bind", "Bind a new one, after your yes", "经你同意后绑定新设备"),
    ("smartpi plugin accounts bind --yes", "Do not ask", "不再询问"),
    ("smartpi plugin accounts status", "Show how one is", "查看一台设备的状态"),
    ("smartpi plugin accounts status --device", "The device, as the list names it", "列表中显示的设备"),
    ("smartpi plugin accounts remove", "Remove one, after your yes", "经你同意后移除一台设备"),
    ("smartpi plugin accounts remove --device", "The device, as the list names it", "列表中显示的设备"),
    ("smartpi plugin accounts remove --yes", "Do not ask", "不再询问"),
    ("smartpi version", "Show the version", "显示版本"),
];

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    HELP.iter().chain(gateway::HELP).chain(repair::HELP).copied()
}

/// The words for a command or an argument. Empty for one without: a test finds those.
pub(crate) fn of(path: &str, language: Language) -> &'static str {
    all().find(|(key, ..)| *key == path).map_or("", |(_, en, zh)| language.pick(en, zh))
}

/// Usage, commands, arguments, options.
pub(crate) fn headings(language: Language) -> (&'static str, &'static str, &'static str, &'static str) {
    match language {
        Language::En => ("Usage: ", "Commands", "Arguments", "Options"),
        Language::Zh => ("用法：", "命令", "参数", "选项"),
    }
}
