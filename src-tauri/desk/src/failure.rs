//! What a person is told when something does not work: a code, its words in both languages, and a detail.
//!
//! This is the only place that turns an error of a crate into a [`Failure`]. Nobody matches words; they match [`FailureCode`].

use std::error::Error;
use std::fmt;

use channel::driver::HubStopped;
use channel::view::{ConfirmError, IssueError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::language::Language;

/// Declares the codes with their wire names and words, so that none can lack a language.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident, $wire:literal, $en:literal, $zh:literal;)*) => {
        /// What went wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum FailureCode {
            $($(#[$doc])* #[serde(rename = $wire)] $variant,)*
            /// A code of a newer service.
            #[serde(other, rename = "unrecognised")]
            Unrecognised,
        }

        impl FailureCode {
            /// Every code that this version can say.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)* Self::Unrecognised];

            /// The word on the control socket.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $wire,)*
                    Self::Unrecognised => "unrecognised",
                }
            }

            /// What happened and what to do next, in this language.
            pub fn words(self, language: Language) -> &'static str {
                let (en, zh) = match self {
                    $(Self::$variant => ($en, $zh),)*
                    Self::Unrecognised => (
                        "The running SmartPi service reported something that this version does not know. Update both to the same version.",
                        "正在运行的 SmartPi 服务报告了此版本无法识别的问题，请将两者更新到同一版本。",
                    ),
                };
                match language {
                    Language::En => en,
                    Language::Zh => zh,
                }
            }
        }
    };
}

codes! {
    /// The control socket does not know this `do`.
    UnknownRequest, "unknown_request",
        "The running service does not know this request. Update it to the same version.",
        "正在运行的服务不认识此请求，请将其更新到同一版本。";
    /// A request lacks something or has a wrong type.
    BadRequest, "bad_request",
        "The request is incomplete or malformed.",
        "请求不完整或格式错误。";
    /// No such device.
    DeviceUnknown, "device_unknown",
        "No device has this key. List the devices to see their keys.",
        "没有使用此密钥的设备，请查看设备列表。";
    /// No such binding code.
    BindUnknown, "bind_unknown",
        "This binding code is not known any more. Make a new QR code.",
        "此绑定码已失效，请生成新的二维码。";
    /// A device is being confirmed: the code is not replaced.
    BindClaimed, "bind_claimed",
        "A device is waiting for you to confirm it. Confirm or reject it first.",
        "有设备正在等待确认，请先确认或拒绝。";
    /// The typed digits are others.
    WrongCode, "wrong_code",
        "This is not the code that the device shows. Look again and type both digits.",
        "与设备显示的数字不一致，请核对后重新输入两位数字。";
    /// No device shows a code.
    NotConfirming, "not_confirming",
        "No device is showing a code yet. Scan the QR code first.",
        "还没有设备显示数字，请先扫描二维码。";
    /// It took too long.
    Timeout, "timeout",
        "It did not happen in time. Try again.",
        "等待超时，请重试。";
    /// The store refused.
    Storage, "storage",
        "The computer cannot save this. Check its disk space.",
        "电脑无法保存，请检查磁盘空间。";
    /// The service stops.
    Stopping, "stopping",
        "The service is stopping. Start it again and retry.",
        "服务正在停止，请重新启动后再试。";
    /// Too many at once.
    TooMany, "too_many",
        "Too much at once. Wait a moment and try again.",
        "操作过多，请稍后再试。";
    /// Not an address of this service.
    NoAddress, "no_address",
        "The service does not listen on this address. Allow devices on your network, or choose another address.",
        "服务没有在此地址上监听，请允许局域网设备连接，或选择其他地址。";
    /// Nobody owns this data folder.
    NotRunning, "not_running",
        "SmartPi is not running. Start it with: smartpi serve",
        "SmartPi 没有运行，请先启动：smartpi serve";
    /// The control socket belongs to somebody else.
    NotPermitted, "not_permitted",
        "SmartPi runs as another user of this computer. Use that user's account.",
        "SmartPi 由此电脑的另一个用户运行，请使用该用户的账户。";
    /// The connection to the running service broke.
    ControlLost, "control_lost",
        "The connection to the running service broke. See whether it still runs, and try again.",
        "与正在运行的服务的连接已中断，请确认其仍在运行后重试。";
    /// The running service answers in a form this version cannot read.
    AnswerUnreadable, "answer_unreadable",
        "The running service answered in a way this version does not understand. Update both to the same version.",
        "无法理解正在运行的服务的回答，请将两者更新到同一版本。";
    /// Another SmartPi owns the data folder.
    AlreadyRunning, "already_running",
        "SmartPi is running already. There is nothing to start.",
        "SmartPi 已经在运行，无需再次启动。";
    /// A foreign program has the port.
    PortInUse, "port_in_use",
        "Another program uses SmartPi's port. Close it, or start SmartPi with another port.",
        "SmartPi 的端口被其他程序占用，请关闭该程序，或换一个端口启动。";
    /// The address cannot be listened on.
    CannotListen, "cannot_listen",
        "SmartPi cannot listen on this network address.",
        "SmartPi 无法在此网络地址上监听。";
    /// The store cannot be opened.
    StoreUnusable, "store_unusable",
        "SmartPi cannot open its store of devices and messages. Nothing was changed; see the detail.",
        "SmartPi 无法打开设备与消息的数据库，未作任何更改，详见说明。";
    /// The keys cannot be read.
    KeysUnusable, "keys_unusable",
        "SmartPi cannot read its own keys. Nothing was changed; see the detail.",
        "SmartPi 无法读取自己的密钥，未作任何更改，详见说明。";
    /// The system names no home folder.
    NoHome, "no_home",
        "The system does not say where your home folder is. Name a folder with --data.",
        "系统没有提供主目录，请用 --data 指定文件夹。";
    /// A folder of ours cannot be made or is not private.
    FolderUnusable, "folder_unusable",
        "SmartPi cannot use its folder. Check who owns it and whether it can be written.",
        "SmartPi 无法使用其文件夹，请检查所有者和写入权限。";
    /// settings.json cannot be read.
    SettingsUnreadable, "settings_unreadable",
        "The settings file cannot be read. It was left as it is: correct it, or move it away to start with defaults.",
        "无法读取设置文件，文件未被改动：请修正它，或将其移走以使用默认设置。";
    /// settings.json cannot be written.
    SettingsNotSaved, "settings_not_saved",
        "The settings could not be saved. Check the disk space and who owns the folder.",
        "无法保存设置，请检查磁盘空间和文件夹的所有者。";
    /// service.json cannot be written.
    ServiceFileNotWritten, "service_file_not_written",
        "SmartPi could not say where it listens, so that nothing would find it. Check the disk space of its data folder.",
        "SmartPi 无法写入服务信息，其他程序将找不到它，请检查数据文件夹的磁盘空间。";
    /// The control socket cannot be made.
    ControlNotStarted, "control_not_started",
        "SmartPi could not open its control socket, so that nothing could command it.",
        "SmartPi 无法打开控制通道，其他程序将无法操作它。";
    /// The log file cannot be opened.
    LogsNotOpened, "logs_not_opened",
        "SmartPi could not open its log file. Check the disk space and who owns the folder.",
        "SmartPi 无法打开日志文件，请检查磁盘空间和文件夹的所有者。";
    /// The network interfaces cannot be listed.
    InterfacesUnreadable, "interfaces_unreadable",
        "The system does not tell SmartPi its network addresses.",
        "系统没有提供网络地址。";
    /// `--lan` without a private address.
    NoPrivateAddress, "no_private_address",
        "This computer has no private network address. Connect it to your network, or start without --lan.",
        "此电脑没有局域网地址，请连接到局域网，或去掉 --lan 启动。";
    /// A QR image cannot be made or saved.
    QrNotMade, "qr_not_made",
        "The QR code could not be made or saved.",
        "无法生成或保存二维码。";
    /// A thread cannot be started.
    NotStarted, "not_started",
        "The system refused SmartPi a thread or a timer. Close other programs and try again.",
        "系统资源不足，SmartPi 无法启动，请关闭其他程序后重试。";
}

