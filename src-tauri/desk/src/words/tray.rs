//! The tray's words.

crate::words! {
    /// With the product's name, for a system that shows it over the icon.
    tooltip(first): "SmartPi: {first}", "SmartPi：{first}";
    /// The service runs.
    running(since): "Running since {since}", "运行中（{since}）";
    /// A device is being answered.
    answering(name): "Answering {name}", "正在回答“{name}”";
    /// Several are.
    answering_many(count): "Answering {count} devices", "正在回答 {count} 台设备";
    /// The service is being started.
    starting(): "Starting…", "正在启动…";
    /// The service says goodbye.
    stopping(): "Stopping…", "正在停止…";
    /// The person stopped the service.
    stopped(since): "Stopped since {since}", "已停止（{since}）";
    /// The service should run and cannot.
    failed(since): "Not running since {since}", "未运行（{since}）";
    /// The port's holder is known.
    port_held(port, holder): "Not running: port {port} is used by {holder}", "未运行：端口 {port} 被 {holder} 占用";
    /// The port's holder is not known.
    port_taken(port): "Not running: port {port} is in use", "未运行：端口 {port} 已被占用";
    /// The system refuses the address.
    address_refused(): "Not running: the network address cannot be used", "未运行：无法使用该网络地址";
    /// The store cannot be opened.
    store_unusable(): "Not running: its saved data cannot be opened", "未运行：无法打开已保存的数据";
    /// The keys cannot be read.
    keys_unusable(): "Not running: its own keys cannot be read", "未运行：无法读取自己的密钥";
    /// Opens what to do about a failure.
    what_to_do(): "See what to do…", "查看解决办法…";
    /// Something cannot be saved.
    cannot_save(): "SmartPi cannot save. See what to do…", "SmartPi 无法保存数据，查看解决办法…";
    /// A damaged store was replaced.
    restored(): "Saved data was damaged and restored. See details…", "数据曾损坏，已从备份恢复，查看详情…";
    /// A damaged store was replaced by an empty one, or is damaged now.
    damaged(): "Saved data is damaged. See what to do…", "已保存的数据损坏，查看解决办法…";
    /// A second gateway wanted in.
    gateway_refused(): "Another OpenClaw was refused. See details…", "已拒绝另一个 OpenClaw，查看详情…";
    /// The assistant is away.
    assistant_away(since): "OpenClaw not connected since {since}", "OpenClaw 未连接（{since}）";
    /// No assistant was ever connected.
    assistant_never(): "OpenClaw is not connected yet. Connect it…", "尚未连接 OpenClaw，立即连接…";
    /// The echo answers.
    practice(): "Practice answers only. Connect OpenClaw…", "目前只有练习回答，连接 OpenClaw…";
    /// Starts the service.
    start(): "Start service", "启动服务";
    /// Stops the service.
    stop(): "Stop service", "停止服务";
    /// Binds.
    bind(): "Bind a device…", "绑定设备…";
    /// A device shows its digits.
    bind_code(name): "{name} is waiting for your code…", "“{name}”正在等待输入验证码…";
    /// A device without a screen waits.
    bind_allow(name): "{name} is waiting for your approval…", "“{name}”正在等待确认…";
    /// Several wait.
    bind_many(count): "{count} devices are waiting for you…", "有 {count} 台设备正在等待确认…";
    /// The devices.
    devices(): "Devices", "设备";
    /// None is bound.
    no_devices(): "No devices yet", "还没有设备";
    /// Those that the menu does not list.
    more(): "More…", "更多…";
    /// A device and its state.
    device(name, state): "{name}: {state}", "{name}：{state}";
    /// Short state.
    online(): "online", "在线";
    /// Short state.
    unsure(): "unsure", "状态不明";
    /// Short state.
    offline(since): "offline since {since}", "离线（{since}）";
    /// Short state.
    never(): "not connected yet", "尚未连接";
    /// Short state.
    talking(): "talking", "对话中";
    /// One reply waits.
    waits(): "1 message waits", "1 条消息待接收";
    /// Several replies wait.
    wait(count): "{count} messages wait", "{count} 条消息待接收";
    /// State in full.
    online_since(since): "Online since {since}", "在线（{since}）";
    /// State in full.
    unsure_since(heard): "Unsure: last heard at {heard}", "状态不明，最后联系时间：{heard}";
    /// State in full.
    offline_since(since): "Offline since {since}", "离线（{since}）";
    /// State in full.
    never_connected(): "Not connected yet", "尚未连接";
    /// Opens the device.
    open(): "Open", "打开";
    /// Its coming and going is not told.
    mute(): "Mute notifications", "关闭通知";
    /// Sends a sentence.
    test(): "Send test message", "发送测试消息";
    /// Asks whether to remove it.
    remove(): "Remove…", "移除…";
    /// The page that a phone would open.
    phone_page(): "Open phone page", "打开手机页面";
    /// What happened.
    activity(): "Activity…", "动态…";
    /// Whether everything works.
    health(): "Health…", "运行状况…";
    /// Something does not.
    unwell(): "Health: something does not work…", "运行状况：有问题需要处理…";
    /// OpenClaw and the service that runs it.
    gateway(): "OpenClaw's service", "OpenClaw 服务";
    /// Its service runs.
    gateway_running(): "OpenClaw's service runs", "OpenClaw 服务正在运行";
    /// It starts or ends.
    gateway_changing(): "OpenClaw's service is changing…", "OpenClaw 服务正在切换…";
    /// It runs without a service.
    gateway_by_hand(): "OpenClaw runs, started by hand", "OpenClaw 正在运行（手动启动）";
    /// Its service is stopped.
    gateway_stopped(): "OpenClaw's service is stopped", "OpenClaw 服务已停止";
    /// Its service failed.
    gateway_failed(): "OpenClaw's service failed", "OpenClaw 服务启动失败";
    /// It has no service.
    gateway_absent(): "OpenClaw has no service yet", "OpenClaw 尚未安装服务";
    /// Asks whether to start it.
    gateway_start(): "Start OpenClaw…", "启动 OpenClaw…";
    /// Asks whether to stop it.
    gateway_stop(): "Stop OpenClaw…", "停止 OpenClaw…";
    /// Asks whether to restart it.
    gateway_restart(): "Restart OpenClaw…", "重启 OpenClaw…";
    /// Asks whether to install its service.
    gateway_install(): "Install OpenClaw's service…", "安装 OpenClaw 服务…";
    /// Asks whether to remove its service.
    gateway_uninstall(): "Remove OpenClaw's service…", "移除 OpenClaw 服务…";
    /// A newer release is there.
    new_release(version): "New version {version}…", "新版本 {version}…";
    /// The settings.
    settings(): "Settings…", "设置…";
    /// Starts with the session.
    autostart(): "Start at login", "登录时启动";
    /// Ends the program; nobody is connected.
    quit(): "Quit SmartPi", "退出 SmartPi";
    /// Ends the program and one connection.
    quit_one(): "Quit SmartPi (1 device will be disconnected)", "退出 SmartPi（1 台设备将断开连接）";
    /// Ends the program and its connections.
    quit_many(count): "Quit SmartPi ({count} devices will be disconnected)", "退出 SmartPi（{count} 台设备将断开连接）";
}
