//! What one can type.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use desk::shell::Page;

/// `smartpi-tray`.
#[derive(Debug, Parser)]
#[command(name = "smartpi-tray", version, about = "SmartPi in the tray · 托盘中的 SmartPi")]
struct Typed {
    /// Start without opening the window · 启动时不打开窗口
    #[arg(long, conflicts_with_all = ["window", "page"])]
    hidden: bool,
    /// Open the window of the running SmartPi · 打开正在运行的 SmartPi 的窗口
    #[arg(long)]
    window: bool,
    /// Keep everything in this folder · 将全部数据保存在此文件夹
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The page to open, as JSON · 要打开的页面（JSON）
    #[arg(long, value_name = "PAGE", value_parser = page, requires = "window", hide = true)]
    page: Option<Page>,
}

/// What this process is asked to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Args {
    /// The folder for everything; `None`: the user's.
    pub(crate) data: Option<PathBuf>,
    /// Which of the two.
    pub(crate) face: Face,
}

/// One of the two processes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Face {
    /// The owner, with its tray.
    Tray {
        /// Do not open the window.
        hidden: bool,
    },
    /// The window.
    Window {
        /// What it shows first, until the owner says.
        page: Option<Page>,
    },
}

/// Help, version, or what is wrong.
#[derive(Debug)]
pub(crate) struct Shown(clap::Error);

impl Shown {
    /// Says it.
    pub(crate) fn tell(self) -> ExitCode {
        // A closed terminal is no reason to fail.
        let _ = self.0.print();
        ExitCode::from(u8::try_from(self.0.exit_code()).unwrap_or(crate::USAGE))
    }
}

impl Args {
    /// Reads the command line, the program's name first.
    pub(crate) fn read(typed: impl IntoIterator<Item = OsString>) -> Result<Self, Shown> {
        let Typed { hidden, window, data, page } = Typed::try_parse_from(typed).map_err(Shown)?;
        // The window's process may start in another folder.
        let data = data.map(|data| std::path::absolute(&data).unwrap_or(data));
        let face = if window { Face::Window { page } } else { Face::Tray { hidden } };
        Ok(Self { data, face })
    }
}

fn page(json: &str) -> Result<Page, serde_json::Error> {
    serde_json::from_str(json)
}

/// The command line of the window's process, without the program.
pub(crate) fn of_window(data: Option<&std::path::Path>, page: &Page) -> Vec<OsString> {
    let page = serde_json::to_string(page).expect("a page has string keys only");
    let mut line = of_tray(data);
    line.extend(["--window".into(), "--page".into(), page.into()]);
    line
}

/// The command line of the owner's process, without the program.
pub(crate) fn of_tray(data: Option<&std::path::Path>) -> Vec<OsString> {
    data.map_or_else(Vec::new, |data| vec!["--data".into(), data.into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(typed: &[&str]) -> Result<Args, Shown> {
        Args::read(std::iter::once("smartpi-tray").chain(typed.iter().copied()).map(OsString::from))
    }

    #[test]
    fn each_process_is_named() {
        assert_eq!(read(&[]).unwrap(), Args { data: None, face: Face::Tray { hidden: false } });
        assert_eq!(read(&["--hidden"]).unwrap().face, Face::Tray { hidden: true });
        assert_eq!(read(&["--window"]).unwrap().face, Face::Window { page: None });
        assert_eq!(read(&["--data", "/d"]).unwrap().data.as_deref(), Some(std::path::Path::new("/d")));
    }

    #[test]
    fn a_window_is_started_with_what_it_reads_back() {
        let page = Page::Devices { device_key: Some("k".into()), remove: true };
        let line = of_window(Some("/a b".as_ref()), &page);
        let args = Args::read(std::iter::once("smartpi-tray".into()).chain(line)).unwrap();
        assert_eq!(args, Args { data: Some("/a b".into()), face: Face::Window { page: Some(page) } });
    }

    #[test]
    fn nonsense_is_refused_and_help_is_not_a_failure() {
        for typed in
            [&["--hidden", "--window"][..], &["--page", "{}"], &["--window", "--page", "x"], &["--what"], &["x"]]
        {
            assert_eq!(read(typed).unwrap_err().0.exit_code(), i32::from(crate::USAGE), "{typed:?}");
        }
        for typed in ["--help", "--version"] {
            assert_eq!(read(&[typed]).unwrap_err().0.exit_code(), 0, "{typed}");
        }
    }
}
