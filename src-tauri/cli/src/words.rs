//! Every sentence that the command line says, in both languages. The compiler checks that both use the same names.

use desk::language::Language;

pub(crate) mod doctor;
pub(crate) mod evidence;
pub(crate) mod gateway;
pub(crate) mod help;
pub(crate) mod repair;
pub(crate) mod rights;
pub(crate) mod service;
pub(crate) mod terms;

desk::words! {
    // serve
    ask_lan(): "Allow devices on your network to connect? (y/N) ", "是否允许同一网络中的设备连接？(y/N) ";
    running(name): "SmartPi is running as \"{name}\".", "SmartPi 已启动，名称为“{name}”。";
    already_running(pid): "SmartPi is running already (process {pid}). This window only looks at it.",
        "SmartPi 已在运行（进程 {pid}），此窗口仅供查看。";
    keeps_its_choices(): "It keeps the choices it was started with. To change them, stop it and start again.",
        "它会保持启动时的选项；如需更改，请先停止再重新启动。";
    address_computer(url): "  {url}  this computer only", "  {url}  仅限本机";
    address_network(url, interface): "  {url}  your network ({interface})", "  {url}  局域网（{interface}）";
    answers_gateway_linked(): "Your OpenClaw answers. It is connected.", "由你的 OpenClaw 回答，已连接。";
    answers_gateway_away(): "Your OpenClaw answers. It is not connected yet; messages wait for it.",
        "由你的 OpenClaw 回答，尚未连接，消息会等待。";
    answers_echo(): "The built-in echo answers: it only repeats what it hears. For your OpenClaw: smartpi plugin install",
        "由内置回声回答，它只会重复听到的话。如需使用 OpenClaw，请运行：smartpi plugin install";
    device_count(bound, online): "Devices: {bound} bound, {online} online.", "设备：已绑定 {bound} 个，在线 {online} 个。";
    how_to_bind(): "To bind a device: smartpi bind", "绑定设备：smartpi bind";
    enter_for_new_code(): "Press Enter for a new QR code, Ctrl-C to stop.", "按回车键显示新的二维码，按 Ctrl-C 停止。";
    how_to_stop(): "Press Ctrl-C to stop.", "按 Ctrl-C 停止。";
    stopping(): "Stopping ...", "正在停止……";
    stopped(): "SmartPi has stopped. Nothing was lost; devices reconnect when it starts again.",
        "SmartPi 已停止。消息不会丢失，重新启动后设备会自动连接。";

    // start, stop, quit, status
    service_started(): "SmartPi is running. Devices can connect.", "SmartPi 已启动，设备可以连接。";
    service_stopped(): "SmartPi is stopped, and stays so until you start it: smartpi start", "SmartPi 已停止，直到你再次启动：smartpi start";
    quitting(): "SmartPi is closing. Devices reconnect when it runs again.", "SmartPi 正在退出，再次运行后设备会自动连接。";
    phase_stopped(): "SmartPi is stopped: devices cannot connect. To start it: smartpi start",
        "SmartPi 已停止，设备无法连接。启动：smartpi start";
    phase_starting(): "SmartPi is starting.", "SmartPi 正在启动。";

    // activity
    no_activity(): "No device has asked anything yet.", "还没有设备提问。";
    more_activity(): "There is more. To see it: smartpi activity --limit 100", "还有更早的记录。查看：smartpi activity --limit 100";
    speaker_terminal(): "OpenClaw's command line", "OpenClaw 命令行";
    speaker_unknown(): "OpenClaw (unnamed)", "OpenClaw（未说明来源）";
    unasked_came(device, ago, who): "{device}  {ago}: {who} sent a message", "{device}  {ago}：{who} 发来消息";
    unasked_waits(device, ago, who): "{device}  {ago}: {who} sent a message; it waits for the device", "{device}  {ago}：{who} 发来消息，等待设备接收";
    unasked_refused(device, ago, who): "{device}  {ago}: {who} wanted to send a message; you have not allowed that",
        "{device}  {ago}：{who} 想发送消息，未获你的允许";
    text_wiped(): "(the words are no longer kept)", "（文字已不再保留）";

    // bind
    scan_network(): "Scan this code with the device. It works once.", "请用设备扫描此二维码，仅可使用一次。";
    scan_computer(): "Scan this code. THIS COMPUTER ONLY: a phone cannot reach it.",
        "请扫描此二维码。仅限本机：手机无法连接。";
    time_left(minutes, seconds): "Valid for {minutes}:{seconds} more", "剩余时间 {minutes}:{seconds}";
    type_instead(place, code): "No camera? Type at the device: {place}  {code}", "没有摄像头？请在设备上输入：{place}  {code}";
    image_saved(path): "Saved as {path}. Whoever sees it can ask to be bound: delete it afterwards.",
        "已保存为 {path}。看到它的人都能申请绑定，用完请删除。";
    scanned(name, kind, address): "Scanned by \"{name}\" ({kind}, {address}).", "“{name}”（{kind}，{address}）已扫描。";
    confirming_code(name): "\"{name}\" shows its digits.", "“{name}”正在显示数字。";
    confirming_allow(name): "\"{name}\" can show no digits. Allow it only if you have it before you.",
        "“{name}”无法显示数字。请确认设备就在你面前再允许。";
    type_code(name): "Type the digits that \"{name}\" shows (n = reject): ", "请输入“{name}”显示的数字（n = 拒绝）：";
    type_allow(name): "To bind \"{name}\", type: allow (n = reject): ", "要绑定“{name}”，请输入 allow（n = 拒绝）：";
    wrong_code(left): "These are not its digits. Tries left: {left}", "数字不一致，还可尝试 {left} 次。";
    bound(name): "\"{name}\" is bound.", "“{name}”已绑定。";
    rejected(): "Rejected. Nothing was bound.", "已拒绝，未绑定任何设备。";
    failed_expired(): "Nobody finished in time: the code has expired.", "超时，二维码已失效。";
    failed_rejected(): "The device was rejected.", "设备已被拒绝。";
    failed_second_claim(): "Two devices used the same code, so both were refused. Make a new code and let nobody else see it.",
        "有两个设备使用了同一个二维码，均已拒绝。请生成新的二维码，不要让他人看到。";
    failed_wrong_code(): "Three times the wrong digits: the device was refused.", "数字输错三次，设备已被拒绝。";
    failed_too_many(): "Somebody tried to guess the code: it is no longer valid.", "有人试图猜测此二维码，二维码已失效。";
    failed_device_left(): "The device went away before it was bound.", "设备在绑定完成前断开了连接。";
    failed_replaced(): "A newer QR code took its place.", "已被新的二维码取代。";
    failed_not_stored(): "The computer could not save the device. Check its disk space.", "电脑无法保存此设备，请检查磁盘空间。";
    failed_other(reason): "The device was not bound ({reason}).", "设备未绑定（{reason}）。";
    person_needed(): "A person must approve this device in a terminal: smartpi devices approve",
        "需要本人在终端确认此设备：smartpi devices approve";
    terminal_needed(): "Approving a device needs a person: run this command in a terminal and type what the device shows.",
        "确认设备需要本人操作：请在终端中运行此命令，并输入设备显示的内容。";

    // devices
    no_devices(): "No device is bound yet. Bind one with: smartpi bind", "还没有绑定的设备。绑定设备：smartpi bind";
    head_name(): "NAME", "名称";
    head_state(): "STATE", "状态";
    head_kind(): "KIND", "类型";
    head_waits(): "WAITING", "待接收";
    head_key(): "KEY", "标识";
    state_online(): "online", "在线";
    state_unsure(): "silent", "无响应";
    state_offline(seen): "offline, seen {seen}", "离线，最近在线：{seen}";
    state_never(): "never connected", "从未连接";
    seen_now(): "just now", "刚刚";
    seen_seconds(n): "{n} s ago", "{n} 秒前";
    seen_minutes(n): "{n} min ago", "{n} 分钟前";
    seen_hours(n): "{n} h ago", "{n} 小时前";
    seen_days(n): "{n} days ago", "{n} 天前";
    kind_phone(): "phone", "手机";
    kind_speaker(): "speaker", "语音盒子";
    kind_board(): "board", "开发板";
    kind_script(): "script", "脚本";
    kind_other(): "other", "其他";
    no_turns(): "It has sent no messages yet.", "还没有发送过消息。";
    recent(): "Newest messages:", "最近的消息：";
    turn_waiting(ago): "  {ago}: waits", "  {ago}：等待中";
    turn_working(ago): "  {ago}: the assistant works on it", "  {ago}：助手正在处理";
    turn_answered(ago, took): "  {ago}: answered after {took}", "  {ago}：用时 {took} 回答";
    turn_late(ago, took): "  {ago}: answered late, after {took}", "  {ago}：较晚回答，用时 {took}";
    turn_ended(ago, outcome): "  {ago}: ended without an answer ({outcome})", "  {ago}：未得到回答（{outcome}）";
    replies_wait(n): "Waiting for it: {n}", "待接收的消息：{n} 条";
    renamed(name): "It is called \"{name}\" now.", "已重命名为“{name}”。";
    ask_remove(name): "Remove \"{name}\"? Its messages are forgotten. (y/N) ", "要移除“{name}”吗？其消息将被删除。(y/N) ";
    removed(name): "\"{name}\" was removed.", "“{name}”已移除。";
    lost(messages, replies): "Forgotten with it: {messages} messages without an answer, {replies} answers it had not taken.",
        "同时删除：未回答的消息 {messages} 条，未接收的回答 {replies} 条。";
    sent_online(name): "Sent to \"{name}\".", "已发送给“{name}”。";
    sent_offline(name): "\"{name}\" is offline; the message waits for it.", "“{name}”离线，消息会等待其上线。";
    muted(name): "You will no longer be told when \"{name}\" comes and goes.", "“{name}”上线和离线时不再提醒。";
    unmuted(name): "You will be told when \"{name}\" comes and goes.", "“{name}”上线和离线时会提醒。";
    speaks_anyone(name): "Your agents may send \"{name}\" messages by themselves.", "智能体可以主动向“{name}”发送消息。";
    speaks_asked(name): "Your agents send \"{name}\" messages only when it asks.", "智能体仅在“{name}”提问后向它发送消息。";
    speaks_nobody(name): "\"{name}\" gets answers only; nobody may send it messages.", "“{name}”只接收回答，不接收其他消息。";
    ask_script(name): "Whoever has the token of \"{name}\" can talk to your agent as this device. Make one? (y/N) ",
        "持有“{name}”令牌者可作为此设备与你的智能体对话。要创建吗？(y/N) ";
    script_added(name): "\"{name}\" is a device now. Its token is shown this once; keep it secret:",
        "“{name}”已添加。令牌仅显示这一次，请妥善保管：";
    script_here(): "To try it on this computer:", "在本机试用：";
    script_there(): "To try it on another computer of your network; the certificate keeps the token from everybody else:",
        "在局域网的其他电脑上试用；有了证书，令牌只会交给本机：";
    script_nowhere(): "SmartPi is stopped, so there is no address yet. Once it runs: smartpi status", "SmartPi 已停止，目前没有地址。启动后查看：smartpi status";
    script_back(name): "Lost, or seen by somebody else? The token is worthless after: smartpi devices remove \"{name}\"",
        "令牌遗失或被他人看到？移除设备后令牌立即失效：smartpi devices remove \"{name}\"";
    none_pending(): "No device waits for you.", "没有等待确认的设备。";
    pending_confirming(name, kind, address, claim): "\"{name}\" ({kind}, {address}) shows its digits.  {claim}",
        "“{name}”（{kind}，{address}）正在显示数字。  {claim}";
    pending_scanned(name, kind, address, claim): "\"{name}\" ({kind}, {address}) has scanned.  {claim}",
        "“{name}”（{kind}，{address}）已扫描。  {claim}";
    several_pending(): "Several devices wait. Name one of them:", "有多个设备等待确认，请指定其中一个：";
    no_such_claim(): "No device with this mark waits for you.", "没有此标记的设备在等待确认。";
    several_devices(what): "Several devices match \"{what}\". Use the whole key.", "有多个设备与“{what}”匹配，请使用完整标识。";
    no_such_device(what): "No device matches \"{what}\". See: smartpi devices list", "没有与“{what}”匹配的设备。查看：smartpi devices list";
    not_done(): "Nothing was changed.", "未作任何更改。";

    // report
    ask_report(file): "Save this as {file}? (y/N) ", "将以上内容保存为 {file} 吗？(y/N) ";
    report_saved(file): "Saved as {file}. It holds no keys, no names and no messages.", "已保存为 {file}，其中不含密钥、名称和消息。";
    report_not_saved(): "It was not saved.", "未保存。";

    // backup, restore
    backup_saved(file, devices, messages): "Saved as {file}: {devices} devices, {messages} messages.", "已保存为 {file}：设备 {devices} 个，消息 {messages} 条。";
    backup_holds_keys(): "It holds the keys of this SmartPi: whoever has the file can pose as it. Keep it to yourself.",
        "其中包含此 SmartPi 的密钥，持有该文件的人可以冒充它，请妥善保管。";
    between(): ", ", "、";
    restore_holds(time, devices, messages, names): "The backup is of {time}: {devices} devices, {messages} messages. {names}",
        "备份时间 {time}：设备 {devices} 个，消息 {messages} 条。{names}";
    restore_replaces(devices, messages, names): "It replaces what is here now: {devices} devices, {messages} messages. {names}",
        "将替换当前内容：设备 {devices} 个，消息 {messages} 条。{names}";
    restore_replaces_nothing(): "There is nothing here yet that it replaces.", "当前没有会被替换的内容。";
    restore_leaves_out(names): "Not in the backup, so no longer bound afterwards: {names}", "不在备份中，恢复后将不再绑定：{names}";
    restore_stops(): "SmartPi is running and is closed first.", "SmartPi 正在运行，将先退出。";
    ask_restore(): "Go back to this backup? What is here now is moved aside, not deleted. (y/N) ", "恢复此备份吗？当前内容会移到一旁，不会删除。(y/N) ";
    stop_needed(): "SmartPi is running. Close it first with: smartpi quit, or add --stop.", "SmartPi 正在运行，请先退出：smartpi quit，或添加 --stop。";
    restore_yes_needed(): "Going back to a backup needs your yes: run this in a terminal, or add --yes.", "恢复备份需要你的同意：请在终端中运行，或添加 --yes。";
    restore_done(time): "The devices and messages are those of {time}. Devices connect by themselves and send again what was not confirmed.",
        "设备与消息已恢复到 {time} 的状态。设备会自动连接，并重新发送未确认的内容。";
    restore_aside(path): "What was here before is kept in {path}", "原有内容保存在 {path}";
    restore_start(): "To start SmartPi: smartpi serve, or open the app.", "启动 SmartPi：smartpi serve，或打开应用。";

    // simulate
    not_a_code(): "This is not what a SmartPi QR code says.", "这不是 SmartPi 二维码的内容。";
    newer_code(): "This QR code is of a newer version. Update this program.", "此二维码版本较新，请更新此程序。";
    device_code(name, code): "\"{name}\" shows: {code}   Type it at the computer.", "“{name}”显示：{code}   请在电脑上输入。";
    device_allow(name): "\"{name}\" waits to be allowed at the computer.", "“{name}”正在等待电脑端允许。";
    how_to_approve(): "To approve it on this computer, in another terminal: smartpi devices approve",
        "在本机确认：请在另一个终端运行 smartpi devices approve";
    device_bound(name): "\"{name}\" is bound.", "“{name}”已绑定。";
    bind_refused_new_code(): "The binding was refused. Ask for a new QR code.", "绑定被拒绝，请重新获取二维码。";
    bind_impostor(): "This is not the computer that made the code. No digits were shown.", "对方不是生成此绑定码的电脑，未显示数字。";
    bind_other_certificate(place): "Another computer answers at {place}: its certificate is not the one this device was given. It was told nothing. Check the address; if it is right, somebody may be listening in.",
        "{place} 由另一台电脑响应：证书与设备所知的不符，未向其发送任何内容。请检查地址；如果无误，可能有人在窃听。";
    bind_no_tls(place): "{place} answers without encryption, so it was told nothing. Check the address and update SmartPi on the computer.",
        "{place} 未加密响应，未向其发送任何内容。请检查地址，并更新电脑上的 SmartPi。";
    bind_downgrade(): "This device was bound with encryption and does not go back. To bind it without, begin with a new file (--identity).",
        "此设备已加密绑定，不会改用未加密连接。如需不加密绑定，请用 --identity 指定新文件。";
    asking_refused(): "The computer refused, or nobody typed the digits in time. Ask again when somebody is there.",
        "电脑端已拒绝，或未及时输入数字。请在有人时重新申请。";
    asking_full(): "Too many devices are asking there. Try again in two minutes.", "正在申请的设备太多，请两分钟后再试。";
    not_a_typed_code(): "This is not such a code: it has 16 letters and digits, like C1GP-4RV4-CNK6-ET39.",
        "这不是输入码：应为 16 位字母和数字，例如 C1GP-4RV4-CNK6-ET39。";
    not_a_place(): "This is not an address with a port, like 192.168.1.5:8765.", "地址应带端口，例如 192.168.1.5:8765。";
    not_a_certificate(): "This does not name a certificate. It is the last part of what the QR code says.",
        "证书标识无效。请使用二维码内容的最后一段。";
    not_a_token(): "This is not a token, or a letter of it is wrong. Copy it again.", "令牌无效或有误，请重新复制。";
    token_exposed(): "Whoever reads a token can use it, so it leaves this computer only to a certificate that you name: add --certificate.",
        "看到令牌的人都能使用它，因此只能发往你指定证书的电脑：请加上 --certificate。";
    token_other_device(): "This file holds another device. Name a new one with --identity.", "此文件属于另一个设备，请用 --identity 指定新文件。";
    token_failed(detail): "The script could not connect ({detail}).", "脚本无法连接（{detail}）。";
    bind_unreachable(place): "No SmartPi answers at {place}.", "{place} 没有 SmartPi 响应。";
    bind_failed(detail): "The device was not bound ({detail}).", "设备未绑定（{detail}）。";
    identity_unreadable(detail): "The device's file cannot be used ({detail}).", "无法使用设备文件（{detail}）。";
    identity_not_saved(detail): "The device's file cannot be saved ({detail}).", "无法保存设备文件（{detail}）。";
    chat_begins(): "Type a message and press Enter; Ctrl-D ends.", "输入消息后按回车键发送，按 Ctrl-D 结束。";
    chat_online(name, service): "Connected to \"{service}\" as \"{name}\".", "已连接到“{service}”，设备名称“{name}”。";
    chat_link_offline(): "The assistant is not connected; messages wait.", "助手未连接，消息会等待。";
    chat_link_online(): "The assistant is connected.", "助手已连接。";
    chat_offline(seconds): "Connection lost. Next try in {seconds} s.", "连接已断开，{seconds} 秒后重试。";
    chat_no_tls(): "Whoever answers at this address does not encrypt. It is told nothing.", "此地址的响应未加密，不会向其发送任何内容。";
    chat_impostor(): "Another computer answers at this address. It is told nothing.", "此地址由另一台电脑响应，不会向其发送任何内容。";
    chat_saved(): "  saved", "  已保存";
    chat_thinking(): "  the assistant is thinking ...", "  助手正在思考……";
    chat_tool(): "  the assistant uses a tool ...", "  助手正在使用工具……";
    chat_writing(): "  the assistant is writing ...", "  助手正在输入……";
    chat_reply(text): "< {text}", "< {text}";
    chat_spoken(by, text): "< ({by}) {text}", "<（{by}）{text}";
    chat_late(text): "< (late) {text}", "<（迟到的回答）{text}";
    chat_trouble(text): "! {text}", "! {text}";
    too_many_codes(): "There are more QR codes than devices. Say how many devices with --count.", "二维码多于设备，请用 --count 指定设备数量。";
    too_long(): "A message has 1 to 32,768 bytes.", "消息长度应为 1 到 32768 字节。";
    ended_removed(): "This device was removed at the computer. Bind it again with a new QR code.",
        "此设备已在电脑上移除，请用新的二维码重新绑定。";
    ended_replaced(): "This device connected elsewhere.", "此设备已在别处连接。";
    ended_version(): "This program and SmartPi have different versions. Update both.", "此程序与 SmartPi 版本不一致，请更新。";
    ended_refused(): "SmartPi refused this device.", "SmartPi 拒绝了此设备。";
    fleet_devices(n): "Devices: {n}", "设备：{n}";
    fleet_messages(sent, saved, answered): "Messages: {sent} sent, {saved} saved, {answered} answered", "消息：已发送 {sent}，已保存 {saved}，已回答 {answered}";
    fleet_times(what, half, most, worst): "{what}: half within {half} ms, 99 of 100 within {most} ms, worst {worst} ms",
        "{what}：半数在 {half} 毫秒内，99% 在 {most} 毫秒内，最长 {worst} 毫秒";
    fleet_saved(): "Until saved", "保存用时";
    fleet_answered(): "Until answered", "回答用时";
    fleet_troubles(code, count, text): "{count} x {code}: {text}", "{count} 次 {code}：{text}";
    fleet_incomplete(): "Not everything was answered in time.", "有消息未在规定时间内得到回答。";
    fleet_lost(n): "Connections lost: {n}", "断开的连接：{n}";

    // plugin
    ask_install(): "Put the SmartPi plugin into your OpenClaw? A copy of its settings is kept. (y/N) ",
        "要把 SmartPi 插件安装到你的 OpenClaw 吗？会先备份其设置。(y/N) ";
    yes_needed(): "Changing your OpenClaw needs your yes: run this in a terminal, or add --yes.",
        "更改 OpenClaw 需要你的同意：请在终端中运行，或加上 --yes。";
    ask_uninstall(): "Remove the SmartPi plugin and these entries from your OpenClaw? A copy of its settings is kept. (y/N) ",
        "要从你的 OpenClaw 中移除 SmartPi 插件和以上条目吗？会先备份其设置。(y/N) ";
    plugin_removed(): "The plugin is removed. Your devices and messages stay with SmartPi.", "插件已移除。设备和消息仍保留在 SmartPi 中。";
    plugin_linked(plugin, host): "The plugin {plugin} is installed and connected (OpenClaw {host}).",
        "插件 {plugin} 已安装并已连接（OpenClaw {host}）。";
    plugin_waiting(plugin): "The plugin {plugin} is installed.", "插件 {plugin} 已安装。";
    plugin_replaced(version): "It took the place of version {version}.", "已替换版本 {version}。";
    plugin_copy(path): "The settings from before are in {path}", "原设置备份在 {path}";
    plugin_comments(): "OpenClaw rewrote its settings without your comments; the copy has them.",
        "OpenClaw 重写设置时去掉了注释，备份中仍然保留。";
    plugin_carries(version): "This program carries the plugin {version}.", "此程序附带的插件版本为 {version}。";
    plugin_openclaw(version, path): "OpenClaw {version}: {path}", "OpenClaw {version}：{path}";
    plugin_absent(): "The plugin is not installed. To install it: smartpi plugin install", "插件尚未安装。安装：smartpi plugin install";
    plugin_current(version): "The plugin {version} is installed.", "插件 {version} 已安装。";
    plugin_older(version): "The plugin {version} is installed; this program carries another one. To update it: smartpi plugin install",
        "已安装插件 {version}，与此程序附带的版本不同。更新：smartpi plugin install";
    plugin_foreign(path): "The plugin in {path} has the same name but is not ours. SmartPi leaves it alone. For its devices: smartpi plugin accounts list",
        "{path} 中的插件同名但并非 SmartPi 安装，SmartPi 不会改动它。管理其设备：smartpi plugin accounts list";
    plugin_accounts(package, command): "{package} says ({command}):", "{package} 的输出（{command}）：";
    ask_accounts_bind(): "Let this plugin bind a new device? (y/N) ", "要让该插件绑定新设备吗？(y/N) ";
    ask_accounts_remove(device): "Let this plugin remove {device}? It cannot be undone here. (y/N) ",
        "要让该插件移除 {device} 吗？此操作无法在这里撤销。(y/N) ";
    plugin_configured(): "It leads to this SmartPi.", "已指向此 SmartPi。";
    plugin_not_configured(): "It does not lead to this SmartPi. To set it up: smartpi plugin install", "未指向此 SmartPi。设置：smartpi plugin install";
    plugin_denied(): "OpenClaw's settings switch it off.", "OpenClaw 的设置已将其关闭。";
    plugin_online(): "It is connected.", "已连接。";
    plugin_offline(): "It is not connected.", "未连接。";

    // all
    version(version): "SmartPi {version}", "SmartPi {version}";
    yes_letters(): "y yes", "y yes 是 好";
    wrong_usage(): "This cannot be understood. See: smartpi --help", "无法理解此命令，请查看：smartpi --help";
    no_runtime(detail): "The system refused what SmartPi needs to run ({detail}).", "系统拒绝了 SmartPi 运行所需的资源（{detail}）。";
}

