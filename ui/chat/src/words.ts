/** Every word a person sees, in both languages. `{name}` is filled in. */

const en = {
  loading: "One moment…",
  checking: "Checking whether this phone was connected…",

  unbound_none_title: "Connect this phone",
  unbound_none_text: "Open SmartPi on your computer and show the QR code for a new device. Then point this phone's camera at it.",
  unbound_newer_title: "This code is newer than this page",
  unbound_newer_text: "Reload this page and scan the code again. If that does not help, update SmartPi on the computer.",
  unbound_broken_title: "This code is not complete",
  unbound_broken_text: "Scan the whole QR code on the computer again.",
  back_to: "Back to {service}",

  looking: "Looking for the computer…",
  looking_text: "This phone must be on the same network as the computer.",
  bind_title: "Connect to {service}?",
  computer: "Computer",
  key: "Key",
  phone_name: "Name of this phone",
  phone_name_hint: "The computer shows this name.",
  phone_name_bad: "Use 1 to 32 characters.",
  connect: "Connect",
  claiming: "Connecting to {service}…",
  code_sentence: "Type this code on the computer",
  code_digits: "The code is {digits}",
  code_check: "“{phone}” wants to connect to {service}.",
  code_until: "Valid until {time}",
  cancel: "Cancel",
  replace_title: "Replace {old}?",
  replace_text: "This phone is connected to {old} (key {oldKey}). If you connect it to {service}, its conversation with {old} is removed from this phone.",
  replace_waiting: "{count} messages to {old} have not been sent yet and would be lost.",
  replace_keep: "Keep {old}",
  replace_do: "Connect to {service} instead",

  claim_other_key_title: "This is not the computer of the QR code",
  claim_other_key_text: "Its key is another one. Nothing was sent to it. Check that this phone is on your own network, then scan a new code.",
  claim_bad_signature_title: "The computer could not prove who it is",
  claim_bad_signature_text: "Somebody on this network may pretend to be it. Do not type any code. Scan a new one in a network that you trust.",
  claim_bad_mac_title: "The computer does not know this code",
  claim_bad_mac_text: "Somebody on this network may pretend to be it. Do not type any code. Scan a new one in a network that you trust.",
  claim_expired_title: "This code is no longer valid",
  claim_expired_text: "A code lives three minutes and works once. Show a new QR code on the computer and scan it.",
  claim_refused_title: "The connection was refused",
  claim_refused_text: "It was cancelled on the computer, or two devices used the same code. Show a new QR code there and scan it.",
  claim_outdated_title: "The versions do not match",
  claim_outdated_text: "Reload this page. If that does not help, update SmartPi on the computer.",
  claim_full_title: "The computer takes no more devices",
  claim_full_text: "Remove one there, then show a new QR code and scan it.",
  claim_too_fast_title: "Too many tries",
  claim_too_fast_text: "Wait five minutes, then show a new QR code and scan it.",
  claim_no_answer_title: "The computer did not accept this phone",
  claim_no_answer_text: "Show a new QR code there and scan it.",

  conn_connecting: "Connecting",
  conn_connecting_text: "What you write is kept and sent as soon as the connection is there.",
  conn_connected: "Connected",
  conn_connected_text: "What you write reaches {service} at once.",
  conn_assistant_away: "Assistant not connected",
  conn_assistant_away_text: "The computer is there, its assistant is not. What you write is kept until it comes back.",
  conn_unreachable: "Not reachable since {time}",
  conn_unreachable_text: "Is the computer on, and this phone on the same network? What you write is kept and sent later.",
  conn_removed: "Removed",
  conn_removed_text: "This phone was removed at the computer. To use it again, scan a new QR code there.",
  conn_elsewhere: "Open elsewhere",
  conn_elsewhere_text: "This conversation is open in another window.",
  conn_other_computer: "Another computer",
  conn_other_computer_text: "A computer with another key answers at this address. Nothing was sent to it. If yours is back, try again; otherwise scan a new QR code.",
  conn_refused: "Not accepted",
  conn_refused_text: "The computer did not accept this phone's key. Try again, or scan a new QR code.",
  conn_outdated: "Versions differ",
  conn_outdated_text: "Reload this page. If that does not help, update SmartPi on the computer.",
  try_now: "Try now",
  use_here: "Use it here",
  reload: "Reload",

  empty_title: "Connected to {service}",
  empty_text: "Write the first message. The answer appears here.",
  log: "Conversation",
  you: "You",
  assistant: "Assistant",
  state_waiting: "Waiting to be sent",
  state_saved: "Saved on the computer",
  state_queued: "Saved, waits its turn",
  state_starting: "Assistant is working",
  state_thinking: "Assistant is thinking",
  state_tool: "Assistant is using a tool",
  state_writing: "Assistant is writing",
  state_answered: "Answered",
  state_failed: "Not done",
  push: "The assistant speaks first",
  late: "Late answer",
  problem: "Problem",
  growing: "Writing…",
  answer_to: "To: {text}",
  ask_again: "Ask again",
  newest: "To the newest message",
  today: "Today",
  yesterday: "Yesterday",

  code_9002: "This takes longer than usual. The answer will follow.",
  code_9005: "Too many at once. It is sent in a moment.",
  code_9006: "The message is empty or too long.",
  code_9007: "The computer did not understand this. Reload the page.",
  code_9008: "Too many messages wait on the computer. It is sent later.",
  code_9009: "The computer cannot save it now. Is its disk full? It is sent later.",
  code_9011: "It is sent again under a new number.",
  code_9012: "Some older answers were not fetched in time and are gone.",
  code_9013: "The assistant stopped in the middle. Nobody knows whether it finished. Ask again if you need to.",
  code_9014: "This is not allowed.",
  code_9017: "The assistant is not connected. Your message is kept.",
  code_9018: "The assistant did not finish within 10 minutes and was stopped. Ask again if you need to.",
  code_9019: "The assistant reported an error.",
  code_9020: "No agent is set for this phone. Choose one on the computer.",
  code_other: "The computer reported problem {code}.",

  composer: "Message",
  composer_hint: "Message to the assistant",
  send: "Send",
  send_empty: "The message is empty.",
  send_too_long: "The message is too long. Shorten it or send it in parts.",
  send_full: "No room left on this phone: the message was not sent.",
  send_broken: "The browser could not save the message: it was not sent.",
  trouble_full: "No room left for this page on this phone. New messages are shown, not kept. Free some space.",
  trouble_broken: "The browser does not let this page save. New messages are shown, not kept. Reload the page.",
  trouble_forgets: "This browser keeps nothing for this page. When it is closed, the connection and the messages are gone.",

  plain_title: "Not encrypted on this network",
  plain_text: "Others on this network could read along. Use it in networks you trust.",
  understood: "Understood",

  about: "About this connection",
  this_phone: "This phone",
  language: "Language",
  other_language: "中文",
  close: "Close",
  forget: "Forget this computer",
  forget_title: "Forget {service}?",
  forget_text: "The key and all messages on this phone are removed. To connect again you need a new QR code.",
  forget_do: "Forget",

  device_iphone: "iPhone",
  device_ipad: "iPad",
  device_android: "Android phone",
  device_android_tablet: "Android tablet",
  device_harmony: "HarmonyOS phone",
  device_mac: "Mac",
  device_windows: "Windows computer",
  device_linux: "Linux computer",
  device_other: "Phone",
} as const;

