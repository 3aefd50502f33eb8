//! OpenClaw's dashboard for a person at a terminal. A link that signs in is printed there and nowhere else.

use std::ffi::OsString;

use desk::dashboard::Link;

use crate::exit::Stop;
use crate::terminal::Terminal;
use crate::words::terms as say;

/// Where OpenClaw listens if nobody says otherwise.
const PORT: &str = "18789";

/// Where a browser finds it, by the address of the gateway.
pub(crate) fn place(gateway: Option<&str>) -> String {
    match gateway.and_then(|url| url.trim_end_matches('/').split_once("://")) {
        Some(("wss", host)) => format!("https://{host}"),
        Some((_, host)) => format!("http://{host}"),
        None => format!("http://127.0.0.1:{PORT}"),
    }
}

/// Shows a link where no browser can be opened for this person.
pub(crate) async fn show_without_browser(terminal: Terminal) -> Result<(), Stop> {
    if has_browser(cfg!(target_os = "linux"), |name| std::env::var_os(name)) {
        return Ok(());
    }
    // What was agreed to is done: that there is no link is said, and nothing failed by it.
    match desk::dashboard::link().await {
        Ok(link) => tell(terminal, &link),
        Err(_) => terminal.say(say::no_link(terminal.language)),
    }
}

/// `smartpi gateway dashboard`: shows one in any case.
pub(crate) async fn show(terminal: Terminal) -> Result<(), Stop> {
    tell(terminal, &desk::dashboard::link().await?)
}

fn tell(terminal: Terminal, link: &Link) -> Result<(), Stop> {
    let language = terminal.language;
    let url = match link {
        Link::SignsIn(url) => {
            terminal.say(say::link(language, url.as_str()))?;
            url.as_str()
        }
        Link::Plain(url) => {
            terminal.say(say::link_plain(language, url))?;
            url
        }
    };
    terminal.say(say::tunnel(language, port(url)))
}

fn port(url: &str) -> &str {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', '#', '?']).next().unwrap_or(host);
    host.rsplit_once(':').map_or(PORT, |(_, port)| port)
}

/// Whether a browser of this person can open: not over SSH, and on Linux not without a desktop.
fn has_browser(is_linux: bool, env: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_set = |name: &str| env(name).is_some_and(|value| !value.is_empty());
    !is_set("SSH_CONNECTION") && (!is_linux || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_place_follows_from_the_gateways() {
        assert_eq!(place(Some("ws://127.0.0.1:19100/")), "http://127.0.0.1:19100");
        assert_eq!(place(Some("wss://office:443/")), "https://office:443");
        assert_eq!(place(None), "http://127.0.0.1:18789");
        assert_eq!(port("http://127.0.0.1:19100/#token=a:b"), "19100");
        assert_eq!(port("https://office/"), PORT);
    }

    #[test]
    fn over_ssh_and_without_a_desktop_no_browser_opens() {
        let with =
            |is_linux, names: &'static [&str]| has_browser(is_linux, |name| names.contains(&name).then(|| "x".into()));
        assert!(with(true, &["DISPLAY"]) && with(true, &["WAYLAND_DISPLAY"]) && with(false, &[]));
        assert!(!with(true, &[]) && !with(true, &["DISPLAY", "SSH_CONNECTION"]) && !with(false, &["SSH_CONNECTION"]));
    }
}
