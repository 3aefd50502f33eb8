//! What starts at a login of Windows, read off what OpenClaw and people write there: the script of the gateway, and whatever leads to it.

use std::path::{Path, PathBuf};

use super::shortcut::Shortcut;
use crate::survey::{Environment, Manager, Phase, Scope, Service, Starts};

/// From a task to a launcher to the script.
const HOPS: usize = 3;
/// The code page of this Windows, whichever it is.
const OF_SYSTEM: u32 = 0;
/// How OpenClaw's own script says that it keeps its gateway alive.
const SUPERVISES: &str = "--task-supervisor";

/// How files are read, and what they may mean.
pub(super) trait Files {
    /// A file.
    fn read(&self, path: &Path) -> Option<Vec<u8>>;
    /// Whether it is there.
    fn exists(&self, path: &Path) -> bool;
    /// Text in a code page of Windows.
    fn decode(&self, code_page: u32, bytes: &[u8]) -> Option<String>;
    /// A variable of the computer.
    fn variable(&self, name: &str) -> Option<String>;
}

/// What a command line leads to.
#[derive(Debug, Default)]
pub(super) struct Launch {
    /// The script that holds the command, where one does.
    pub(super) script: Option<PathBuf>,
    argv: Vec<String>,
    variables: Vec<(String, String)>,
    gone: Vec<PathBuf>,
    supervised: bool,
}

impl Launch {
    /// Follows a command line to the program that it starts in the end.
    pub(super) fn follow(line: &str, files: &impl Files) -> Self {
        let mut launch = Self { argv: words(&expanded(line, files)), ..Self::default() };
        for _ in 0..HOPS {
            let Some(script) = launch.argv.iter().map(PathBuf::from).find(|word| kind(word).is_some()) else { break };
            let Some(bytes) = files.read(&script) else {
                launch.gone.extend((!files.exists(&script)).then(|| script.clone()));
                launch.argv.clear();
                break;
            };
            launch.script = Some(script.clone());
            launch.argv = match kind(&script) {
                Some(Kind::Shortcut) => started_by(&bytes, files),
                Some(Kind::VisualBasic) => run_by(&decoded(&bytes, files)),
                Some(Kind::Batch) | None => launch.take(&decoded(&bytes, files)),
            };
        }
        launch.supervised = launch.argv.iter().any(|word| word == SUPERVISES);
        launch.argv.retain(|word| word != SUPERVISES);
        launch.gone.extend(Service::gone(&launch.argv, |path| files.exists(path)));
        launch
    }

    /// The command of a script; its variables are kept.
    fn take(&mut self, text: &str) -> Vec<String> {
        for line in text.lines().map(str::trim) {
            let lower = line.to_lowercase();
            if let Some(rest) = lower.starts_with("set ").then(|| line[4..].trim()) {
                let quoted = rest.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                if let Some((name, value)) = quoted.unwrap_or(rest).split_once('=') {
                    self.variables.push((name.to_uppercase(), without_carets(value)));
                }
            } else if !(line.is_empty()
                || line.starts_with('@')
                || ["rem ", "cd "].iter().any(|word| lower.starts_with(word)))
            {
                return words(line);
            }
        }
        Vec::new()
    }

    /// The service, as far as this says. It rests as long as nobody says otherwise.
    pub(super) fn service(self, manager: Manager, unit: String, scope: Scope, path: Option<PathBuf>) -> Service {
        let pairs = self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Service {
            unit,
            manager,
            scope,
            path,
            sealed: false,
            drop_ins: Vec::new(),
            environment: Environment::of(pairs),
            user: String::new(),
            gone: self.gone,
            release: Service::release_of(&self.argv),
            argv: self.argv,
            port: None,
            state_dir: None,
            phase: Phase::Stopped,
            starts: Starts::ByItself,
            result: "success".into(),
            exit_status: None,
            brought_back: self.supervised,
            restarts: 0,
            main: None,
            started_ms: None,
            stop_takes_ms: None,
            outdated: false,
        }
    }
}

/// A file that leads to the command.
enum Kind {
    Batch,
    VisualBasic,
    Shortcut,
}

fn kind(path: &Path) -> Option<Kind> {
    let path = path.to_string_lossy().to_lowercase();
    match path.rsplit_once('.')?.1 {
        "cmd" | "bat" => Some(Kind::Batch),
        "vbs" => Some(Kind::VisualBasic),
        "lnk" => Some(Kind::Shortcut),
        _ => None,
    }
}

/// What a shortcut starts.
fn started_by(bytes: &[u8], files: &impl Files) -> Vec<String> {
    let read = Shortcut::read(bytes, |text| files.decode(OF_SYSTEM, text));
    let Some(Shortcut { target, arguments }) = read else { return Vec::new() };
    std::iter::once(expanded(&target, files)).chain(words(&expanded(&arguments, files))).collect()
}

