use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::timeout;

use super::*;

/// A bus of this test's own.
struct Bus {
    daemon: Child,
    address: String,
}

impl Bus {
    fn start() -> Self {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon is installed");
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { daemon, address: address.trim().to_owned() }
    }

    async fn connect(&self) -> zbus::Connection {
        zbus::connection::Builder::address(self.address.as_str()).unwrap().build().await.unwrap()
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

#[tokio::test]
async fn waking_up_is_told_and_falling_asleep_is_not() {
    let bus = Bus::start();
    let (listener, logind) = (bus.connect().await, bus.connect().await);
    logind.request_name(LOGIND).await.unwrap();
    let (reports, mut heard) = mpsc::channel(8);
    let telling = tokio::spawn(async move { tell_waking(&listener, LOGIND, &reports).await });
    let manager = "org.freedesktop.login1.Manager";
    let say = async |sleeps: bool| {
        logind.emit_signal(None::<()>, "/org/freedesktop/login1", manager, "PrepareForSleep", &sleeps).await.unwrap();
    };
    // It may not listen yet: said until it is heard.
    let woke = async {
        loop {
            say(true).await;
            say(false).await;
            if let Ok(event) = timeout(Duration::from_millis(50), heard.recv()).await {
                return event;
            }
        }
    };
    let event = timeout(Duration::from_secs(10), woke).await.expect("in time");
    assert!(matches!(event, Some(Event::Woke)));
    telling.abort();
}
