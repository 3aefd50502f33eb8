//! What a person reads of a repair before they agree, in both languages. The window says the same in its own: `ui/src/locales/*/repair.ts`.

desk::words! {
    exactly(what): "      exactly: {what}", "      具体操作：{what}";
    own(): "among SmartPi's own keys", "SmartPi 自己的密钥";
    connect(port): "a connection to ws://127.0.0.1:{port}", "连接 ws://127.0.0.1:{port}";
    config(paths): "in OpenClaw's configuration: {paths}", "OpenClaw 的配置项：{paths}";
    open(): "in your browser", "在浏览器中";
    person(): "your part: stop it where it runs, then start it again", "由你操作：在它运行的地方停止，再重新启动";

    meanwhile(what): "   Meanwhile: {what}", "   修复期间：{what}";
    stops_nothing(): "nothing stops.", "不会中断任何功能。";
    stops_our_link(): "SmartPi is disconnected from OpenClaw for a moment. Your devices go on talking.", "SmartPi 会与 OpenClaw 短暂断开，设备的对话不受影响。";
    stops_token_clients(): "apps that use OpenClaw's token are turned away until they have the new one.", "使用 OpenClaw 令牌的应用会被拒绝，直到获得新令牌。";
    stops_gateway(): "OpenClaw stops, for seconds up to some minutes. Conversations that are going on end; your devices wait, and their messages are kept.", "OpenClaw 会停止数秒至数分钟。正在进行的对话会结束，设备会等待，消息会保留。";
    at_worst(what): "   At worst: {what}", "   最坏情况：{what}";
    risk_none(): "it stays as broken as it is.", "故障依旧。";
    risk_some(): "something that works without SmartPi needs a hand afterwards.", "某个不依赖 SmartPi 的应用之后需要你处理。";
    risk_interrupts(): "work that OpenClaw is doing right now is interrupted.", "OpenClaw 正在进行的工作会中断。";
    undo(what): "   Undo: {what}", "   还原：{what}";
    undo_put_back(): "what is put aside or switched can be put back.", "收起或切换的内容可以恢复。";
    undo_nothing(): "nothing needs undoing.", "没有需要还原的内容。";
    undo_not(steps): "step {steps} cannot be undone.", "第 {steps} 步无法还原。";
    token(what): "   OpenClaw's own token: {what}", "   OpenClaw 自身的令牌：{what}";
    sent_to_nobody(): "it is sent to nobody.", "不会发送给任何一方。";
    sent(): "it is sent to your own OpenClaw on this computer, and only after SmartPi has proven that it is yours.", "只会发送给此电脑上你自己的 OpenClaw，并且会先确认它属于你。";
    sent_to(port): "it is sent to your own OpenClaw on this computer (port {port}), and only after SmartPi has proven that it is yours.", "只会发送给此电脑上你自己的 OpenClaw（端口 {port}），并且会先确认它属于你。";

    site_data(place): "   If the browser is still turned away: close the other tabs of the dashboard, delete what the browser keeps for {place} (its site data), then open a fresh link.",
        "   如果浏览器仍被拒绝：请关闭控制台的其他标签页，在浏览器中清除 {place} 的网站数据，然后打开新链接。";
    link(url): "No browser can be opened from here. This link signs in once, so show it to nobody:\n{url}", "此处无法打开浏览器。以下链接可登录一次，请勿给他人看到：\n{url}";
    link_plain(url): "No browser can be opened from here. Open this yourself, and sign in with OpenClaw's token: {url}", "此处无法打开浏览器。请自行打开此地址，并用 OpenClaw 的令牌登录：{url}";
    tunnel(port): "It leads to this computer. From another one, first: ssh -N -L {port}:127.0.0.1:{port} USER@HOST", "该地址指向此电脑。如在另一台电脑上打开，请先运行：ssh -N -L {port}:127.0.0.1:{port} 用户名@主机";
    no_link(): "OpenClaw gave no link. Try it yourself: openclaw dashboard", "OpenClaw 没有给出链接。请自行尝试：openclaw dashboard";
}
