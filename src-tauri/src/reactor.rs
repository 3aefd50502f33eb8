//! The one thread on which everything asynchronous of a program runs; it sleeps while nothing happens.

use std::io;

use tokio::runtime::{Builder, Handle};

/// Starts it.
///
/// # Errors
/// The system refuses a thread or a timer.
pub fn start() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(4).build()?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name("smartpi-shell".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(handle)
}
