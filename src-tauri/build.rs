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
    let target = |name: &str| std::env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    if target("OS") == "linux" {
        // The web engine uses the system's SQLite: without this it would be given the one that is linked into the programs.
        println!("cargo::rustc-link-arg-bins=-Wl,--exclude-libs,ALL");
        // Functions that are the same become one, and addresses to be moved are told in bits; glibc reads those since 2.36. Here rustc links with LLD,
        // which can; elsewhere it may not.
        if target("ARCH") == "x86_64" && std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
            println!("cargo::rustc-link-arg-bins=-Wl,--icf=all,-z,pack-relative-relocs");
        }
    }
}