/// What `shell.Run("""PATH""", ...)` runs: there two quotes are one.
fn run_by(text: &str) -> Vec<String> {
    let Some((_, rest)) = text.split_once(".Run(\"") else { return Vec::new() };
    let mut line = String::new();
    let mut letters = rest.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if letters.next_if_eq(&'"').is_none() => break,
            _ => line.push(letter),
        }
    }
    words(&line)
}

/// The words of a command line, as OpenClaw quotes them: to the first redirection.
fn words(line: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.next_if_eq(&'"').is_some() => word.get_or_insert_default().push('"'),
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' | '\t' if !quoted => all.extend(word.take()),
            '<' | '>' if !quoted => break,
            '^' if letters.next_if_eq(&'!').is_some() => word.get_or_insert_default().push('!'),
            '%' if letters.next_if_eq(&'%').is_some() => word.get_or_insert_default().push('%'),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    all.extend(word);
    all
}

fn without_carets(value: &str) -> String {
    let mut out = String::new();
    let mut letters = value.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '^' => out.push(letters.next_if(|next| matches!(next, '^' | '"' | '!')).unwrap_or('^')),
            '%' => {
                letters.next_if_eq(&'%');
                out.push('%');
            }
            _ => out.push(letter),
        }
    }
    out
}

/// UTF-16 with its mark, the code page that OpenClaw's first line names, or UTF-8.
fn decoded(bytes: &[u8], files: &impl Files) -> String {
    if let Some(wide) = bytes.strip_prefix(&[0xff, 0xfe]) {
        let units = wide.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        return char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    }
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let code_page = std::str::from_utf8(first).ok().and_then(|line| line.trim().strip_prefix("@chcp "));
    let code_page = code_page.and_then(|rest| rest.split(' ').next()?.parse().ok());
    let named = code_page.and_then(|code_page| files.decode(code_page, bytes));
    named.unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned())
}

