//! The binary embeds the OpenClaw plugin: it must have been packed before.

use std::path::Path;

fn main() {
    let package = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo tells where the package is"))
        .join("../../plugin/openclaw-smartpi.tgz");
    println!("cargo::rerun-if-changed={}", package.display());
    if !package.is_file() {
        println!("cargo::error=plugin/openclaw-smartpi.tgz is missing: run `make web` first");
    }
}
