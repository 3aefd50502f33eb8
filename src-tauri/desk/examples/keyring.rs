//! Tries the real keyring of this session out. For a throw-away session only: it overwrites and removes what SmartPi keeps there.
//!
//! `contract` checks every promise of a place for secrets; `look` prints where secrets would be kept, and how long finding out took; `identity` makes
//! the key for OpenClaw, which may ask the person; `idle` looks, then waits for the end of its input, so that its threads can be watched.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use desk::secrets::{Keyring, Vault, check_contract};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("contract") => finish(check_contract(&Keyring).map(|()| "kept".to_owned())),
        Some("look") => finish(look()),
        Some("identity") => finish(identity()),
        Some("idle") => {
            let looked = finish(look());
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            looked
        }
        _ => finish(Err("contract, look, identity or idle?".to_owned())),
    }
}

fn look() -> Result<String, String> {
    timed(async |vault| format!("{:?}", vault.look().await))
}

fn identity() -> Result<String, String> {
    timed(async |vault| {
        format!("{:?}, then {:?}", vault.identity().await.map_err(|failure| failure.code), vault.view())
    })
}

fn timed(work: impl AsyncFnOnce(&Vault) -> String) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let since = Instant::now();
    let said = runtime.block_on(work(&Vault::new(Path::new("never-used"), false)));
    Ok(format!("{said} after {} ms", since.elapsed().as_millis()))
}

fn finish(said: Result<String, String>) -> ExitCode {
    let (words, code) = match said {
        Ok(words) => (words, ExitCode::SUCCESS),
        Err(words) => (words, ExitCode::FAILURE),
    };
    // Whoever closed the pipe does not read it.
    let _ = writeln!(std::io::stdout(), "{words}");
    code
}