/// The same with the variables of the computer in it: `%APPDATA%`.
fn expanded(text: &str, files: &impl Files) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let value = after.split_once('%').and_then(|(name, left)| Some((files.variable(name)?, left)));
        match value {
            Some((value, left)) => {
                out.push_str(&value);
                rest = left;
            }
            None => {
                out.push('%');
                rest = after;
            }
        }
    }
    out + rest
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::super::shortcut::tests::made;
    use super::*;
    use crate::fingerprint::Fingerprint;

    pub(in crate::os::windows) const HOME: &str = r"C:\Users\小李 & co";
    const SCRIPT: &[u8] = include_bytes!("../../../written-by-openclaw/gateway-2026.9.6.cmd");
    const STARTUP: &[u8] = include_bytes!("../../../written-by-openclaw/startup-2026.9.6.cmd");
    const HIDDEN: &str = include_str!("../../../written-by-openclaw/hidden-2026.9.6.vbs");

    #[derive(Default)]
    pub(in crate::os::windows) struct Written(BTreeMap<String, Vec<u8>>);

    impl Files for Written {
        fn read(&self, path: &Path) -> Option<Vec<u8>> {
            self.0.get(path.to_str()?).cloned()
        }

        fn exists(&self, path: &Path) -> bool {
            path.to_str().is_some_and(|path| {
                self.0.contains_key(path) || path.ends_with("node.exe") || path.ends_with("index.js")
            })
        }

        fn decode(&self, code_page: u32, bytes: &[u8]) -> Option<String> {
            (code_page == 936).then(|| String::from_utf8_lossy(bytes).replace('?', "李"))
        }

        fn variable(&self, name: &str) -> Option<String> {
            (name == "APPDATA").then(|| r"C:\A".to_owned())
        }
    }

    /// What OpenClaw's install leaves behind.
    pub(in crate::os::windows) fn installed() -> Written {
        let utf16 = |text: &str| {
            let units = text.encode_utf16().flat_map(u16::to_le_bytes);
            [0xff, 0xfe].into_iter().chain(units).collect::<Vec<u8>>()
        };
        Written(BTreeMap::from([
            (format!(r"{HOME}\.openclaw\gateway.cmd"), SCRIPT.to_vec()),
            (format!(r"{HOME}\.openclaw\gateway.vbs"), utf16(HIDDEN)),
            (r"C:\Startup\OpenClaw Gateway.cmd".to_owned(), STARTUP.to_vec()),
        ]))
    }

    #[track_caller]
    fn is_gateway(line: &str) -> Service {
        let launch = Launch::follow(line, &installed());
        assert!(launch.script.is_some(), "{launch:?}");
        let service = launch.service(Manager::Task, "any name".into(), Scope::User, None);
        let index = format!(r"{HOME}\AppData\Roaming\npm\node_modules\openclaw\dist\index.js");
        let argv = [r"C:\Program Files\nodejs\node.exe", &index, "gateway", "--port", "18789"];
        assert_eq!(service.argv, argv);
        assert!(service.is_gateway() && service.brought_back && service.gone.is_empty(), "{service:?}");
        service
    }

    #[test]
    fn the_script_that_openclaw_writes_is_read_with_its_variables() {
        let seen = is_gateway(&format!(r#""{HOME}\.openclaw\gateway.cmd""#));
        assert_eq!(seen.environment.plain("HOME"), Some(HOME));
        assert_eq!(seen.environment.plain("OPENCLAW_GATEWAY_PORT"), Some("18789"));
        let secret = Fingerprint::of("100% \"real\"!");
        assert_eq!(seen.environment.secret("OPENCLAW_GATEWAY_TOKEN"), Some(secret));
        assert!(!format!("{seen:?}").contains("real"));
    }

    #[test]
    fn launchers_are_followed_to_the_script() {
        is_gateway(&format!(r#""{HOME}\.openclaw\gateway.vbs""#));
        is_gateway(&format!(r#"wscript.exe //B "{HOME}\.openclaw\gateway.vbs""#));
        is_gateway(r#""C:\Startup\OpenClaw Gateway.cmd""#);
    }

    #[test]
    fn a_shortcut_is_followed_to_the_script_and_to_the_program() {
        let mut files = installed();
        let mut put = |name: &str, target: &str, arguments: &str| {
            files.0.insert(format!(r"C:\Startup\{name}.lnk"), made(target, arguments));
        };
        put("script", r"C:\Startup\OpenClaw Gateway.cmd", "");
        put("by shell", r"%APPDATA%\cmd.exe", &format!(r#"/c "{HOME}\.openclaw\gateway.cmd""#));
        put("program", r"C:\node.exe", r#""%APPDATA%\openclaw\dist\index.js" gateway --port 18790"#);
        put("gone", r"C:\gone.cmd", "");
        put("another", r"C:\Chat.exe", "--hidden");
        let of = |name: &str| Launch::follow(&format!(r#""C:\Startup\{name}.lnk""#), &files);
        let service = |name: &str| of(name).service(Manager::Startup, name.into(), Scope::User, None);
        for name in ["script", "by shell"] {
            assert!(service(name).is_gateway() && service(name).brought_back, "{name}");
        }
        assert!(service("program").is_gateway());
        assert_eq!(of("program").argv, [r"C:\node.exe", r"C:\A\openclaw\dist\index.js", "gateway", "--port", "18790"]);
        assert_eq!(of("gone").gone, [PathBuf::from(r"C:\gone.cmd")]);
        assert!(!service("another").is_gateway());
        // The twin: one that cannot be read says nothing, and is not said to be gone.
        files.0.insert(r"C:\Startup\torn.lnk".into(), made(r"C:\node.exe", "gateway")[..90].to_vec());
        let torn = Launch::follow(r"C:\Startup\torn.lnk", &files);
        assert!(torn.argv.is_empty() && torn.gone.is_empty(), "{torn:?}");
    }

    #[test]
    fn a_launcher_without_its_script_says_what_is_gone() {
        let launch = Launch::follow(r#"cmd /c "C:\gone\gateway.cmd""#, &installed());
        assert_eq!(launch.gone, [PathBuf::from(r"C:\gone\gateway.cmd")]);
        assert!(launch.argv.is_empty());
    }

    #[test]
    fn a_script_in_a_code_page_is_read_by_that() {
        let mut files = installed();
        let script = b"@chcp 936 >nul\r\n@rem openclaw-launcher-encoding=gbk\r\n@echo off\r\nnode C:\\?\\openclaw\\dist\\index.js gateway < NUL\r\n";
        files.0.insert(r"C:\gateway.cmd".into(), script.to_vec());
        assert_eq!(
            Launch::follow(r"C:\gateway.cmd", &files).argv,
            ["node", r"C:\李\openclaw\dist\index.js", "gateway"]
        );
    }

    #[test]
    fn scripts_that_lead_in_a_circle_come_to_an_end() {
        let mut files = installed();
        files.0.insert(r"C:\a.cmd".into(), b"C:\\a.cmd".to_vec());
        assert_eq!(Launch::follow(r"C:\a.cmd", &files).argv, [r"C:\a.cmd"]);
    }

    #[test]
    fn variables_of_the_computer_are_put_in_and_others_stay() {
        assert_eq!(expanded(r"%APPDATA%\x %NO% 5%", &installed()), r"C:\A\x %NO% 5%");
    }
}
