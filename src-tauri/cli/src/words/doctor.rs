//! The sentences of `smartpi doctor`, in both languages.

desk::words! {
    chain(): "From a device to OpenClaw:", "从设备到 OpenClaw：";
    service(): "Service", "服务";
    the_plugin(): "Plugin", "插件";
    pairing(): "SmartPi's access", "SmartPi 的访问权限";
    agent(): "Assistant", "助手";
    model(): "Model", "模型";
    works(): "works", "正常";
    works_since(when): "works, since {when}", "正常，{when} 起";
    broken(): "does not work", "无法正常工作";
    worked(when): "worked at {when}", "{when} 时正常";
    worked_once(): "worked at an earlier look", "早先检查时正常";
    unproven(): "answers, but has not proven who it is", "有响应，但未能证明身份";
    unseen(): "cannot be seen", "无法查看";
    not_looked(): "not looked at", "未检查";
    on_other_computer(): "on another computer", "位于另一台电脑上";
    behind(link): "can be seen once this works: {link}", "“{link}”恢复正常后才能检查";
    not_used(): "not used", "未使用";

    plugin(): "The plugin in OpenClaw:", "OpenClaw 中的插件：";
    plugin_elsewhere(): "OpenClaw is on another computer. Its plugin is not looked at from here.", "OpenClaw 在另一台电脑上，无法从此处检查其中的插件。";
    installed(): "Installed", "已安装";
    ours(): "SmartPi's own", "是 SmartPi 自己的";
    version_fits(): "Version fits", "版本相符";
    host_fits(): "OpenClaw fits", "OpenClaw 版本足够新";
    enabled(): "Switched on", "已启用";
    allowed(): "Allowed to run", "已允许运行";
    channel(): "Set up", "已设置为频道";
    connected(): "Connected", "已连接";
    yes(): "yes", "是";
    fix_install(): "no. To install it: smartpi plugin install", "否。安装：smartpi plugin install";
    fix_replace(): "no. To update it: smartpi plugin install", "否。更新：smartpi plugin install";
    fix_entry(): "no. To put it right: smartpi repair --entries", "否。修正：smartpi repair --entries";
    fix_undeny(): "no: OpenClaw's configuration forbids it. Look at plugins.deny and plugins.enabled there.", "否：OpenClaw 的配置禁止它运行。请查看其中的 plugins.deny 和 plugins.enabled。";
    fix_restart(): "no. So that OpenClaw loads it: openclaw gateway restart", "否。重新启动 OpenClaw 使其加载：openclaw gateway restart";
    fix_leave_alone(): "no: it is another plugin of the same name. SmartPi leaves it alone; its own commands manage its devices.", "否：这是另一个同名插件。SmartPi 不会改动它，请用它自己的命令管理设备。";
    fix_update_app(): "no: it is newer than SmartPi. Update SmartPi.", "否：它比 SmartPi 新。请更新 SmartPi。";
    fix_update_openclaw(): "no: this OpenClaw is too old for it. Update OpenClaw.", "否：此 OpenClaw 的版本过旧。请更新 OpenClaw。";

    gone(): "Gone from OpenClaw's configuration:", "OpenClaw 的配置中缺少：";
    gone_channel(when): "The channel for your devices, noticed: {when}", "设备使用的频道，发现于：{when}";
    gone_plugin(when): "The plugin's own entry, noticed: {when}", "插件自己的条目，发现于：{when}";
    gone_allowed(when): "Its name among the allowed plugins, noticed: {when}", "允许的插件列表中的名称，发现于：{when}";
    put_back(): "To put it back: smartpi repair --entries", "恢复：smartpi repair --entries";

    traps(): "Good to know about OpenClaw's configuration:", "关于 OpenClaw 的配置：";
    silent_agents(path): "The list {path} leaves out \"message\", so your agents cannot speak to a device by themselves. Answers still come. To change that, add \"message\" to it.", "{path} 列表中没有 message，智能体无法主动向设备发消息，但回答不受影响。如需更改，请将 message 加入其中。";
    silent_agent(path, agent): "The list {path} leaves out \"message\", so the agent {agent} cannot speak to a device by itself. Answers still come. To change that, add \"message\" to it.", "{path} 列表中没有 message，智能体 {agent} 无法主动向设备发消息，但回答不受影响。如需更改，请将 message 加入其中。";
    plain_secrets(paths): "Secrets stand there in plain words, for everybody who can read the file: {paths}. To keep them elsewhere: openclaw secrets configure", "以下机密以明文保存，能读取此文件的人都能看到：{paths}。如需保存在别处：openclaw secrets configure";
}
