//! What a newcomer sees: the command that `make run` ends with, at a terminal, and a phone that scans what it prints. Starts the real
//! `smartpi serve --show-qr` under a pseudo terminal and a real Chromium (chromedriver) on the phone's side of the cable.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use support::binaries;
use support::browser::Engine;
use support::lab::{Lab, Namespace};
use support::phone::{LIMIT, Phone};
use support::qr;
use support::terminal::Terminal;
use tempfile::TempDir;

/// `smartpi serve --show-qr` as a new user of the machine runs it.
fn serve(place: &Namespace, home: &Path) -> Command {
    let mut command = place.command(binaries::smartpi());
    command.args(["serve", "--show-qr"]).env("HOME", home).env("LANG", "en_US.UTF-8").env("LC_ALL", "en_US.UTF-8");
    for variable in ["XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "LANGUAGE"] {
        command.env_remove(variable);
    }
    command
}

/// The binding URL in a printed text.
fn binding_url(text: &str) -> Option<String> {
    let start = text.find("http://").filter(|start| text[*start..].contains("/b#1."))?;
    let start = text[..text[start..].find("/b#1.")? + start].rfind("http://")?;
    let url: String = text[start..].chars().take_while(|c| !c.is_whitespace()).collect();
    // Whole only when something follows it.
    (start + url.len() < text.len()).then_some(url)
}

/// The last command of `make run` with these variables.
fn make_run_ends_with(set: &[(&str, &str)]) -> Result<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the tests lie in the repository")?;
    let mut make = Command::new("make");
    // This test runs under `make test`, whose settings are not a person's.
    make.args(["-n", "--no-print-directory", "run"]).env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    make.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").envs(set.iter().copied());
    let output = make.current_dir(root).output()?;
    let printed = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "make -n run: {}", String::from_utf8_lossy(&output.stderr));
    let last = printed.lines().rfind(|line| !line.trim().is_empty()).context("make run does nothing")?;
    Ok(last.trim_end().to_owned())
}

#[test]
fn make_run_starts_the_tray_where_there_is_a_display_and_else_the_command_of_these_stories() -> Result<()> {
    let in_terminal = make_run_ends_with(&[])?;
    ensure!(in_terminal.ends_with("/smartpi\" serve --show-qr"), "make run ends with {in_terminal}");
    for display in [("DISPLAY", ":0"), ("WAYLAND_DISPLAY", "wayland-0")] {
        let on_screen = make_run_ends_with(&[display])?;
        ensure!(on_screen.ends_with("/smartpi-tray\""), "make run ends with {on_screen}");
    }
    Ok(())
}

#[test]
fn a_newcomer_says_yes_scans_the_printed_code_and_gets_an_answer() -> Result<()> {
    let lab = Lab::new();
    let home = TempDir::with_prefix("smartpi-newcomer-")?;
    let mut terminal = Terminal::run(&serve(&lab.computer, home.path()))?;
    terminal.until(LIMIT, "the question about the network", |text| text.contains("(y/N)").then_some(()))?;
    terminal.type_line("y")?;
    let url = terminal.until(LIMIT, "a binding URL", binding_url)?;
    ensure!(url.starts_with("http://192.168.77.1:8765/b#1."), "the phone cannot reach {url}");
    let scanned =
        qr::read(&terminal.text()).with_context(|| format!("no QR code that can be read in\n{}", terminal.text()))?;
    assert_eq!(scanned, url, "the QR code and the printed URL differ");

    let mut phone = Phone::open(Engine::Chromium, &lab.phone)?;
    phone.scan(&scanned)?;
    phone.agree()?;
    let code = phone.code()?;
    let asked = terminal.until(LIMIT, "the question for the two digits", |text| {
        let after = text.rsplit_once(&url).map_or("", |(_, after)| after);
        after.lines().rfind(|line| line.contains("digits")).map(str::to_owned)
    })?;
    ensure!(!asked.contains(&code), "the terminal gives the code away: {asked}");
    terminal.type_line(&code)?;
    phone.until_connection("connected")?;
    phone.say("Is anybody there?")?;
    phone.until_answer("Is anybody there?")?;
    phone.until_message("Is anybody there?", "answered")?;
    phone.browser().screenshot("make-run")?;

    terminal.interrupt(Duration::from_secs(10))?;
    phone.until_connection("unreachable")?;
    Ok(())
}

#[test]
fn a_newcomer_who_says_no_gets_a_code_for_this_computer_only() -> Result<()> {
    let lab = Lab::new();
    let home = TempDir::with_prefix("smartpi-newcomer-")?;
    let mut terminal = Terminal::run(&serve(&lab.computer, home.path()))?;
    terminal.until(LIMIT, "the question about the network", |text| text.contains("(y/N)").then_some(()))?;
    // Enter alone takes the capital letter.
    terminal.type_line("")?;
    let url = terminal.until(LIMIT, "a binding URL", binding_url)?;
    ensure!(url.starts_with("http://127.0.0.1:8765/b#1."), "not this computer only: {url}");
    ensure!(terminal.text().to_lowercase().contains("this computer only"), "not labelled:\n{}", terminal.text());
    lab.phone.connect((Lab::COMPUTER, 8765).into()).map(drop).unwrap_err();

    let mut browser = Phone::open(Engine::Chromium, &lab.computer)?;
    browser.scan(&url)?;
    browser.agree()?;
    let code = browser.code()?;
    terminal.until(LIMIT, "the question for the two digits", |text| {
        text.rsplit_once(&url).filter(|(_, after)| after.contains("digits")).map(drop)
    })?;
    terminal.type_line(&code)?;
    browser.until_connection("connected")?;
    Ok(())
}

/// Without a terminal nobody can be asked, so nothing is opened to the network.
#[test]
fn without_a_terminal_nothing_is_asked_and_nothing_is_opened() -> Result<()> {
    let lab = Lab::new();
    let home = TempDir::with_prefix("smartpi-newcomer-")?;
    let printed = home.path().join("printed");
    let out = std::fs::File::create(&printed)?;
    let mut command = serve(&lab.computer, home.path());
    command.stdin(std::process::Stdio::null()).stdout(out.try_clone()?).stderr(out);
    let mut child = command.spawn()?;
    let text = || std::fs::read_to_string(&printed).unwrap_or_default();
    let result = support::wait::until(LIMIT, "a binding URL", || {
        ensure!(child.try_wait()?.is_none(), "it ended:\n{}", text());
        Ok(binding_url(&text()).is_some())
    });
    let reached = lab.phone.connect((Lab::COMPUTER, 8765).into());
    child.kill()?;
    child.wait()?;
    result.with_context(text)?;
    ensure!(binding_url(&text()).is_some_and(|url| url.starts_with("http://127.0.0.1:8765/")), "{}", text());
    ensure!(text().to_lowercase().contains("this computer only"), "not labelled:\n{}", text());
    ensure!(!text().contains("(y/N)"), "it asked nobody:\n{}", text());
    ensure!(reached.is_err(), "the port is open to the network");
    Ok(())
}
