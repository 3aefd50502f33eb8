//! Words that the owner keeps from a device are told at once to whoever looks at the window. Real part: the `smartpi` binary. The plugin is a socket that proves
//! the link key; whoever looks is a `view.watch`.

use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use support::channel_service::ChannelService;
use support::lab::Lab;

use crate::two_plugins::{plugin, push};

const SOON: Duration = Duration::from_secs(20);

/// The view without what is only there to tell that it changed.
fn rest(view: &Value) -> Value {
    let mut rest = view.clone();
    for count in ["revision", "activity"] {
        rest[count].take();
    }
    rest
}

#[test]
fn whoever_looks_is_told_at_once_although_nothing_else_changed() -> Result<()> {
    let lab = Lab::new();
    let service = ChannelService::start(&lab.computer, &["--agent", "gateway", "--lan"])?;
    let device = service.bind_device(&lab.phone, Lab::COMPUTER, "kitchen")?;
    let key = device.device_key().to_string();
    service.control()?.ask("devices.speaks_first", json!({"deviceKey": key, "who": "nobody"}))?;
    lab.computer.block_on(|| async {
        let (mut plugin, _) = plugin(&service).await?;
        let watch = service.control()?;
        let (saw, seen) = mpsc::channel();
        let looking = std::thread::spawn(move || {
            watch.until_event("view.watch", json!({}), SOON, "more", |view| saw.send(view.clone()).is_err())
        });
        let settled = |view: &Value| view["assistant"]["link"] == "online" && view["devices"][0]["state"] == "offline";
        let mut before = seen.recv_timeout(SOON)?;
        while !settled(&before) {
            before = seen.recv_timeout(SOON)?;
        }
        // More than once: what came before may be told late, but not three times.
        for rid in ["p-one", "p-two", "p-three"] {
            plugin.say_frame(&push(rid, &device)).await?;
            plugin.until("refused").await?;
            let mut after = seen.recv_timeout(SOON).context("nobody was told")?;
            while after["activity"] == before["activity"] {
                before = after;
                after = seen.recv_timeout(SOON).context("nobody was told of more activity")?;
            }
            // The twin: without this number the two are the same, and who looks would have heard of it at the next other change.
            ensure!(rest(&before) == rest(&after), "{before}\n{after}");
            before = after;
        }
        let told = service.control()?.ask("activity.turns", json!({}))?;
        assert_eq!((&told["unasked"][0]["refused"], &told["unasked"][0]["said"]), (&json!(true), &Value::Null));
        // Nobody listens any more: the next change ends it, and else its limit.
        drop((seen, looking));
        Ok(())
    })
}
