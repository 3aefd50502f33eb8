//! The words of the notifications: a title that tells it all, a body that adds what it means or what to do.

crate::words! {
    /// One came.
    connected(name): "{name} connected", "“{name}”已连接";
    /// Several came.
    connected_many(count): "{count} devices connected", "{count} 台设备已连接";
    /// One left.
    disconnected(name): "{name} disconnected", "“{name}”已断开连接";
    /// Several left.
    disconnected_many(count): "{count} devices disconnected", "{count} 台设备已断开连接";
    /// The names of a group.
    list(names): "{names}.", "{names}。";
    /// What leaving means.
    kept_for_it(): "Messages for it are kept until it is back.", "发给它的消息会保留，等它回来后送达。";
    /// What leaving means for several.
    kept_for_them(): "Messages for them are kept until they are back.", "发给它们的消息会保留，等它们回来后送达。";
    /// A device is bound.
    bound(name): "{name} is bound", "“{name}”已绑定";
    /// What that means.
    may_talk(): "It can talk to your assistant now. Not yours? Remove it.", "现在可以与助手对话了。如果不是您的设备，请将其移除。";
    /// A device was removed.
    removed(name): "{name} was removed", "“{name}”已移除";
    /// What that means.
    no_longer(): "It can no longer connect. To use it again, bind it again.", "它将无法再连接。如需继续使用，请重新绑定。";
    /// One waits.
    confirm(name): "{name} wants to connect", "“{name}”请求连接";
    /// Several wait.
    confirm_many(count): "{count} devices want to connect", "{count} 台设备请求连接";
    /// It shows digits.
    enter_code(): "Enter the digits that it shows. If you do not know this device, refuse it.", "请输入设备显示的数字。如果不认识此设备，请拒绝。";
    /// It shows nothing.
    allow_it(): "Allow it only if you have just started this yourself.", "仅在您本人刚刚发起绑定时才允许。";
    /// Several claims.
    look_at_them(): "Refuse what you do not know.", "不认识的设备请拒绝。";
    /// One asks OpenClaw.
    pairing(name): "{name} asks OpenClaw for access", "“{name}”请求接入 OpenClaw";
    /// Several ask.
    pairing_many(count): "{count} devices ask OpenClaw for access", "{count} 台设备请求接入 OpenClaw";
    /// What to do about it.
    approve_if_yours(): "It would be able to use OpenClaw on this computer. Approve it only if it is yours.", "批准后，它可以使用此电脑上的 OpenClaw。请仅批准您自己的设备。";
    /// The service does not run.
    not_running(): "SmartPi is not running", "SmartPi 未能运行";
    /// The port's holder is known.
    port_held(port, holder): "Port {port} is used by {holder}. Close that program, or choose another port in the settings.", "端口 {port} 被 {holder} 占用。请关闭该程序，或在设置中换一个端口。";
    /// The port's holder is not known.
    port_taken(port): "Port {port} is used by another program. Close it, or choose another port in the settings.", "端口 {port} 被其他程序占用。请关闭该程序，或在设置中换一个端口。";
    /// Something cannot be saved.
    cannot_save(): "SmartPi cannot save", "SmartPi 无法保存数据";
    /// The disk takes messages again.
    saves_again(): "SmartPi saves again", "SmartPi 已恢复保存";
    /// What that means.
    kept_come(): "Your devices send what they kept. Nothing to do.", "设备会自动发送保留的消息，无需操作。";
    /// What was saved is damaged, or was.
    damaged(): "Saved data was damaged", "已保存的数据损坏";
    /// It is as it was then.
    restored(time): "SmartPi went back to its last good copy, of {time}. Messages after that may be missing.", "SmartPi 已恢复到 {time} 的完好备份，此后的消息可能缺失。";
    /// Another trouble.
    trouble(): "SmartPi has a problem", "SmartPi 遇到问题";
    /// No tray.
    no_icon(): "SmartPi is running without an icon", "SmartPi 正在运行，但无法显示图标";
    /// The assistant is away.
    assistant_down(): "OpenClaw is not connected", "OpenClaw 未连接";
    /// What that means.
    questions_kept(): "Your devices get no answers for now. Their messages are kept until it is back.", "设备暂时收不到回答，消息会保留到连接恢复。";
    /// The assistant is back.
    assistant_up(): "OpenClaw is connected again", "OpenClaw 已恢复连接";
    /// What that means.
    answers_again(): "Your devices get answers again.", "设备可以继续收到回答了。";
    /// Entries of ours are gone.
    entries_gone(): "SmartPi's entry is gone from OpenClaw", "OpenClaw 中的 SmartPi 条目不见了";
    /// When, and what to do.
    entries_gone_at(time): "Noticed at {time}: somebody removed it from OpenClaw's configuration. Without it your devices may get no answers. Put it back?", "{time} 发现：它已从 OpenClaw 的配置中移除，设备可能因此收不到回答。要恢复吗？";
    /// Button.
    entries_look(): "Look at it", "查看";
    /// A newer release is there.
    new_release(version): "SmartPi {version} is out", "SmartPi {version} 已发布";
    /// Where to read of it.
    whats_new(): "See in the settings what is new, and download it when it suits you.", "可在设置中查看更新内容，方便时再下载。";
    /// The service runs, without the person having done so here.
    started(): "SmartPi is running", "SmartPi 已运行";
    /// What that means.
    may_connect(): "Your devices can connect.", "设备可以连接了。";
    /// The service was stopped, not by the person here.
    stopped(): "SmartPi was stopped", "SmartPi 已停止";
    /// What that means.
    start_again(): "Your devices stay disconnected until you start it again.", "在您重新启动之前，设备将保持断开。";
    /// Button.
    show(): "Show", "查看";
    /// Button.
    enter(): "Enter code", "输入数字";
    /// Button.
    decide(): "Decide", "去确认";
    /// Button.
    settings(): "Settings", "打开设置";
    /// Button.
    window(): "Open window", "打开窗口";
}