/** Name of a text. */
export type Word = keyof typeof en;

const zh: Readonly<Record<Word, string>> = {
  loading: "请稍候…",
  checking: "正在确认这部手机是否已连接…",

  unbound_none_title: "连接这部手机",
  unbound_none_text: "在电脑上打开 SmartPi，显示添加设备的二维码，然后用这部手机的相机扫描。",
  unbound_newer_title: "二维码的版本比此页面新",
  unbound_newer_text: "请刷新此页面并重新扫码。若仍不行，请更新电脑上的 SmartPi。",
  unbound_broken_title: "二维码不完整",
  unbound_broken_text: "请重新扫描电脑上的完整二维码。",
  back_to: "返回 {service}",

  looking: "正在寻找电脑…",
  looking_text: "手机与电脑必须在同一个网络中。",
  bind_title: "连接到 {service}？",
  computer: "电脑",
  key: "密钥",
  phone_name: "这部手机的名称",
  phone_name_hint: "电脑上会显示这个名称。",
  phone_name_bad: "请输入 1 到 32 个字符。",
  connect: "连接",
  claiming: "正在连接 {service}…",
  code_sentence: "请在电脑上输入此代码",
  code_digits: "代码是 {digits}",
  code_check: "“{phone}” 请求连接到 {service}。",
  code_until: "{time} 前有效",
  cancel: "取消",
  replace_title: "替换 {old}？",
  replace_text: "这部手机已连接到 {old}（密钥 {oldKey}）。如果改为连接 {service}，手机上与 {old} 的对话将被删除。",
  replace_waiting: "有 {count} 条发给 {old} 的消息尚未发送，将会丢失。",
  replace_keep: "保留 {old}",
  replace_do: "改为连接 {service}",

  claim_other_key_title: "这不是二维码所指的电脑",
  claim_other_key_text: "它的密钥不同，没有向它发送任何内容。请确认手机在自己的网络中，然后扫描新的二维码。",
  claim_bad_signature_title: "电脑未能证明自己的身份",
  claim_bad_signature_text: "此网络上可能有人冒充它。请不要输入任何代码，并在可信的网络中扫描新的二维码。",
  claim_bad_mac_title: "电脑不认识此二维码",
  claim_bad_mac_text: "此网络上可能有人冒充它。请不要输入任何代码，并在可信的网络中扫描新的二维码。",
  claim_expired_title: "此二维码已失效",
  claim_expired_text: "二维码有效三分钟，只能使用一次。请在电脑上显示新的二维码并扫描。",
  claim_refused_title: "连接被拒绝",
  claim_refused_text: "电脑上取消了连接，或有两台设备使用了同一个二维码。请显示新的二维码并扫描。",
  claim_outdated_title: "版本不一致",
  claim_outdated_text: "请刷新此页面。若仍不行，请更新电脑上的 SmartPi。",
  claim_full_title: "电脑无法再添加设备",
  claim_full_text: "请先在电脑上移除一台设备，再显示新的二维码并扫描。",
  claim_too_fast_title: "尝试次数过多",
  claim_too_fast_text: "请等待五分钟，再显示新的二维码并扫描。",
  claim_no_answer_title: "电脑没有接受这部手机",
  claim_no_answer_text: "请在电脑上显示新的二维码并扫描。",

  conn_connecting: "正在连接",
  conn_connecting_text: "您写的内容会保留，连接后立即发送。",
  conn_connected: "已连接",
  conn_connected_text: "您写的内容会立即送达 {service}。",
  conn_assistant_away: "助手未连接",
  conn_assistant_away_text: "电脑在线，但助手未连接。您写的内容会保留到它恢复。",
  conn_unreachable: "自 {time} 起无法连接",
  conn_unreachable_text: "电脑是否已开机？手机是否在同一个网络中？您写的内容会保留，稍后发送。",
  conn_removed: "已移除",
  conn_removed_text: "这部手机已在电脑上被移除。如需继续使用，请扫描电脑上的新二维码。",
  conn_elsewhere: "已在别处打开",
  conn_elsewhere_text: "此对话已在另一个窗口中打开。",
  conn_other_computer: "另一台电脑",
  conn_other_computer_text: "此地址上的电脑使用另一个密钥，没有向它发送任何内容。如果您的电脑已恢复，请重试；否则请扫描新的二维码。",
  conn_refused: "未被接受",
  conn_refused_text: "电脑没有接受这部手机的密钥。请重试，或扫描新的二维码。",
  conn_outdated: "版本不一致",
  conn_outdated_text: "请刷新此页面。若仍不行，请更新电脑上的 SmartPi。",
  try_now: "立即重试",
  use_here: "在此使用",
  reload: "刷新",

  empty_title: "已连接到 {service}",
  empty_text: "写下第一条消息，回答会显示在这里。",
  log: "对话",
  you: "您",
  assistant: "助手",
  state_waiting: "等待发送",
  state_saved: "已保存到电脑",
  state_queued: "已保存，排队中",
  state_starting: "助手正在处理",
  state_thinking: "助手正在思考",
  state_tool: "助手正在使用工具",
  state_writing: "助手正在书写",
  state_answered: "已回答",
  state_failed: "未完成",
  push: "助手主动消息",
  late: "迟到的回答",
  problem: "出现问题",
  growing: "书写中…",
  answer_to: "回复：{text}",
  ask_again: "重新提问",
  newest: "转到最新消息",
  today: "今天",
  yesterday: "昨天",

  code_9002: "这次用时较长，答案稍后会送到。",
  code_9005: "发送太快，稍后会自动发送。",
  code_9006: "消息为空或太长。",
  code_9007: "电脑无法理解此消息，请刷新页面。",
  code_9008: "电脑上等待的消息太多，稍后会自动发送。",
  code_9009: "电脑暂时无法保存（磁盘是否已满？），稍后会自动发送。",
  code_9011: "正在以新编号重新发送。",
  code_9012: "部分较早的回答未及时领取，已过期。",
  code_9013: "助手中途停止，无法确定是否完成。如有需要请重新提问。",
  code_9014: "不允许此操作。",
  code_9017: "助手未连接，消息已保存。",
  code_9018: "助手 10 分钟内未完成，已停止。如有需要请重新提问。",
  code_9019: "助手报告了一个错误。",
  code_9020: "这部手机尚未指定智能体，请在电脑上选择。",
  code_other: "电脑报告了问题 {code}。",

  composer: "消息",
  composer_hint: "给助手的消息",
  send: "发送",
  send_empty: "消息为空。",
  send_too_long: "消息太长，请缩短或分开发送。",
  send_full: "手机空间不足，消息未发送。",
  send_broken: "浏览器无法保存消息，消息未发送。",
  trouble_full: "手机上没有空间保存此页面的内容。新消息会显示，但不会保留。请释放一些空间。",
  trouble_broken: "浏览器不允许此页面保存内容。新消息会显示，但不会保留。请刷新页面。",
  trouble_forgets: "此浏览器不为此页面保留任何内容。关闭页面后，连接和消息都会消失。",

  plain_title: "此网络上的内容未加密",
  plain_text: "同一网络上的其他人可能看到内容。请在可信的网络中使用。",
  understood: "知道了",

  about: "关于此连接",
  this_phone: "这部手机",
  language: "语言",
  other_language: "English",
  close: "关闭",
  forget: "忘记这台电脑",
  forget_title: "忘记 {service}？",
  forget_text: "手机上的密钥和所有消息都会被删除。再次连接需要新的二维码。",
  forget_do: "忘记",

  device_iphone: "iPhone",
  device_ipad: "iPad",
  device_android: "安卓手机",
  device_android_tablet: "安卓平板",
  device_harmony: "鸿蒙手机",
  device_mac: "Mac 电脑",
  device_windows: "Windows 电脑",
  device_linux: "Linux 电脑",
  device_other: "手机",
};

