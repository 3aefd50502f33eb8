//! Reads `tauri.conf.json` and the capabilities, and makes a permission of every command.

#[path = "src/window/command_names.rs"]
mod command_names;

fn main() {
    let commands = tauri_build::AppManifest::new().commands(command_names::COMMANDS);
    let attributes = tauri_build::Attributes::new()
        .capabilities_path_pattern("./src-tauri/capabilities/**/*")
        .app_manifest(commands);
    if let Err(error) = tauri_build::try_build(attributes) {
        panic!("tauri-build: {error:#}");
    }
    // The web engine uses the system's SQLite: without this it would be given the one that is linked into the programs.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-link-arg-bins=-Wl,--exclude-libs,ALL");
    }
}
