//! The sentences about what shows a finding, in both languages. The window says the same in its own: `ui/src/locales/*/evidence.ts`.

desk::words! {
    port(port): "   Port {port}", "   端口 {port}";
    why(what): "   Why: {what}", "   原因：{what}";
    unseen(what): "   Cannot be seen: {what}", "   无法查看：{what}";
    contradiction(what): "   It says otherwise: {what}", "   说法不符：{what}";
    refusal(what): "   OpenClaw's answer: {what}", "   OpenClaw 的答复：{what}";
    stopped(): "   Why: its process is paused.", "   原因：其进程已被暂停。";
    silent(): "   Why: it took the connection and said nothing.", "   原因：它接受了连接，但没有任何回应。";
    clock_ahead(seconds): "   Clock: this computer is {seconds} s ahead of OpenClaw.", "   时钟：此电脑比 OpenClaw 快 {seconds} 秒。";
    clock_behind(seconds): "   Clock: this computer is {seconds} s behind OpenClaw.", "   时钟：此电脑比 OpenClaw 慢 {seconds} 秒。";
    request(reason): "   Request: {reason}", "   请求：{reason}";
    request_id(id, reason): "   Request {id}: {reason}", "   请求 {id}：{reason}";
    device(name, id): "   Entry: {name} ({id})", "   条目：{name}（编号 {id}）";
    device_id(id): "   Entry: {id}", "   条目：{id}";
    dashboards(count, when): "   Turned away: {count} times, last {when}", "   被拒绝：共 {count} 次，最近一次 {when}";

    copies(): "   Where the token is kept (two copies are the same when their marks are; a mark does not give the token away):",
        "   令牌的保存位置（标记相同即为同一令牌，标记不会泄露令牌本身）：";
    copy(place, value): "     {place}: {value}", "     {place}：{value}";
    copy_judged(place, value, judged): "     {place}: {value}, {judged}", "     {place}：{value}，{judged}";
    mark(fingerprint): "mark {fingerprint}", "标记 {fingerprint}";
    refers(to): "refers to {to}", "指向{to}";
    refers_in_vain(to): "refers to {to}, where SmartPi finds no token", "指向{to}，SmartPi 在那里未找到令牌";
    to_variable(name): "the variable {name}", "环境变量 {name}";
    to_file(path): "the file {path}", "文件 {path}";
    to_store(name): "{name} in OpenClaw's own store of secrets", " OpenClaw 密钥库中的 {name}";
    to_program(provider): "the program “{provider}”", "程序 {provider}";
    to_provider(provider): "“{provider}”, which the configuration does not describe, or does not let tell this", " {provider}，但配置中没有对应的定义，或不允许它提供此令牌";
    placeholder(): "holds none: the token was lost here", "没有令牌：已在此处丢失";
    counts(): "this one counts", "以此为准";
    same(): "the same", "一致";
    differs(): "differs", "不一致";
    in_config(path): "OpenClaw's configuration, {path}", "OpenClaw 的配置 {path}";
    in_gateway(pid, name): "the running OpenClaw, process {pid}, variable {name}", "正在运行的 OpenClaw，进程 {pid}，变量 {name}";
    in_service(path, name): "the service that starts OpenClaw, {path}, variable {name}", "启动 OpenClaw 的系统服务 {path}，变量 {name}";
    in_environment(name): "the environment of SmartPi, variable {name}", "SmartPi 的环境变量 {name}";
    in_dotenv(path, name): "a file of environment variables, {path}, variable {name}", "环境变量文件 {path}，变量 {name}";
    in_secret_file(path): "a private file, {path}", "私密文件 {path}";
    in_store(name): "OpenClaw's own store of secrets, entry {name}", "OpenClaw 的密钥库，条目 {name}";

    another_user(): "it runs as another user of this computer.", "它以此电脑的另一个用户身份运行。";
    another_state(): "it belongs to another installation of OpenClaw.", "它属于另一份 OpenClaw 安装。";
    another_state_at(folder): "it belongs to the installation in {folder}.", "它属于 {folder} 中的安装。";
    earlier_process(): "the note of your OpenClaw names an earlier process that had the same number.", "你的 OpenClaw 留下的记录指向早先一个编号相同的进程。";
    another_port(port): "your OpenClaw is on port {port}, not here.", "你的 OpenClaw 使用端口 {port}，不在此处。";
    node_host(): "it is a helper of OpenClaw, which works for one and is none.", "它是 OpenClaw 的辅助程序，为 OpenClaw 工作，但本身不是。";
    no_gateway(): "it is OpenClaw at some other work.", "它是 OpenClaw，但在执行其他任务。";
    in_container(): "it runs in a container.", "它在容器中运行。";

    nobody_stopped(): "OpenClaw is stopped.", "OpenClaw 已停止。";
    lock_left(pid): "OpenClaw ended without a goodbye (process {pid}). The next start tidies up.", "OpenClaw 意外结束（进程 {pid}），下次启动时会自行清理。";
    elsewhere(pid): "OpenClaw lives (process {pid}), but does not listen: it is starting or ending.", "OpenClaw 仍在运行（进程 {pid}），但没有监听：它正在启动或结束。";
    elsewhere_at(pid, port): "OpenClaw lives (process {pid}), but listens on port {port}.", "OpenClaw 仍在运行（进程 {pid}），但监听的是端口 {port}。";
    lock_unseen(why): "whether one runs elsewhere cannot be seen: {why}.", "无法查看它是否在别处运行：{why}。";

    unseen_listeners(why): "who is on the port: {why}.", "占用端口的程序：{why}。";
    unseen_owner(user, why): "which program of the user number {user} is on the port: {why}.", "用户 {user} 的哪个程序占用端口：{why}。";
    unseen_process(pid, fact, why): "{fact} of process {pid}: {why}.", "进程 {pid} 的{fact}：{why}。";
    unseen_lock(why): "the note that OpenClaw leaves at its start: {why}.", "OpenClaw 启动时留下的记录：{why}。";
    lock_without_start(): "the note that OpenClaw left at its start does not say when that was. Versions before 2026.5 do this.", "OpenClaw 启动时留下的记录没有写明启动时间，2026.5 之前的版本均如此。";
    lock_older_than_boot(): "the note that OpenClaw left at its start is older than the start of this computer.", "OpenClaw 启动时留下的记录早于此电脑的启动时间。";
    sandboxed(pid): "process {pid} runs shielded from the rest of this computer.", "进程 {pid} 与此电脑的其他部分隔离运行。";
    unseen_here(why): "this computer itself: {why}.", "此电脑自身：{why}。";
    fact_life(): "the life", "存活状态";
    fact_user(): "the user", "用户";
    fact_program(): "the program", "程序";
    fact_start(): "the start", "启动时间";
    fact_namespaces(): "the surroundings", "运行环境";
    blind_not_permitted(): "the system does not show it to your account", "系统不向你的账户显示";
    blind_unsupported(): "SmartPi cannot look there on this system yet", "SmartPi 在此系统上还无法查看";
    blind_unreadable(): "it is there, but makes no sense", "内容存在，但无法理解";
    blind_changing(): "it changed during the look", "查看时发生了变化";
    blind_elsewhere(): "it belongs to a part of the computer that cannot be seen from here", "属于此处无法查看的部分";
    blind_other_computer(): "it is on another computer", "位于另一台电脑上";
    blind_not_asked(): "it was not looked at", "没有查看";

    other_identity(): "it names another identity than yours.", "它的身份与你的 OpenClaw 不同。";
    other_boot(): "it names another start than yours.", "它的启动记录与你的 OpenClaw 不同。";
    other_state_dir(): "it uses another folder than yours.", "它使用的文件夹与你的 OpenClaw 不同。";
    other_process(): "it is another process than yours.", "它的进程与你的 OpenClaw 不同。";

    token_missing(): "it wants a token.", "它要求令牌。";
    token_mismatch(): "its token is another one.", "它的令牌是另一个。";
    device_token_mismatch(): "it does not know SmartPi's own token.", "它不承认 SmartPi 自己的令牌。";
    scope_mismatch(): "SmartPi's token does not cover what it asked for.", "SmartPi 的令牌不含所请求的权限。";
    signature_invalid(): "the signature is wrong.", "签名不正确。";
    signature_expired(): "the signature is too old, or from the future.", "签名已过期，或来自未来的时间。";
    pairing_required(): "SmartPi has to be let in first.", "需要先允许 SmartPi 接入。";
    other_protocol(): "it speaks another version.", "它使用另一个版本。";
    protocol_of(version): "it speaks version {version}.", "它使用版本 {version}。";
    rate_limited(): "too many tries.", "尝试次数过多。";
    rate_limited_for(seconds): "too many tries. It listens again after {seconds} s.", "尝试次数过多，{seconds} 秒后恢复。";
    unrecognised(code): "it said {code}.", "它的答复是 {code}。";

    not_paired(): "SmartPi is not let in yet.", "SmartPi 尚未获准接入。";
    scope_upgrade(): "SmartPi asks for more than it has.", "SmartPi 请求更多权限。";
    role_upgrade(): "SmartPi asks for another role.", "SmartPi 请求另一种角色。";
    metadata_upgrade(): "something about SmartPi has changed, such as its system.", "SmartPi 的系统等信息发生了变化。";
}
