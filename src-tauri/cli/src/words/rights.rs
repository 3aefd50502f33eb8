//! What a device of OpenClaw may do, in both languages. The window says the same in its own: `ui/src/locales/*/gateway.ts`.

desk::words! {
    fresh(rights): "    asks to be allowed to: {rights}", "    请求权限：{rights}";
    more(rights): "    asks for more: {rights}", "    请求新增：{rights}";
    same(): "    asks for nothing more. Something about it has changed, such as its system or its program.", "    没有请求更多权限。它的系统或程序等信息发生了变化。";
    has(rights): "    may already: {rights}", "    已有权限：{rights}";
    strong(right): "{right} (far-reaching)", "{right}（权限较大）";
    between(): "; ", "；";
    full_control(): "This is full control of your OpenClaw, and of who else has access.", "这是对 OpenClaw 的完全控制，包括决定还有谁可以接入。";
    cannot_grant(): "SmartPi does not have these rights itself, so OpenClaw will refuse. Approve it in OpenClaw: openclaw devices approve", "SmartPi 自身没有这些权限，OpenClaw 会拒绝。请在 OpenClaw 中批准：openclaw devices approve";
    care(): "Approve only what you have just started yourself. Anybody can choose any name.", "请仅批准你本人刚刚发起的请求。名称可以随意填写，不能作为凭据。";

    admin(): "change everything, also the configuration and who has access", "更改一切，包括配置和访问权限";
    pairing(): "let other devices in, and remove them", "允许其他设备接入，或将其移除";
    write(): "talk to the assistant, change chats and use its tools", "与助手对话、更改对话并使用其工具";
    read(): "see chats, devices, logs and settings", "查看对话、设备、日志和设置";
    approvals(): "allow commands that the assistant wants to run", "批准助手要执行的命令";
    questions(): "answer what the assistant asks", "回答助手提出的问题";
    sessions_write(): "start chats of its own and write in chats that it takes part in", "发起自己的对话，并在所参与的对话中发言";
    sessions_read(): "see chats that it takes part in", "查看所参与的对话";
    talk(): "talk to the assistant by voice", "与助手语音对话";
    talk_secrets(): "read the keys of the voice services", "读取语音服务的密钥";
    operator(): "connect to OpenClaw, without any right of its own yet", "连接 OpenClaw，暂无任何权限";
    node(): "work for OpenClaw: the assistant can use what this device offers, such as its camera, files or programs", "为 OpenClaw 提供功能：助手可以使用此设备提供的摄像头、文件或程序等";
}
