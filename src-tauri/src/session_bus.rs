//! The session bus, which may be absent, slow or dead: nothing waits for it longer than [`PATIENCE`].

use std::time::Duration;

use tokio::time::timeout;
use zbus::Connection;
use zbus::connection::Builder;

/// How long any call may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connects. Its messages are read on the reactor, without a thread of its own.
///
/// # Errors
/// There is no session bus, or it does not answer.
pub async fn connect() -> zbus::Result<Connection> {
    in_time(async { Builder::session()?.build().await }).await
}

/// Gives up in time.
///
/// # Errors
/// The call's, or that it took too long.
pub async fn in_time<T>(call: impl Future<Output = zbus::Result<T>>) -> zbus::Result<T> {
    timeout(PATIENCE, call)
        .await
        .unwrap_or_else(|_| Err(zbus::Error::InputOutput(std::sync::Arc::new(std::io::ErrorKind::TimedOut.into()))))
}
