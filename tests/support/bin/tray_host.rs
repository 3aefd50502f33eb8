//! A tray on the desktop of a booted machine, whose bus lets nobody in but its user. Runs until it is ended.

use anyhow::Result;
use support::desktop::TrayHost;
use zbus::blocking::connection::Builder;

fn main() -> Result<()> {
    let _tray = TrayHost::on(Builder::session()?)?;
    loop {
        std::thread::park();
    }
}
