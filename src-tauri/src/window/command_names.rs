//! What the page may ask this process for: the build script makes a permission of each, and only the window's capability grants them.

/// The commands, as the page calls them.
pub(crate) const COMMANDS: &[&str] = &[
    "attend",
    "painted",
    "start_service",
    "stop_service",
    "allow_network",
    "start_bind",
    "watch_bind",
    "confirm_bind",
    "reject_bind",
    "rename_device",
    "remove_device",
    "mute_device",
    "speaks_first",
    "test_device",
    "device_status",
    "turns",
    "change_settings",
    "look_for_openclaw",
    "install_plugin",
    "open_folder",
    "open_phone_page",
    "retry_owner",
    "quit",
];
