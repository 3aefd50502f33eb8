//! The session bus, which may be absent, slow or dead: nothing waits for it longer than [`PATIENCE`].

use std::time::Duration;

use tokio::time::timeout;
use zbus::Connection;
use zbus::connection::Builder;

/// How long any call may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connects. Its messages are read on the reactor, without a thread of its own.
pub(super) async fn connect() -> zbus::Result<Connection> {
    let bus = in_time(async { Builder::session()?.internal_executor(false).build().await }).await?;
    let reading = bus.clone();
    tauri::async_runtime::spawn(async move {
        loop {
            reading.executor().tick().await;
        }
    });
    Ok(bus)
}

/// Gives up in time.
pub(super) async fn in_time<T>(call: impl Future<Output = zbus::Result<T>>) -> zbus::Result<T> {
    timeout(PATIENCE, call)
        .await
        .unwrap_or_else(|_| Err(zbus::Error::InputOutput(std::sync::Arc::new(std::io::ErrorKind::TimedOut.into()))))
}