/// Whether a typed line means yes.
pub(crate) fn is_yes(line: &str) -> bool {
    let line = line.trim().to_lowercase();
    [Language::En, Language::Zh].into_iter().any(|language| yes_letters(language).split(' ').any(|yes| yes == line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use super::{gateway, help};

    /// Words that belong to developers: a person does not need them.
    const DEVELOPERS: [&str; 14] = [
        "socket",
        "websocket",
        "json-rpc",
        "stack",
        "exception",
        "null",
        "thread",
        "mutex",
        "epoch",
        "nonce",
        "hmac",
        "daemon",
        "stdin",
        "tty",
    ];

    fn is_chinese(letter: char) -> bool {
        ('\u{4e00}'..='\u{9fff}').contains(&letter)
    }

    fn both() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        let lists = [ALL, doctor::ALL, evidence::ALL, gateway::ALL, repair::ALL, rights::ALL, terms::ALL];
        lists.into_iter().flatten().copied().chain(help::all())
    }

    #[test]
    fn every_sentence_is_in_both_languages() {
        // These are the same in both: a name and a number, or a person's own words.
        let same = [
            "version",
            "chat_reply",
            "chat_spoken",
            "chat_trouble",
            "plugin_openclaw",
            "between",
            "found",
            "step",
            "copy",
            "copy_judged",
            "request_line",
        ];
        for (name, en, zh) in both() {
            assert!(!en.trim().is_empty() && !zh.trim().is_empty(), "{name}");
            assert!(!en.chars().any(is_chinese), "{name}: Chinese in the English words");
            assert!(same.contains(&name) || zh.chars().any(is_chinese), "{name}: no Chinese in the Chinese words");
        }
    }

    #[test]
    fn names_are_used_once() {
        let own = [ALL, doctor::ALL, evidence::ALL, gateway::ALL, repair::ALL, rights::ALL, terms::ALL];
        for list in own.map(<[_]>::to_vec).into_iter().chain([help::all().collect()]) {
            let mut seen = std::collections::HashSet::new();
            assert!(list.iter().all(|(name, ..)| seen.insert(*name)));
        }
    }

    #[test]
    fn no_sentence_has_developers_words() {
        for (name, en, _) in both() {
            let lower = en.to_lowercase();
            let words: Vec<&str> = lower.split(|letter: char| !letter.is_alphanumeric()).collect();
            assert!(!DEVELOPERS.iter().any(|banned| words.contains(banned)), "{name}: {en}");
        }
    }

    #[test]
    fn each_command_and_argument_has_its_help_and_there_is_none_too_many() {
        let mut wanted = vec!["smartpi exit codes".to_owned()];
        let mut pending = vec![(crate::args::command(Language::Zh), String::new())];
        while let Some((command, path)) = pending.pop() {
            let place = format!("{path}{}", command.get_name());
            assert!(command.get_about().is_some_and(|about| about.to_string().chars().any(is_chinese)), "{place}");
            for argument in command.get_arguments() {
                wanted.push(format!("{place} --{}", argument.get_id()));
                assert!(
                    argument.get_help().is_some_and(|help| help.to_string().chars().any(is_chinese)),
                    "{place} {}",
                    argument.get_id()
                );
            }
            pending.extend(command.get_subcommands().cloned().map(|inner| (inner, format!("{place} "))));
            wanted.push(place);
        }
        for (path, ..) in help::all() {
            assert!(wanted.iter().any(|wanted| wanted == path), "help for {path}, which does not exist");
        }
    }

    #[test]
    fn yes_is_yes_in_both_languages_and_nothing_else() {
        assert!(["y", "Y", "yes", " YES\n", "是", "好"].iter().all(|line| is_yes(line)));
        assert!(["", "n", "no", "ye", "否", "y y"].iter().all(|line| !is_yes(line)));
    }
}
