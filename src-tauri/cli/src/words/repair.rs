//! The sentences of `smartpi repair` and of what `smartpi doctor` finds, in both languages.

desk::words! {
    all_well(): "Nothing is wrong between SmartPi and OpenClaw, as far as can be seen.", "SmartPi 与 OpenClaw 之间未发现问题。";
    found(number, what): "{number}. {what}", "{number}. {what}";
    can_mend(fingerprint): "   SmartPi can mend this: smartpi repair --apply {fingerprint}", "   SmartPi 可以修复：smartpi repair --apply {fingerprint}";
    step(number, what): "   {number}) {what}", "   {number}) {what}";
    undo(id): "To put back what was put aside: smartpi repair --undo {id}", "如需恢复已暂存的内容：smartpi repair --undo {id}";
    ask_apply(word): "Type {word} to do this: ", "输入 {word} 以继续：";
    may_stop_waiting(): "While the other OpenClaw finishes its work: Ctrl-C to wait no longer.", "在另一个 OpenClaw 完成工作期间，按 Ctrl-C 可不再等待。";
    apply_word(): "repair", "修复";
    entries_written(): "SmartPi's entries are written. To see how it is now: smartpi doctor", "SmartPi 的条目已写入。查看当前状况：smartpi doctor";
    undone(): "It is put back as it was.", "已恢复原状。";
    no_such_plan(fingerprint): "There is no such repair now: {fingerprint}. To see what can be mended: smartpi repair --plan", "现在没有此修复：{fingerprint}。查看可修复的问题：smartpi repair --plan";
    nothing_to_mend(): "There is nothing that SmartPi could mend by itself.", "没有 SmartPi 可以自行修复的问题。";

    verified(): "Done, and it works: looked twice.", "已修复，两次检查均正常。";
    did_not_help(): "All of it was done, and it did not help.", "步骤均已完成，但问题仍在。";
    failed(number, why): "Step {number} failed, and nothing was done after it. {why}", "第 {number} 步失败，之后未继续。{why}";
    changed(number): "Something changed before step {number}, so nothing more was done. Look again: smartpi doctor", "第 {number} 步之前情况已变化，未继续操作。请重新检查：smartpi doctor";

    nobody_listens(): "The OpenClaw gateway is not running.", "OpenClaw 网关没有运行。";
    foreign_program(): "Another program answers where the OpenClaw gateway should be.", "在 OpenClaw 网关的地址上响应的是其他程序。";
    wrong_instance(): "Another OpenClaw gateway answers, not yours. This is no matter of tokens.", "响应的是另一个 OpenClaw 网关，而不是你的。这与令牌无关。";
    cannot_tell(): "SmartPi cannot see whose gateway answers.", "SmartPi 无法确认响应的是谁的网关。";
    hung(): "The OpenClaw gateway is there and does not answer.", "OpenClaw 网关存在但没有响应。";
    shared_token_wrong(): "OpenClaw does not accept the token of its own configuration.", "OpenClaw 不接受其配置中的令牌。";
    copies_differ(): "Several copies of OpenClaw's token differ from one another.", "OpenClaw 令牌的多处副本不一致。";
    device_token_stale(): "OpenClaw does not know SmartPi's access any more.", "OpenClaw 不再承认 SmartPi 的访问权限。";
    token_missing(): "OpenClaw wants its token, and SmartPi has none.", "OpenClaw 需要令牌，而 SmartPi 没有。";
    no_auth_configured(): "OpenClaw has no token in its configuration and makes a new one at each start.", "OpenClaw 的配置中没有令牌，每次启动都会生成新的。";
    signature_invalid(): "OpenClaw does not accept SmartPi's key.", "OpenClaw 不接受 SmartPi 的密钥。";
    clock_wrong(): "The clocks of this computer and of OpenClaw differ too much.", "此电脑与 OpenClaw 的时钟相差过大。";
    pairing_pending(): "OpenClaw wants somebody to let SmartPi in.", "OpenClaw 需要有人批准 SmartPi 的接入。";
    scope_missing(): "SmartPi's access to OpenClaw allows less than it needs.", "SmartPi 在 OpenClaw 中的权限不足。";
    protocol_mismatch(): "OpenClaw and SmartPi are of versions that do not fit.", "OpenClaw 与 SmartPi 的版本不匹配。";
    rate_limited(): "OpenClaw wants fewer tries for a while.", "OpenClaw 暂时限制了请求次数。";
    dead_records(): "OpenClaw remembers earlier installations of SmartPi that nobody uses.", "OpenClaw 中保留着不再使用的旧 SmartPi 记录。";
    dashboard_stale(): "A browser uses an old link to OpenClaw's dashboard.", "有浏览器在使用过期的 OpenClaw 控制台链接。";
    entries_missing(): "SmartPi's entries were missing in OpenClaw's configuration.", "OpenClaw 的配置中缺少 SmartPi 的条目。";
    unrecognised(): "OpenClaw refuses for a reason that this version does not know.", "OpenClaw 拒绝了请求，原因此版本无法识别。";
    restart_war(): "Two services start OpenClaw gateways on one port and keep ending each other's.", "两个系统服务在同一端口上启动 OpenClaw 网关，并不断互相终止。";
    two_services(): "Two services start OpenClaw gateways on one port. Only one of them can be there.", "两个系统服务都会在同一端口上启动 OpenClaw 网关，两者只能有一个。";
    service_and_copy(): "The OpenClaw gateway was started by hand, beside the service that starts it too.", "OpenClaw 网关是手动启动的，而另有系统服务也会启动它。";
    legacy_service(): "A service of an earlier release of OpenClaw is still installed.", "仍安装着旧版 OpenClaw 的系统服务。";
    service_path_gone(): "The service of OpenClaw starts from a file that is not there any more.", "OpenClaw 的系统服务指向的文件已不存在。";
    service_path_temporary(): "The service of OpenClaw starts from a folder for temporary files.", "OpenClaw 的系统服务从临时文件夹启动。";
    service_port_differs(): "The service starts OpenClaw on another port than its configuration says.", "系统服务启动 OpenClaw 的端口与配置不一致。";
    service_off(): "The service of OpenClaw is installed, and switched off.", "OpenClaw 的系统服务已安装，但处于关闭状态。";
    crash_loop(): "The service of OpenClaw keeps failing.", "OpenClaw 的系统服务反复出错。";

    of_service(unit, how): "   Service {unit}: {how}", "   系统服务 {unit}：{how}";
    of_service_on(unit, port, how): "   Service {unit}, port {port}: {how}", "   系统服务 {unit}，端口 {port}：{how}";
    is_running(): "runs", "正在运行";
    is_changing(): "is starting or ending", "正在启动或结束";
    is_restarting(times): "ended and is started again; {times} times by now", "已结束并将再次启动，至今 {times} 次";
    is_failed(): "failed", "已出错停止";
    is_stopped(): "is stopped", "已停止";
    of_process(program, pid): "   {program}, process {pid}", "   {program}，进程 {pid}";
    of_missing(path): "   not there: {path}", "   不存在：{path}";
    of_temporary(path): "   temporary: {path}", "   临时：{path}";
    of_next_start(unit, pid): "   The next start of {unit} ends process {pid}.", "   {unit} 下次启动时会终止进程 {pid}。";

    keep_one_service(): "   Keep one of them. Give the other its own port, or switch it off:", "   请只保留其中一个，为另一个换用其他端口，或将其关闭：";
    stop_copy(): "   End the one that was started by hand. Then start the service:", "   请结束手动启动的网关，然后启动系统服务：";
    reinstall_service(): "   Have OpenClaw write its service anew:", "   请让 OpenClaw 重新写入系统服务：";
    start_service(): "   Switch it on:", "   请将其开启：";
    leave_to_keeper(): "   Something else on this computer looks after this service. Change it there; SmartPi leaves it alone.", "   此系统服务由电脑上的其他工具管理，请在那里更改，SmartPi 不会改动。";
    read_service_log(): "   See why:", "   查看原因：";

    not_about_tokens(): "   SmartPi touches no token here. Stop the other program, or give one of the two another port.", "   SmartPi 不会更改任何令牌。请停止另一个程序，或更改其中一个的端口。";
    start_gateway(): "   Start it: openclaw gateway start", "   请启动：openclaw gateway start";
    wake_gateway(): "   Restart it: openclaw gateway restart", "   请重启：openclaw gateway restart";
    set_clock(): "   Set this computer's clock right.", "   请校准此电脑的时间。";
    update(): "   Update the older of the two.", "   请更新较旧的一方。";
    enter_token(): "   Keep OpenClaw's token in one place that both read, such as OPENCLAW_GATEWAY_TOKEN in the file .env of OpenClaw's folder, and the same wherever else it is set.", "   请将 OpenClaw 的令牌保存在双方都能读取的位置，例如 OpenClaw 文件夹中 .env 文件的 OPENCLAW_GATEWAY_TOKEN，并使其他位置保持一致。";
    mend_reference(): "   OpenClaw's configuration refers to another place for the token, see above. Put that place right; nothing else counts.", "   OpenClaw 的配置从另一处读取令牌（见上文）。请修正该处，其他位置均不生效。";
    report(): "   Save a report and ask for help: smartpi report", "   请保存报告并寻求帮助：smartpi report";
    wait(seconds): "   Wait {seconds} s; it passes by itself.", "   请等待 {seconds} 秒，会自行恢复。";
    nothing_left(): "   Everything was tried. Save a report and ask for help: smartpi report", "   已尝试所有办法。请保存报告并寻求帮助：smartpi report";

    forget_device_token(): "Put aside the access that OpenClaw once gave SmartPi; it can be put back.", "暂存 OpenClaw 曾授予 SmartPi 的访问令牌，可以恢复。";
    connect_shared(): "Connect with OpenClaw's own token, after proof that it is your gateway, and keep the new access.", "确认是你的网关后，用 OpenClaw 自身的令牌连接，并保存新的访问令牌。";
    connect_device(): "Connect with the access that OpenClaw gave SmartPi.", "用 OpenClaw 授予 SmartPi 的令牌连接。";
    read_again(): "Read OpenClaw's token again from where the gateway reads it.", "从网关读取令牌的位置重新读取。";
    sign_anew(): "Sign anew, with the gateway's own time, and connect.", "使用网关的时间重新签名并连接。";
    new_identity(): "Put SmartPi's key aside and make another; it can be put back.", "暂存 SmartPi 的密钥并生成新的，可以恢复。";
    connect_new(): "Connect with the new key and OpenClaw's own token.", "用新密钥和 OpenClaw 自身的令牌连接。";
    approve(id): "Approve SmartPi's own request {id}, and no other.", "批准 SmartPi 自己的申请 {id}，不涉及其他申请。";
    remove_record(id): "Remove the unused record {id} from OpenClaw. It cannot be put back.", "从 OpenClaw 移除不再使用的记录 {id}，无法恢复。";
    write_auth(): "Write a new token into OpenClaw's configuration; a copy of it is kept.", "在 OpenClaw 的配置中写入新令牌，并保留配置副本。";
    write_entries(paths): "Write SmartPi's entries into OpenClaw's configuration, and nothing else: {paths}.", "在 OpenClaw 的配置中写入 SmartPi 的条目，不改动其他内容：{paths}。";
    reinstall(): "Run openclaw gateway install --force. Conversations that go on are interrupted.", "运行 openclaw gateway install --force，正在进行的对话会中断。";
    restart(): "Restart OpenClaw if it has not noticed by itself. Conversations that go on are interrupted.", "如 OpenClaw 未自动生效则重启，正在进行的对话会中断。";
    await_restart(): "Restart OpenClaw where you started it, unless it takes the change by itself. SmartPi waits for it, up to 3 minutes.", "如 OpenClaw 未自动生效，请在启动它的地方重新启动。SmartPi 会等待它，最长 3 分钟。";
    open_dashboard(): "Open OpenClaw's dashboard with a fresh link.", "用新链接打开 OpenClaw 控制台。";
    switch_off(unit): "Stop the service {unit}, and keep it from starting by itself.", "停止系统服务 {unit}，并使其不再自动启动。";
    forget_failures(unit): "Forget how often the service {unit} failed; it would not start otherwise.", "清除系统服务 {unit} 的出错次数，否则它无法启动。";
    switch_on(unit): "Start the service {unit} now and with the computer, and wait for its OpenClaw.", "启动系统服务 {unit} 并设为随电脑启动，再等待其 OpenClaw 就绪。";
    restart_service(unit): "Stop the service {unit}, and start it again.", "停止系统服务 {unit}，再重新启动。";
    rewrite_service(unit): "Have OpenClaw write its service {unit} anew; a copy of the one before is kept, and can be put back. Conversations that go on are interrupted.", "让 OpenClaw 重新写入系统服务 {unit}，并保留原来的副本，可以恢复。正在进行的对话会中断。";
    force_gateway(pid): "Take the other OpenClaw (process {pid}) away at once. It was asked to end and did not; what it is doing is lost.", "立即结束另一个 OpenClaw（进程 {pid}）。它已收到退出请求但没有退出，未完成的工作会丢失。";
    end_gateway(pid): "Ask the other OpenClaw (process {pid}) to end, and wait until it has finished its work, up to 6 minutes.", "请求另一个 OpenClaw（进程 {pid}）退出，并等它完成手头的工作，最长 6 分钟。";
}
