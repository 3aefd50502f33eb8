//! The codes, each with its name on the wire and its words in both languages.

use serde::{Deserialize, Serialize};

use super::declaration::codes;
use crate::language::Language;

codes! {
    /// The control socket does not know this `do`.
    UnknownRequest, "unknown_request",
        "The running service does not know this request. Update it to the same version.", "正在运行的服务不认识此请求，请将其更新到同一版本。";
    /// A request lacks something or has a wrong type.
    BadRequest, "bad_request",
        "The request is incomplete or malformed.", "请求不完整或格式错误。";
    /// No such device.
    DeviceUnknown, "device_unknown",
        "No device has this key. List the devices to see their keys.", "没有使用此密钥的设备，请查看设备列表。";
    /// No such binding code.
    BindUnknown, "bind_unknown",
        "This binding code is not known any more. Make a new QR code.", "此绑定码已失效，请生成新的二维码。";
    /// A device is being confirmed: the code is not replaced.
    BindClaimed, "bind_claimed",
        "A device is waiting for you to confirm it. Confirm or reject it first.", "有设备正在等待确认，请先确认或拒绝。";
    /// The typed digits are others.
    WrongCode, "wrong_code",
        "This is not the code that the device shows. Look again and type its digits.", "与设备显示的数字不一致，请核对后重新输入。";
    /// No device shows a code.
    NotConfirming, "not_confirming",
        "No device is showing a code yet. Scan the QR code first.", "还没有设备显示数字，请先扫描二维码。";
    /// It took too long.
    Timeout, "timeout",
        "It did not happen in time. Try again.", "等待超时，请重试。";
    /// The store refused.
    Storage, "storage",
        "The computer cannot save this. Check its disk space.", "电脑无法保存，请检查磁盘空间。";
    /// The disk is nearly full.
    DiskFull, "disk_full",
        "The disk is almost full. Your devices keep new messages until there is room. Free some disk space.", "磁盘空间即将用尽，新消息暂时保留在设备上。请清理磁盘空间。";
    /// The disk reports errors.
    DiskFailing, "disk_failing",
        "The disk reports errors. Your devices keep new messages while SmartPi tries again. Check the disk, and back up what matters.", "磁盘读写出错，SmartPi 正在重试，新消息暂时保留在设备上。请检查磁盘并备份重要数据。";
    /// The service stops.
    Stopping, "stopping",
        "The service is stopping. Start it again and retry.", "服务正在停止，请重新启动后再试。";
    /// Too many at once.
    TooMany, "too_many",
        "Too much at once. Wait a moment and try again.", "操作过多，请稍后再试。";
    /// Not an address of this service.
    NoAddress, "no_address",
        "The service does not listen on this address. Allow devices on your network, or choose another address.", "服务没有在此地址上监听，请允许局域网设备连接，或选择其他地址。";
    /// Nobody owns this data folder.
    NotRunning, "not_running",
        "SmartPi is not running. Start it with: smartpi serve", "SmartPi 没有运行，请先启动：smartpi serve";
    /// The control socket belongs to somebody else.
    NotPermitted, "not_permitted",
        "SmartPi runs as another user of this computer. Use that user's account.", "SmartPi 由此电脑的另一个用户运行，请使用该用户的账户。";
    /// The connection to the running service broke.
    ControlLost, "control_lost",
        "The connection to the running service broke. See whether it still runs, and try again.", "与正在运行的服务的连接已中断，请确认其仍在运行后重试。";
    /// The running service answers in a form this version cannot read.
    AnswerUnreadable, "answer_unreadable",
        "The running service answered in a way this version does not understand. Update both to the same version.", "无法理解正在运行的服务的回答，请将两者更新到同一版本。";
    /// Another SmartPi owns the data folder.
    AlreadyRunning, "already_running",
        "SmartPi is running already. There is nothing to start.", "SmartPi 已经在运行，无需再次启动。";
    /// A foreign program has the port.
    PortInUse, "port_in_use",
        "Another program uses SmartPi's port. Close it, or start SmartPi with another port.", "SmartPi 的端口被其他程序占用，请关闭该程序，或换一个端口启动。";
    /// The address cannot be listened on.
    CannotListen, "cannot_listen",
        "SmartPi cannot listen on this network address.", "SmartPi 无法在此网络地址上监听。";
    /// The store cannot be opened.
    StoreUnusable, "store_unusable",
        "SmartPi cannot open its store of devices and messages. Nothing was changed; see the detail.", "SmartPi 无法打开设备与消息的数据库，未作任何更改，详见说明。";
    /// The store was made by a newer version.
    StoreNewer, "store_newer",
        "A newer SmartPi saved these devices and messages, so nothing was changed. Update SmartPi, or go back to a backup with: smartpi restore", "这些设备与消息由更新版本的 SmartPi 保存，未作任何更改。请更新 SmartPi，或恢复备份：smartpi restore";
    /// The store was damaged, and the newest backup took its place.
    StoreRestored, "store_restored",
        "The saved devices and messages were damaged, so SmartPi went back to its last good copy. The newest messages may be missing; nothing was deleted.", "已保存的设备与消息损坏，SmartPi 已恢复到最近一次完好的备份。最新的消息可能缺失，原文件均已保留。";
    /// The store was damaged, and there was no backup.
    StoreBegunAnew, "store_begun_anew",
        "The saved devices and messages were damaged, and there was no good copy, so SmartPi begins with none. Bind your devices again; nothing was deleted.", "已保存的设备与消息损坏且没有完好的备份，SmartPi 已重新开始。请重新绑定设备，原文件均已保留。";
    /// Damage was found while it ran.
    StoreDamaged, "store_damaged",
        "Part of the saved messages is damaged. SmartPi goes on and keeps its older backups; save one elsewhere with: smartpi backup",
        "部分已保存的消息损坏。SmartPi 会继续运行并保留旧备份，建议另存一份：smartpi backup";
    /// No backup could be made.
    NotBackedUp, "not_backed_up",
        "SmartPi could not make a backup of its devices and messages. Check the disk space; the older backups are kept.",
        "SmartPi 无法备份设备与消息，请检查磁盘空间。旧备份均已保留。";
    /// A file is no backup, or a damaged one.
    BackupUnusable, "backup_unusable",
        "This file is not a SmartPi backup, or it is damaged. Nothing was changed.", "此文件不是 SmartPi 备份，或已损坏，未作任何更改。";
    /// A file is there already.
    FileExists, "file_exists",
        "A file of this name is there already and was left alone. Choose another name.", "已有同名文件，未被覆盖，请换一个名称。";
    /// The keys cannot be read.
    KeysUnusable, "keys_unusable",
        "SmartPi cannot read its own keys. Nothing was changed; see the detail.", "SmartPi 无法读取自己的密钥，未作任何更改，详见说明。";
    /// The system names no home folder.
    NoHome, "no_home",
        "The system does not say where your home folder is. Name a folder with --data.", "系统没有提供主目录，请用 --data 指定文件夹。";
    /// A folder of ours cannot be made or is not private.
    FolderUnusable, "folder_unusable",
        "SmartPi cannot use its folder. Check who owns it and whether it can be written.", "SmartPi 无法使用其文件夹，请检查所有者和写入权限。";
    /// settings.json cannot be read.
    SettingsUnreadable, "settings_unreadable",
        "The settings file cannot be read. It was left as it is: correct it, or move it away to start with defaults.",
        "无法读取设置文件，文件未被改动：请修正它，或将其移走以使用默认设置。";
    /// settings.json cannot be written.
    SettingsNotSaved, "settings_not_saved",
        "The settings could not be saved. Check the disk space and who owns the folder.", "无法保存设置，请检查磁盘空间和文件夹的所有者。";
    /// service.json cannot be written.
    ServiceFileNotWritten, "service_file_not_written",
        "SmartPi could not say where it listens, so that nothing would find it. Check the disk space of its data folder.",
        "SmartPi 无法写入服务信息，其他程序将找不到它，请检查数据文件夹的磁盘空间。";
    /// The control socket cannot be made.
    ControlNotStarted, "control_not_started",
        "SmartPi could not open its control socket, so that nothing could command it.", "SmartPi 无法打开控制通道，其他程序将无法操作它。";
    /// The log file cannot be opened.
    LogsNotOpened, "logs_not_opened",
        "SmartPi could not open its log file. Check the disk space and who owns the folder.",
        "SmartPi 无法打开日志文件，请检查磁盘空间和文件夹的所有者。";
    /// The network interfaces cannot be listed.
    InterfacesUnreadable, "interfaces_unreadable",
        "The system does not tell SmartPi its network addresses.", "系统没有提供网络地址。";
    /// `--lan` without a private address.
    NoPrivateAddress, "no_private_address",
        "This computer has no private network address. Connect it to your network, or start without --lan.",
        "此电脑没有局域网地址，请连接到局域网，或去掉 --lan 启动。";
    /// A QR image cannot be made or saved.
    QrNotMade, "qr_not_made",
        "The QR code could not be made or saved.", "无法生成或保存二维码。";
    /// No program opens a page or a folder.
    NotOpened, "not_opened",
        "This computer has no program that opens this. Copy the address and open it yourself.", "此电脑没有可打开它的程序，请复制地址后自行打开。";
    /// The entry for starting at login cannot be written.
    AutostartRefused, "autostart_refused",
        "The system did not let SmartPi change whether it starts at login. Change it in the system's own settings.",
        "系统不允许 SmartPi 更改开机启动，请在系统设置中更改。";
    /// The keyring is locked, or nobody unlocked it in time.
    KeyringLocked, "keyring_locked",
        "The system's keyring is locked. Unlock it and try again, or choose in the settings to keep the keys in a file.",
        "系统密钥环已锁定，请解锁后重试，或在设置中选择将密钥保存到文件。";
    /// The system has no keyring.
    KeyringAbsent, "keyring_absent",
        "This system has no keyring. Choose in the settings to keep the keys in a file.", "此系统没有密钥环，请在设置中选择将密钥保存到文件。";
    /// The keyring has no default collection.
    KeyringEmpty, "keyring_empty",
        "The system's keyring is not set up yet. Create a default keyring in the system's password program, or choose in the settings to keep the keys in a file.",
        "系统密钥环尚未设置，请在系统的密码程序中创建默认密钥环，或在设置中选择将密钥保存到文件。";
    /// The keyring refuses, or answers nonsense.
    KeyringBroken, "keyring_broken",
        "The system's keyring does not work. Try again, or choose in the settings to keep the keys in a file.",
        "系统密钥环无法正常工作，请重试，或在设置中选择将密钥保存到文件。";
    /// The folder for secrets cannot be used.
    SecretsFileUnusable, "secrets_file_unusable",
        "SmartPi cannot use the folder for its keys. Check the disk space and who owns its data folder.",
        "SmartPi 无法使用存放密钥的文件夹，请检查磁盘空间和数据文件夹的所有者。";
    /// A secret is not what we write.
    SecretDamaged, "secret_damaged",
        "A key that SmartPi keeps is damaged, and it is not replaced without you. See the detail.",
        "SmartPi 保存的密钥已损坏，不会自动替换，详见说明。";
    /// Secrets stay where they were.
    SecretsNotMoved, "secrets_not_moved",
        "The keys could not be moved and stay where they were. See the detail.", "密钥未能移动，仍保存在原处，详见说明。";
    /// Secrets were moved, and a copy is left.
    SecretsLeftBehind, "secrets_left_behind",
        "The keys are in their new place, but a copy could not be removed from the old one. See the detail.",
        "密钥已移到新位置，但旧位置的副本未能删除，详见说明。";
    /// A server has no window.
    NoDesktop, "no_desktop",
        "SmartPi runs here without a desktop, so that it has no window to open.", "SmartPi 正在无桌面模式下运行，没有可打开的窗口。";
    /// The desktop shows no tray icons.
    NoTray, "no_tray",
        "This desktop shows no tray icons, so SmartPi runs without one: open its window from your applications. On GNOME, the AppIndicator extension brings the icon.",
        "此桌面不显示托盘图标，SmartPi 已在后台运行，可从应用列表打开窗口。在 GNOME 上安装 AppIndicator 扩展后即可显示图标。";
    /// A bug: an answer panicked.
    Internal, "internal",
        "SmartPi made a mistake of its own. It goes on; the log names the place.", "SmartPi 内部出错，服务继续运行，出错位置见日志。";
    /// A thread cannot be started.
    NotStarted, "not_started",
        "The system refused SmartPi a thread or a timer. Close other programs and try again.",
        "系统资源不足，SmartPi 无法启动，请关闭其他程序后重试。";
    /// There is no command openclaw.
    OpenClawNotFound, "openclaw_not_found",
        "OpenClaw was not found on this computer. Install it, or name its command with --openclaw.",
        "在此电脑上未找到 OpenClaw，请先安装，或用 --openclaw 指定其命令。";
    /// OpenClaw has no configuration.
    OpenClawNotSetUp, "openclaw_not_set_up",
        "OpenClaw is not set up yet. Run openclaw onboard, then try again.", "OpenClaw 尚未设置，请先运行 openclaw onboard，然后重试。";
    /// OpenClaw's configuration cannot be read.
    OpenClawConfigUnreadable, "openclaw_config_unreadable",
        "OpenClaw's configuration cannot be read. Nothing was changed; see the detail.", "无法读取 OpenClaw 的配置，未作任何更改，详见说明。";
    /// OpenClaw's configuration is kept in several files.
    OpenClawConfigSplit, "openclaw_config_split",
        "OpenClaw's configuration is kept in several files, which SmartPi does not change. Install the plugin by hand; see the detail.",
        "OpenClaw 的配置分散在多个文件中，SmartPi 不会改动它们，请手动安装插件，详见说明。";
    /// A command of OpenClaw failed.
    OpenClawFailed, "openclaw_failed",
        "OpenClaw could not do this, and its configuration is as it was. See the detail for its own words.",
        "OpenClaw 未能完成操作，其配置保持原样，详见说明中 OpenClaw 的提示。";
    /// OpenClaw changed what is not ours.
    OpenClawConfigChanged, "openclaw_config_changed",
        "Installing the plugin changed other settings of OpenClaw, so SmartPi put its configuration back. See the detail.",
        "安装插件时 OpenClaw 的其他设置发生了变化，SmartPi 已恢复其配置，详见说明。";
    /// OpenClaw's configuration was not put back.
    OpenClawNotPutBack, "openclaw_not_put_back",
        "Installing the plugin failed, and not everything could be put back. A copy of OpenClaw's configuration is kept; see the detail.",
        "插件安装失败，且未能完全恢复。OpenClaw 配置的副本已保留，详见说明。";
    /// Somebody else's plugin has our id.
    PluginForeign, "plugin_foreign",
        "OpenClaw has another plugin for SmartPi devices, which SmartPi leaves alone. Remove it yourself if you want this one.",
        "OpenClaw 中已有另一个 SmartPi 设备插件，SmartPi 不会改动它。如需使用本插件，请自行移除。";
    /// Nothing says by which command another vendor's plugin manages its devices.
    PluginAccountsUnknown, "plugin_accounts_unknown",
        "This plugin does not say by which command it manages its devices. Look into its own documentation.", "此插件没有说明用哪个命令管理设备，请查阅它自己的文档。";
    /// The person switched the plugin off.
    PluginDenied, "plugin_denied",
        "OpenClaw's configuration switches this plugin off, so nothing was changed. Allow it there first.",
        "OpenClaw 的配置禁用了此插件，未作任何更改，请先在其中允许。";
    /// OpenClaw did not keep the plugin.
    PluginNotInstalled, "plugin_not_installed",
        "OpenClaw did not keep the plugin, and its configuration is as it was. See the detail.", "OpenClaw 没有保留插件，其配置保持原样，详见说明。";
    /// Our own files cannot be written.
    InstallNotPrepared, "install_not_prepared",
        "SmartPi could not keep a copy of OpenClaw's configuration, so nothing was changed. Check the disk space and who owns its folder.",
        "SmartPi 无法保存 OpenClaw 配置的副本，未作任何更改，请检查磁盘空间和文件夹的所有者。";
    /// The person did not wish this app to be a device of OpenClaw.
    GatewayOff, "gateway_off",
        "SmartPi is not connected to OpenClaw. Connect it on the OpenClaw page first.", "SmartPi 尚未连接 OpenClaw，请先在“OpenClaw”页面连接。";
    /// It wished, and is not connected now.
    GatewayNotOnline, "gateway_not_online",
        "SmartPi is not connected to OpenClaw at the moment. The OpenClaw page says why.", "SmartPi 当前未连接到 OpenClaw，原因见“OpenClaw”页面。";
    /// No configuration of OpenClaw.
    GatewayNoConfig, "gateway_no_config",
        "No OpenClaw was set up for this user of the computer. Install OpenClaw and run its setup first.",
        "未找到此用户的 OpenClaw 配置，请先安装 OpenClaw 并完成其设置。";
    /// Nobody listens.
    GatewayDown, "gateway_down",
        "The OpenClaw gateway is not running. Start it; SmartPi connects by itself.", "OpenClaw 网关没有运行。启动后 SmartPi 会自动连接。";
    /// It starts, restarts or is very busy.
    GatewayBusy, "gateway_busy",
        "The OpenClaw gateway is starting or very busy. SmartPi tries again by itself.", "OpenClaw 网关正在启动或繁忙，SmartPi 会自动重试。";
    /// Something else listens.
    GatewayNotOpenClaw, "gateway_not_openclaw",
        "Another program answers where the OpenClaw gateway should be. SmartPi told it nothing.",
        "在 OpenClaw 网关的地址上响应的是其他程序，SmartPi 没有向它发送任何密钥。";
    /// A gateway that is not this user's.
    GatewayOther, "gateway_other",
        "Another OpenClaw gateway answers at this address, not yours. SmartPi told it nothing. Stop it, or change the port of one of them.",
        "在此地址上响应的是另一个 OpenClaw 网关，而不是你的。SmartPi 没有向它发送任何密钥。请停止它，或更改其中一个的端口。";
    /// It cannot be seen whose it is.
    GatewayUnproven, "gateway_unproven",
        "SmartPi cannot see whose gateway answers at this address, so it keeps the key of OpenClaw to itself.",
        "SmartPi 无法确认在此地址上响应的是谁的网关，因此没有发送 OpenClaw 的密钥。";
    /// The gateway's own secret is another one.
    GatewayTokenWrong, "gateway_token_wrong",
        "OpenClaw does not accept its own token: what its configuration says and what the running gateway uses differ. Restart the gateway.",
        "OpenClaw 不接受配置中的令牌：配置与正在运行的网关不一致。请重启网关。";
    /// There is none.
    GatewayTokenMissing, "gateway_token_missing",
        "OpenClaw has no token that SmartPi could use. Set gateway.auth.token in OpenClaw and restart its gateway.",
        "OpenClaw 没有可供 SmartPi 使用的令牌。请在 OpenClaw 中设置 gateway.auth.token 并重启网关。";
    /// The device token of this app is worth nothing any more.
    GatewayDeviceTokenStale, "gateway_device_token_stale",
        "OpenClaw does not know SmartPi's access any more: it was made anew, revoked or removed.",
        "OpenClaw 不再承认 SmartPi 的访问权限：它已被更换、撤销或移除。";
    /// A person has to let this app in.
    GatewayPairingNeeded, "gateway_pairing_needed",
        "OpenClaw asks you to let SmartPi in. Approve its request in OpenClaw.", "OpenClaw 需要你批准 SmartPi 的接入，请在 OpenClaw 中批准该请求。";
    /// The clocks differ.
    GatewayClock, "gateway_clock",
        "The clocks of this computer and of OpenClaw differ by more than two minutes. Set the clock right.",
        "此电脑与 OpenClaw 的时钟相差超过两分钟，请校准时间。";
    /// The signature is not taken.
    GatewayKeyRefused, "gateway_key_refused",
        "OpenClaw does not accept SmartPi's key.", "OpenClaw 不接受 SmartPi 的密钥。";
    /// No common protocol.
    GatewayProtocol, "gateway_protocol",
        "This OpenClaw speaks a version of its protocol that SmartPi does not know. Update SmartPi or OpenClaw.",
        "此 OpenClaw 使用 SmartPi 不支持的协议版本，请更新 SmartPi 或 OpenClaw。";
    /// Too many tries.
    GatewayLimited, "gateway_limited",
        "OpenClaw wants fewer requests for a while. Wait a few minutes and try again.", "OpenClaw 暂时限制了请求次数，请几分钟后再试。";
    /// The request was decided or is too old.
    GatewayRequestUnknown, "gateway_request_unknown",
        "This request is gone: somebody decided it, or it is too old. The device can ask again.",
        "此请求已不存在：可能已被处理或已过期，设备可以重新申请。";
    /// No such device of the gateway.
    GatewayDeviceUnknown, "gateway_device_unknown",
        "OpenClaw does not know this device any more.", "OpenClaw 中已没有此设备。";
    /// A scope is missing.
    GatewayScope, "gateway_scope",
        "OpenClaw does not allow SmartPi to do this. Connect SmartPi anew, or do it in OpenClaw.",
        "OpenClaw 不允许 SmartPi 执行此操作。请重新连接 SmartPi，或在 OpenClaw 中操作。";
    /// The gateway is too old for it.
    GatewayUnsupported, "gateway_unsupported",
        "This version of OpenClaw cannot do that. Update OpenClaw.", "此版本的 OpenClaw 不支持该操作，请更新 OpenClaw。";
    /// This app itself.
    GatewayOurselves, "gateway_ourselves",
        "This is SmartPi itself. To take it out of OpenClaw, disconnect it on the OpenClaw page.",
        "这是 SmartPi 自身。如需移除，请在“OpenClaw”页面断开连接。";
    /// Anything else that the gateway said.
    GatewayRefused, "gateway_refused",
        "OpenClaw refused. Nothing was changed; see the detail.", "OpenClaw 拒绝了该操作，未作任何更改，详见说明。";
    /// It did not answer.
    GatewayNoAnswer, "gateway_no_answer",
        "OpenClaw did not answer in time. Look again whether it was done.", "OpenClaw 没有及时响应，请查看操作是否已生效。";
    /// What a person named as the address of a gateway is none.
    GatewayAddressBad, "gateway_address_bad", "This is not the address of an OpenClaw gateway. One looks like wss://computer:18789, in your own network also like ws://192.168.1.4:18789.", "这不是 OpenClaw 网关的地址。地址形如 wss://computer:18789，在自己的网络中也可以是 ws://192.168.1.4:18789。";
    /// Plain `ws:` to the public internet.
    GatewayAddressPublic, "gateway_address_public", "This address is on the internet, where the connection must be encrypted: use wss:// instead of ws://. Nothing was sent.", "此地址在互联网上，连接必须加密：请使用 wss://，不要使用 ws://。没有发送任何内容。";
    /// The gateway of another computer does not answer.
    GatewayUnreachable, "gateway_unreachable", "No OpenClaw answers at this address. Check the address, and that the other computer and its OpenClaw are running.", "此地址没有 OpenClaw 响应。请检查地址，并确认那台电脑和其中的 OpenClaw 正在运行。";
    /// Nobody whom this computer trusts signed its certificate, and the person has not compared it.
    GatewayCertificateUnknown, "gateway_certificate_unknown", "This computer does not know the certificate of that gateway, so nothing was sent. Compare its fingerprint with the one on the other computer first.", "此电脑不认识该网关的证书，因此没有发送任何内容。请先与那台电脑上的证书指纹核对。";
    /// It is not the one that the person trusted.
    GatewayCertificateChanged, "gateway_certificate_changed", "The certificate at this address is not the one that you trusted. SmartPi told it nothing. If it was renewed, compare the new one and choose the gateway again; if not, somebody may be listening in.", "此地址的证书不是你信任的那个，SmartPi 没有向它发送任何内容。如果证书更新过，请核对新证书后重新选择该网关；否则可能有人在窃听。";
    /// Without TLS the network can read it, and the person was not told.
    GatewayNotEncrypted, "gateway_not_encrypted", "This connection is not encrypted: others on the network could read the token and everything else. Nothing was sent. Use wss://, or agree to it.", "此连接未加密：网络中的其他人可能读取令牌和所有内容。没有发送任何内容。请使用 wss://，或确认接受。";
    /// The gateway of another computer does not take the token or password.
    GatewaySecretRefused, "gateway_secret_refused", "The OpenClaw there does not accept this token or password. Look at its gateway.auth settings, then try again.", "那台电脑上的 OpenClaw 不接受此令牌或密码。请查看其 gateway.auth 设置，然后重试。";
    /// It wants one.
    GatewaySecretNeeded, "gateway_secret_needed", "The OpenClaw there wants its token or password. It is in its settings, under gateway.auth.", "那台电脑上的 OpenClaw 需要令牌或密码，可在其设置的 gateway.auth 中找到。";
    /// Its owner has to let this app in.
    GatewayPairingElsewhere, "gateway_pairing_elsewhere", "The OpenClaw there asks its owner to let SmartPi in. On that computer run openclaw devices list, then approve the request.", "那台电脑上的 OpenClaw 需要其主人批准 SmartPi 接入。请在那台电脑上运行 openclaw devices list，然后批准该申请。";
    /// Only with the gateway of this computer.
    GatewayElsewhere, "gateway_elsewhere", "SmartPi uses the OpenClaw of another computer, where this cannot be done from here. Choose the OpenClaw of this computer, or do it there.", "SmartPi 正在使用另一台电脑上的 OpenClaw，无法在此执行该操作。请改用此电脑的 OpenClaw，或在那台电脑上操作。";
    /// Nothing can be asked of the service that runs OpenClaw.
    GatewayServiceHeld, "gateway_service_held", "This cannot be asked of OpenClaw's service at the moment. The Health page says why.", "目前无法对 OpenClaw 的服务执行此操作，“运行状况”页面说明了原因。";
    /// It was told to, and is not as it should be.
    GatewayServiceSilent, "gateway_service_silent", "OpenClaw's service was told to, but it is not as it should be yet. Look again in a minute; openclaw gateway status says more.", "已通知 OpenClaw 的服务，但它仍未达到应有的状态。请过一分钟再检查；openclaw gateway status 可查看更多信息。";
    /// A repair is going on.
    RepairRunning, "repair_running", "A repair is under way. Wait until it has ended.", "正在修复中，请等待完成。";
    /// This program ended in the middle of a repair.
    RepairInterrupted, "repair_interrupted",
        "The last repair was interrupted, and nothing of it goes on by itself. Look at what was done on the Health page first.",
        "上次修复被中断，且不会自动继续。请先在“运行状况”页面查看已完成的步骤。";
    /// There were as many as there may be in an hour.
    RepairTooMany, "repair_too_many",
        "There were several repairs within an hour. Try again later.", "一小时内已进行多次修复，请稍后再试。";
    /// It was tried and did not help.
    RepairTried, "repair_tried",
        "This repair was tried twice and did not help, so it is not tried again for now. Save a report and ask for help.",
        "此修复已尝试两次仍无效，暂不再重复。请保存报告并寻求帮助。";
    /// The facts are not those of the plan.
    RepairChanged, "repair_changed",
        "Something has changed since the look, so nothing more was done. Look again.", "检查之后情况已发生变化，未继续操作，请重新检查。";
    /// The plan is too old.
    RepairExpired, "repair_expired", "The look is too old to act on, so nothing was done. Look again.", "检查结果已过期，未作任何更改，请重新检查。";
    /// No such plan.
    RepairUnknown, "repair_unknown", "This repair is not known any more. Look again.", "找不到此修复，请重新检查。";
    /// The journal cannot be written.
    RepairNotRecorded, "repair_not_recorded",
        "SmartPi could not write down what it does, so it stopped. Check the disk space.", "SmartPi 无法记录修复过程，因此已停止，请检查磁盘空间。";
    /// Nothing was put aside.
    RepairNoUndo, "repair_no_undo",
        "Nothing of this repair can be undone.", "此修复没有可还原的内容。";
    /// A gateway was asked to end and has not yet.
    RepairStillRuns, "repair_still_runs",
        "The other OpenClaw was asked to end and still finishes something, so nothing more was done. Wait a few minutes, then look again.", "已请求另一个 OpenClaw 退出，但它仍在处理事务，因此未继续操作。请等待几分钟后重新检查。";
    /// The service manager could not do a step.
    RepairServiceFailed, "repair_service_failed",
        "Your computer's service manager could not do this step, so nothing more was done. Look again; if it stays so, save a report and ask for help.", "系统的服务管理程序未能完成此步骤，因此未继续操作。请重新检查；若仍然如此，请保存报告并寻求帮助。";
    /// No such agent.
    AgentUnknown, "agent_unknown",
        "OpenClaw has no such agent. Look at its agents again and choose one of them.", "OpenClaw 中没有此智能体，请重新查看并选择。";
    /// A binding of a person decides for this device.
    RouteByHand, "route_by_hand",
        "A rule that was written by hand into OpenClaw's configuration decides who answers this device, and SmartPi leaves it alone. Change it there, under bindings.", "OpenClaw 配置中手写的规则决定了由谁回答此设备，SmartPi 不会改动它，请在其中的 bindings 里更改。";
    /// The bindings are kept in a file of their own.
    BindingsElsewhere, "bindings_elsewhere",
        "OpenClaw's rules for who answers are kept in another file, which SmartPi does not change. Choose the agent there, under bindings.", "OpenClaw 决定由谁回答的规则保存在另一个文件中，SmartPi 不会改动它，请在其中的 bindings 里选择智能体。";
    /// The configuration is another one than the person saw.
    RouteChanged, "route_changed",
        "OpenClaw's configuration was changed in the meantime, so nothing was done. Look at the change again.", "OpenClaw 的配置刚刚被更改，因此未执行任何操作，请重新查看更改内容。";
    /// The gateway goes another way than it was told.
    RouteNotTaken, "route_not_taken",
        "OpenClaw saved the choice but another agent still answers this device. Restart OpenClaw, then look again.", "OpenClaw 已保存选择，但此设备仍由其他智能体回答。请重启 OpenClaw 后再查看。";
    /// Several agents, and nothing says which one answers.
    AgentNobody, "agent_nobody",
        "OpenClaw has several agents, and nothing says which one answers your devices. Choose one for each device, or set channels.openclaw-smartpi.defaultAgentId.", "OpenClaw 有多个智能体，但未指定由谁回答您的设备。请为每台设备选择智能体，或设置 channels.openclaw-smartpi.defaultAgentId。";
    /// There is no package of a newer release, or not as it was signed.
    ReleaseNotKept, "release_not_kept",
        "The new version is not here, or not as it came. Download it again.", "新版本的安装包不存在或已被改动，请重新下载。";
    /// The newest question ended with an error.
    ModelFailed, "model_failed",
        "The last question of a device got an error instead of an answer. Check the model and its account in OpenClaw, then ask again.", "设备的上一个问题没有得到回答，而是出现了错误。请在 OpenClaw 中检查模型及其账户，然后再次提问。";
    /// OpenClaw has not what it needs to ask the model.
    ModelNotReady, "model_not_ready",
        "OpenClaw cannot use this model: it has no sign-in or key for it. Set that up with openclaw models auth, or choose another model.", "OpenClaw 无法使用此模型：缺少登录信息或密钥。请用 openclaw models auth 设置，或选择其他模型。";
    /// OpenClaw's writer changed more than it was asked to.
    OpenClawChangedMore, "openclaw_changed_more",
        "OpenClaw saved this, and changed other settings of its own at the same time. A copy from before is kept; see the detail.", "OpenClaw 已保存，但同时改动了自己的其他设置。更改前的副本已保留，详见说明。";
    /// OpenClaw's writer lost something of others, and the file was put back.
    OpenClawPutBack, "openclaw_put_back",
        "OpenClaw would have dropped other settings with this change, so its configuration is as it was; see the detail for which. Update OpenClaw, then try again.", "此更改会使 OpenClaw 丢失其他设置，因此配置已恢复原样，涉及的设置详见说明。请更新 OpenClaw 后再试。";
}