export type Language = "en" | "zh";

export const WORDS: Readonly<Record<Language, Readonly<Record<Word, string>>>> = { en, zh };

/** Looks up a text and fills in its names. */
export type Say = (word: Word, names?: Readonly<Record<string, string>>) => string;

export function speaking(language: Language): Say {
  return (word, names = {}) => WORDS[language][word].replace(/\{(\w+)\}/g, (whole, name: string) => names[name] ?? whole);
}

/** The words for a code about a message. */
export function wordOfCode(code: number): Word {
  const word = `code_${code}`;
  return word in en ? (word as Word) : "code_other";
}

/** The language of the first preference that is one of ours. */
export function preferredLanguage(preferences: readonly string[]): Language {
  for (const preference of preferences) {
    if (/^zh\b/i.test(preference)) return "zh";
    if (/^en\b/i.test(preference)) return "en";
  }
  return "en";
}

/** What this phone is called until its person says otherwise. */
export function deviceWord(userAgent: string, touchPoints: number): Word {
  if (/iPhone|iPod/.test(userAgent)) return "device_iphone";
  if (/iPad/.test(userAgent) || (/Macintosh/.test(userAgent) && touchPoints > 1)) return "device_ipad";
  if (/HarmonyOS|OpenHarmony/.test(userAgent)) return "device_harmony";
  if (/Android/.test(userAgent)) return /Mobile/.test(userAgent) ? "device_android" : "device_android_tablet";
  if (/Macintosh/.test(userAgent)) return "device_mac";
  if (/Windows/.test(userAgent)) return "device_windows";
  if (/Linux|X11|CrOS/.test(userAgent)) return "device_linux";
  return "device_other";
}
