//! The program `smartpi`. Packages for Linux hold no second copy of it: there it is another name of `smartpi-tray`.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    cli::main()
}
