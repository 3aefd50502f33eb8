//! The sentences of `smartpi gateway`, in both languages.

desk::words! {
    off(): "SmartPi is not connected to OpenClaw. To connect it: smartpi gateway connect", "SmartPi 尚未连接 OpenClaw。连接：smartpi gateway connect";
    connecting(url): "SmartPi is connecting to OpenClaw at {url}.", "SmartPi 正在连接 {url} 的 OpenClaw。";
    online(url, version): "SmartPi is connected to OpenClaw {version} at {url}.", "SmartPi 已连接 {url} 的 OpenClaw {version}。";
    waiting(url): "SmartPi is not connected to OpenClaw at {url} and tries again by itself.", "SmartPi 未连接到 {url} 的 OpenClaw，会自动重试。";
    stuck(): "SmartPi cannot connect to OpenClaw.", "SmartPi 无法连接 OpenClaw。";
    wished(): "SmartPi connects to OpenClaw from now on. To see how it stands: smartpi gateway status", "SmartPi 将保持与 OpenClaw 的连接。查看状态：smartpi gateway status";
    unwished(): "SmartPi is disconnected from OpenClaw. It stays known there; to remove it, use OpenClaw.", "SmartPi 已断开与 OpenClaw 的连接。OpenClaw 仍保留此设备，如需移除请在 OpenClaw 中操作。";
    requests(): "Ask for access:", "请求接入：";
    no_requests(): "Nobody asks for access.", "没有设备请求接入。";
    devices(): "Have access:", "已接入：";
    no_devices(): "No device has access.", "没有已接入的设备。";
    request_line(id, name, platform, wants): "{id}  {name}  {platform}  wants: {wants}", "{id}  {name}  {platform}  申请：{wants}";
    more(): "more than it has", "扩大已有权限";
    ours(): "this app", "本应用";
    connected(): "connected", "已连接";
    seen(ago): "seen {ago}", "{ago}在线";
    never(): "never seen", "从未在线";
    head_device(): "Device", "设备";
    head_scopes(): "Allowed", "权限";
    ask_approve(name, wants): "\"{name}\" would be allowed: {wants}. Approve? (y/N) ", "“{name}”将获得权限：{wants}。是否批准？(y/N) ";
    approved(name): "\"{name}\" has access now.", "“{name}”已获准接入。";
    rejected(name): "\"{name}\" was turned away.", "已拒绝“{name}”。";
    ask_remove(name): "Remove \"{name}\" from OpenClaw? Its connections close, and it must ask for access again. (y/N) ", "要从 OpenClaw 移除“{name}”吗？它的连接会断开，之后需要重新申请接入。(y/N) ";
    removed(name): "\"{name}\" was removed from OpenClaw.", "已从 OpenClaw 移除“{name}”。";
    renamed(name): "It is called \"{name}\" now.", "已更名为“{name}”。";
    ask_rotate(name, role): "Make the {role} token of \"{name}\" anew? The old one ends at once; the device needs the gateway's own token or password to get the new one. (y/N) ",
        "要更换“{name}”的 {role} 令牌吗？旧令牌立即失效，设备需要用网关自身的令牌或密码重新连接才能取得新令牌。(y/N) ";
    rotated(name): "The old token of \"{name}\" has ended.", "“{name}”的旧令牌已失效。";
    ask_revoke(name, role): "End the {role} token of \"{name}\"? (y/N) ", "要撤销“{name}”的 {role} 令牌吗？(y/N) ";
    revoked(name): "The token of \"{name}\" has ended.", "“{name}”的令牌已撤销。";
    ask_clear(word): "Remove every device from OpenClaw but SmartPi, and turn away all that ask? Type {word} to do it: ", "要从 OpenClaw 移除除 SmartPi 以外的所有设备，并拒绝所有申请吗？输入 {word} 以继续：";
    ask_clear_pending(word): "Turn away all devices that ask for access? Type {word} to do it: ", "要拒绝所有接入申请吗？输入 {word} 以继续：";
    clear_word(): "clear", "清空";
    cleared(removed, rejected): "Removed: {removed}. Turned away: {rejected}.", "已移除 {removed} 台，已拒绝 {rejected} 个申请。";
    terminal_needed(): "This needs a person: run the command in a terminal.", "此操作需要本人确认：请在终端中运行此命令。";
    no_such_request(id): "Nobody asks for access with this id: {id}. To see who does: smartpi gateway devices list", "没有此编号的申请：{id}。查看申请：smartpi gateway devices list";
    no_such_device(what): "OpenClaw has no device called \"{what}\", nor one whose id begins so. To see them: smartpi gateway devices list", "OpenClaw 中没有名为“{what}”或以此开头的设备。查看设备：smartpi gateway devices list";
    several_devices(what): "Several devices of OpenClaw are called \"{what}\". Use the id.", "OpenClaw 中有多个设备叫“{what}”，请使用编号。";
}