/// Something that a person is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What happened; the sentence belongs to it.
    pub code: FailureCode,
    /// What it happened to: words, or an object such as `{"left":2}`. Null: nothing to add. Never holds a secret or a message text.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

impl Failure {
    /// A failure that needs no detail.
    pub fn bare(code: FailureCode) -> Self {
        Self { code, detail: Value::Null }
    }

    /// A failure and what it happened to.
    pub fn with(code: FailureCode, detail: impl Into<Value>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// A failure whose detail is the error with all its causes.
    pub fn caused(code: FailureCode, error: &dyn Error) -> Self {
        Self::with(code, chain(error))
    }

    /// The sentence, then the detail in parentheses.
    pub fn words(&self, language: Language) -> String {
        let sentence = self.code.words(language);
        match self.detail_words(language) {
            Some(detail) => format!("{sentence} ({detail})"),
            None => sentence.to_owned(),
        }
    }

    fn detail_words(&self, language: Language) -> Option<String> {
        if let (FailureCode::WrongCode, Some(left)) = (self.code, self.detail.get("left").and_then(Value::as_u64)) {
            return Some(match language {
                Language::En => format!("tries left: {left}"),
                Language::Zh => format!("还可尝试 {left} 次"),
            });
        }
        match &self.detail {
            Value::Null => None,
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => Some(other.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.words(Language::En))
    }
}

impl Error for Failure {}

/// An error and its causes, outermost first, none said twice.
pub fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !words.ends_with(&text) {
            words.push_str(": ");
            words.push_str(&text);
        }
        cause = error.source();
    }
    words
}

impl From<HubStopped> for Failure {
    fn from(_: HubStopped) -> Self {
        Self::bare(FailureCode::Stopping)
    }
}

impl From<IssueError> for Failure {
    fn from(error: IssueError) -> Self {
        Self::bare(match error {
            IssueError::NotListening => FailureCode::NoAddress,
            IssueError::Claimed => FailureCode::BindClaimed,
            IssueError::Stopping => FailureCode::Stopping,
        })
    }
}

impl From<ConfirmError> for Failure {
    fn from(error: ConfirmError) -> Self {
        match error {
            ConfirmError::Unknown => Self::bare(FailureCode::BindUnknown),
            ConfirmError::NotConfirming => Self::bare(FailureCode::NotConfirming),
            ConfirmError::WrongCode { left } => Self::with(FailureCode::WrongCode, json!({ "left": left })),
            ConfirmError::Storage => Self::bare(FailureCode::Storage),
            ConfirmError::Stopping => Self::bare(FailureCode::Stopping),
        }
    }
}
