//! The sentences about the service that runs OpenClaw, in both languages.

desk::words! {
    started(): "OpenClaw runs.", "OpenClaw 已启动。";
    ended(): "OpenClaw is stopped.", "OpenClaw 已停止。";
    restarted(): "OpenClaw runs again.", "OpenClaw 已重新运行。";
    installed(): "OpenClaw's service is installed and runs.", "OpenClaw 的服务已安装并运行。";
    removed(): "OpenClaw's service is removed. Its configuration and its agents stay.", "OpenClaw 的服务已移除，配置和智能体保留。";
    ask_stop(): "Stop OpenClaw? Your devices get no answers until it runs again; what they say is kept. Its other channels and scheduled tasks stop too. It finishes first what it is working on. (y/N) ",
        "要停止 OpenClaw 吗？在它再次运行之前，设备得不到回答，但所说的内容会保留。它的其他频道和定时任务也会停止。它会先完成正在处理的工作。(y/N) ";
    ask_restart(): "Restart OpenClaw? Your devices wait for about a minute; what they say is kept. It finishes first what it is working on. (y/N) ",
        "要重启 OpenClaw 吗？设备需等待大约一分钟，所说的内容会保留。它会先完成正在处理的工作。(y/N) ";
    ask_install(): "Install OpenClaw's service? OpenClaw writes it down and starts it, and it starts with your session from then on. (y/N) ",
        "要安装 OpenClaw 的服务吗？OpenClaw 会写入服务定义并启动服务，之后登录时自动启动。(y/N) ";
    ask_uninstall(): "Remove OpenClaw's service? It is stopped and does not start by itself any more. Configuration and agents stay. (y/N) ",
        "要移除 OpenClaw 的服务吗？服务会停止，之后不再自动启动。配置和智能体都会保留。(y/N) ";
    named(unit, state): "OpenClaw's service {unit}: {state}", "OpenClaw 的服务 {unit}：{state}";
    absent(): "OpenClaw has no service on this computer. To install it: smartpi gateway install", "此电脑上没有 OpenClaw 的服务。安装：smartpi gateway install";
    by_hand(): "OpenClaw runs, started by hand and by no service.", "OpenClaw 正在运行，由手动启动，没有服务。";
    running(): "it runs", "正在运行";
    changing(): "it starts or ends just now", "正在启动或停止";
    restarting(): "it ended, and is started again", "已退出，正在重新启动";
    failed(): "it failed to start", "启动失败";
    stopped(): "it is stopped", "已停止";
    held_several(): "Several services are about this OpenClaw. Settle first which one counts: smartpi doctor", "有多个服务指向这个 OpenClaw，请先确定保留哪一个：smartpi doctor";
    held_system(): "It belongs to the whole computer: an administrator starts and stops it.", "它属于整台电脑，需由管理员启动或停止。";
    held_other_name(): "OpenClaw's command does not know a service of this name. Start and stop it where it was set up.", "OpenClaw 的命令不认识此名称的服务，请在当初设置它的地方启动或停止。";
    held_masked(): "Somebody forbade that it starts. Whoever did has to allow it again.", "有人禁止了它启动，需由其重新允许。";
    held_port_taken(): "Another program has OpenClaw's place and would be ended. To see which: smartpi doctor", "另一个程序占用了 OpenClaw 的位置，启动服务会将其结束。查看：smartpi doctor";
    held_unseen(): "SmartPi cannot see whose OpenClaw runs, so it starts and stops none.", "SmartPi 无法确认正在运行的是谁的 OpenClaw，因此不会启动或停止它。";
    held_external(): "Something else looks after OpenClaw's service here. Start and stop it there.", "此处的 OpenClaw 服务由其他程序管理，请在那里启动或停止。";
    held_by_hand(): "End it where it was started. Its service can be used then.", "请先在启动它的地方结束它，然后即可使用服务。";
}
