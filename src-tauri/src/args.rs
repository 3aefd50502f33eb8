//! The command lines of the two programs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use desk::failure::Failure;
use desk::page::Page;

/// What the tray is asked to be.
#[derive(Debug, PartialEq, Eq, Parser)]
#[command(name = "smartpi-tray", version, about = "SmartPi in the tray · 托盘中的 SmartPi")]
pub struct TrayArgs {
    /// Start without opening the window · 启动时不打开窗口
    #[arg(long)]
    pub hidden: bool,
    /// Keep everything in this folder · 将全部数据保存在此文件夹
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Print the report of a SmartPi that does not run, and end · 输出未运行时的报告后退出
    #[arg(long, hide = true)]
    pub report: bool,
}

/// What the window is asked to show.
#[derive(Debug, PartialEq, Eq, Parser)]
#[command(name = "smartpi-window", version, about = "The window of the running SmartPi · 正在运行的 SmartPi 的窗口")]
pub struct WindowArgs {
    /// Keep everything in this folder · 将全部数据保存在此文件夹
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The page to open first, as JSON · 首先打开的页面（JSON）
    #[arg(long, value_name = "PAGE", value_parser = json::<Page>, hide = true)]
    pub page: Option<Page>,
    /// Why nothing runs, as JSON · 未运行的原因（JSON）
    #[arg(long, value_name = "FAILURE", value_parser = json::<Failure>, hide = true)]
    pub failure: Option<Failure>,
}

/// Help, version, or what is wrong.
#[derive(Debug)]
pub struct Shown(clap::Error);

impl Shown {
    /// Says it.
    #[must_use]
    pub fn tell(self) -> ExitCode {
        // A closed terminal is no reason to fail.
        let _ = self.0.print();
        ExitCode::from(u8::try_from(self.0.exit_code()).unwrap_or(crate::USAGE))
    }
}

/// Reads a command line, the program's name first.
///
/// # Errors
/// See [`Shown`].
pub fn read<Args: Parser>(typed: impl IntoIterator<Item = OsString>) -> Result<Args, Shown> {
    Args::try_parse_from(typed).map_err(Shown)
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text)
}

/// The command line of the window, without the program.
pub(crate) fn of_window(data: Option<&Path>, page: &Page, failure: Option<&Failure>) -> Vec<OsString> {
    let json = |words: serde_json::Result<String>| words.expect("it has string keys only").into();
    let mut line = of_tray(data);
    line.extend(["--page".into(), json(serde_json::to_string(page))]);
    line.extend(failure.into_iter().flat_map(|failure| ["--failure".into(), json(serde_json::to_string(failure))]));
    line
}

/// What both are told of the data folder. Another process may start in another folder.
#[must_use]
pub fn of_tray(data: Option<&Path>) -> Vec<OsString> {
    let absolute = |data: &Path| std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
    data.map_or_else(Vec::new, |data| vec!["--data".into(), absolute(data).into()])
}

#[cfg(test)]
mod tests {
    use desk::failure::FailureCode;

    use super::*;

    fn words<'w>(typed: &'w [&'w str]) -> impl Iterator<Item = OsString> + 'w {
        std::iter::once("smartpi").chain(typed.iter().copied()).map(OsString::from)
    }

    #[test]
    fn the_tray_is_hidden_where_it_is_asked_to_be() {
        let args = |typed: &[&str]| read::<TrayArgs>(words(typed)).unwrap();
        assert_eq!(args(&[]), TrayArgs { data: None, hidden: false, report: false });
        let hidden = TrayArgs { data: Some("/d".into()), hidden: true, report: false };
        assert_eq!(args(&["--hidden", "--data", "/d"]), hidden);
    }

    #[test]
    fn a_window_is_started_with_what_it_reads_back() {
        let page = Page::Devices { device_key: Some("k".into()), remove: true };
        let failure = Failure::with(FailureCode::PortInUse, "8765");
        let line = of_window(Some("/a b".as_ref()), &page, Some(&failure));
        let args: WindowArgs = read(std::iter::once("smartpi-window".into()).chain(line)).unwrap();
        assert_eq!(args, WindowArgs { data: Some("/a b".into()), page: Some(page), failure: Some(failure) });
    }

    #[test]
    fn nonsense_is_refused_and_help_is_not_a_failure() {
        for typed in [&["--window"][..], &["--page", "{}"], &["--what"], &["x"]] {
            assert_eq!(read::<TrayArgs>(words(typed)).unwrap_err().0.exit_code(), i32::from(crate::USAGE), "{typed:?}");
        }
        for typed in [&["--hidden"][..], &["--page", "x"], &["--failure", "{}"]] {
            let refused = read::<WindowArgs>(words(typed)).unwrap_err();
            assert_eq!(refused.0.exit_code(), i32::from(crate::USAGE), "{typed:?}");
        }
        for typed in ["--help", "--version"] {
            assert_eq!(read::<TrayArgs>(words(&[typed])).unwrap_err().0.exit_code(), 0, "{typed}");
        }
    }
}
