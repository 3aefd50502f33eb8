//! The channel service as a Windows program, under wine (`make check-platforms`): `smartpi.exe` serves, a person types the digits at `smartpi.exe bind`, and two
//! devices talk: `smartpi` of this Linux, and `smartpi.exe`. The command line reaches the service through its named pipe.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use support::binaries;
use support::program::{Program, line};
use support::terminal::Terminal;
use tempfile::TempDir;

/// Wine begins, and starts every program, slowly on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// What runs inside: the service beside two bindings, the second with a device that is a Windows program too.
const INSIDE: &str = r#"
exe=$1 data=$2 port=$3; shift 3
wine "$exe" --data "$data" --json serve --agent echo --port "$port" >service.out 2>&1 &
until grep -q '"addresses"' service.out; do sleep 0.2; done
wine "$exe" --data "$data" bind
echo "first binding ended with $?"
(
    read -r url <url
    wine "$exe" --data "$data" --json simulate --name Board "$url" --messages 2 --text 开灯 >board.out 2>&1 </dev/null
) &
wine "$exe" --data "$data" bind
echo "second binding ended with $?"
until grep -q '"report"' board.out; do sleep 0.2; done
wine "$exe" --data "$data" --json devices list >devices.out 2>&1 </dev/null
wine "$exe" --data "$data" quit </dev/null
wait
echo "the service ended"
"#;

struct Windows {
    home: TempDir,
    terminal: Terminal,
}

impl Windows {
    /// A person's terminal on Windows, where the service runs.
    fn begin() -> Result<Self> {
        let home = TempDir::with_prefix_in("windows-", env!("CARGO_TARGET_TMPDIR"))?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let made = Command::new("mkfifo").arg(home.path().join("url")).status()?;
        ensure!(made.success(), "a pipe for the code");
        let exe = std::env::var_os("SMARTPI_EXE").map(PathBuf::from).context("SMARTPI_EXE: which smartpi.exe?")?;
        let mut wine = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/wine"));
        wine.args(["sh", "-c", INSIDE, "sh"]).arg(exe).arg(on_windows(&home.path().join("data"))).arg(port.to_string());
        wine.current_dir(home.path()).env("SHARE", env!("CARGO_TARGET_TMPDIR")).env("LIMIT", "300");
        Ok(Self { terminal: Terminal::run(&wine)?, home })
    }

    fn output(&self, name: &str) -> String {
        std::fs::read_to_string(self.home.path().join(name)).unwrap_or_default()
    }

    /// The address in the `n`th code on the screen.
    fn url(&mut self, n: usize) -> Result<String> {
        self.terminal.until(LIMIT, "a binding URL", |text| {
            text.split_whitespace().filter(|word| word.contains("/b#1.")).nth(n).map(str::to_owned)
        })
    }

    fn says(&mut self, words: &str) -> Result<()> {
        self.terminal.until(LIMIT, words, |text| text.contains(words).then_some(()))
    }
}

/// Wine shows this system's files as the drive `Z:`.
fn on_windows(path: &Path) -> String {
    format!("Z:{}", path.display()).replace('/', "\\")
}

fn answered(report: &Value, messages: u64) -> Result<()> {
    let counts = (&report["sent"], &report["acked"], &report["answered"]);
    ensure!(counts == (&json!(messages), &json!(messages), &json!(messages)), "{report}");
    Ok(())
}

#[test]
fn a_service_on_windows_binds_and_answers_a_device_of_each_system() -> Result<()> {
    let mut windows = Windows::begin()?;
    let url = windows.url(0)?;
    let mut command = Command::new(binaries::smartpi());
    command.args(["--json", "simulate", "--name", "Kitchen", &url, "--messages", "3", "--text", "开灯"]);
    let mut kitchen = Program::start(command, windows.home.path().join("kitchen.out"))?;
    let code = kitchen.until("the digits", |text| line(text, "code"))?["code"].as_str().context("digits")?.to_owned();
    // Other digits bind nothing.
    windows.says("Type the digits")?;
    windows.terminal.type_line(if code == "00" { "01" } else { "00" })?;
    windows.says("Tries left: 2")?;
    ensure!(kitchen.line("report").is_none(), "a wrong code bound: {}", kitchen.text());
    windows.terminal.type_line(&code)?;
    windows.says("\"Kitchen\" is bound.")?;
    kitchen.ends_with(0)?;
    answered(&kitchen.line("report").context("a report")?, 3)?;

    windows.says("first binding ended with 0")?;
    let url = windows.url(1)?;
    std::fs::write(windows.home.path().join("url"), format!("{url}\n"))?;
    let mut shown = None;
    support::wait::until(LIMIT, "the digits of the device on Windows", || {
        shown = line(&windows.output("board.out"), "code");
        Ok(shown.is_some())
    })?;
    let code = shown.context("found")?["code"].as_str().context("digits")?.to_owned();
    windows.says("Type the digits that \"Board\"")?;
    windows.terminal.type_line(&code)?;
    windows.says("second binding ended with 0")?;
    windows.says("the service ended")?;
    answered(&line(&windows.output("board.out"), "report").context("a report")?, 2)?;

    let listed: Value = serde_json::from_str(windows.output("devices.out").lines().next().context("a list")?)?;
    let names: Vec<&Value> = listed["devices"].as_array().context("devices")?.iter().map(|it| &it["name"]).collect();
    ensure!(names == [&json!("Kitchen"), &json!("Board")] || names == [&json!("Board"), &json!("Kitchen")], "{listed}");
    Ok(())
}
