//! The tray's words.

super::words! {
    /// Last line.
    quit(): "Quit SmartPi", "退出 SmartPi";
}
