//! Where the programs are that the stories start.

use std::path::PathBuf;

/// The `smartpi` to test: the environment variable `SMARTPI_BIN`, else the one that cargo built beside this test.
///
/// # Panics
/// When it is not there: a story that starts real programs does not skip them.
#[must_use]
pub fn smartpi() -> PathBuf {
    built("smartpi", "cli", "SMARTPI_BIN")
}

/// The `smartpi-tray` to test: the environment variable `SMARTPI_TRAY_BIN`, else the one that cargo built beside this test.
///
/// # Panics
/// As [`smartpi`].
#[must_use]
pub fn smartpi_tray() -> PathBuf {
    built("smartpi-tray", "smartpi-tray", "SMARTPI_TRAY_BIN")
}

/// The `smartpi-window` to test: the environment variable `SMARTPI_WINDOW_BIN`, else the one that cargo built beside this test.
///
/// # Panics
/// As [`smartpi`].
#[must_use]
pub fn smartpi_window() -> PathBuf {
    built("smartpi-window", "smartpi-tray", "SMARTPI_WINDOW_BIN")
}

fn built(program: &str, package: &str, variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).map_or_else(
        || {
            let test = std::env::current_exe().expect("a running test has a path");
            // target/debug/deps/scenarios-0123 -> target/debug/smartpi
            let built = test.parent().and_then(|deps| deps.parent()).expect("cargo puts tests two folders deep");
            built.join(program).with_extension(std::env::consts::EXE_EXTENSION)
        },
        PathBuf::from,
    );
    assert!(
        path.is_file(),
        "{} is not there: build it with `cargo build -p {package}`, or name one in {variable}",
        path.display()
    );
    path
}
