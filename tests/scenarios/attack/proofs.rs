//! T6, T7, T9: proofs that are guessed, and proofs that are sent a second time.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, bail, ensure};
use device::{BindError, BindingUrl, Claim, Code, Confirm, Identity, Keep, Kind};
use serde_json::{Value, json};
use support::channel_service::ChannelService;
use support::intruder::{Intruder, auth};
use support::lab::Lab;

use super::{Before, LAN, from_each, start};

/// Failures of one address that close the door to it.
const FAILURES: usize = 10;

/// One `auth` that must fail, with fields of its own; what it was closed with.
async fn guess(from: Ipv4Addr, named: &Identity, more: &Value) -> Result<u16> {
    let (mut stranger, hello) = match Intruder::greeted(from, LAN).await {
        Ok(greeted) => greeted,
        Err(error) if format!("{error:#}").contains("9005") => return Ok(4005),
        Err(error) => return Err(error),
    };
    let mut frame = auth(&hello, &Identity::from_seed([66; 32]), &named.device_key())?;
    for (name, value) in more.as_object().into_iter().flatten() {
        frame[name] = value.clone();
    }
    stranger.say_frame(&frame).await?;
    Ok(stranger.farewell().await?.1)
}

/// CVE class of OpenClaw's PR 57647: a field that nobody asked for switched the limiter off.
#[test]
fn ten_failures_close_the_door_to_one_address_and_to_no_other() -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let crowd = lab.crowd(52);
    let device = service.bind_device(&lab.phone, Lab::COMPUTER, "kettle")?;
    let before = Before::of(&service)?;
    let junk = [
        json!({}),
        json!({"token": "junk"}),
        json!({"deviceToken": "junk", "scopes": ["operator.admin"]}),
        json!({"bootstrapToken": "junk", "role": "operator"}),
        json!({"x-forwarded-for": "127.0.0.1", "peer": "127.0.0.1"}),
    ];
    // Each address guesses with other fields, fifty of them at once.
    from_each(&lab.phone, &crowd[..50], async |index, from| {
        for number in 0..FAILURES {
            let close = guess(from, &device, &junk[(index + number) % junk.len()]).await?;
            ensure!(close == 4003, "guess {number} from {from} was closed with {close}");
        }
        for more in &junk {
            let close = guess(from, &device, more).await?;
            ensure!(close == 4005, "after ten failures {from} was heard: {close}, {more}");
        }
        Ok(())
    })?;
    // Who shares neither the address nor the blame.
    lab.phone.block_on(|| async {
        Intruder::proved(Lab::PHONE, LAN, &device).await?;
        Intruder::proved(crowd[50], LAN, &device).await?;
        // Nine failures and a good one: the address is not shut out.
        for _ in 1..FAILURES {
            ensure!(guess(crowd[51], &device, &junk[1]).await? == 4003);
        }
        Intruder::proved(crowd[51], LAN, &device).await.map(drop)
    })?;
    before.nothing_left(&service, 8 << 10)
}

/// Tries to bind with a code that must not work any more; the code it is refused with.
fn replayed(lab: &Lab, url: &BindingUrl) -> Result<Option<Code>> {
    let claim = Claim { name: "replay".into(), kind: Kind::Script, confirm: Confirm::Code };
    let mut keep = Keep::in_memory(Identity::random()?);
    lab.phone.block_on(|| async {
        match device::bind(url, &mut keep, &claim, |_| {}).await {
            Ok(_) => bail!("bound with a code that is over"),
            Err(BindError::Connect(error)) => Ok(error.code()),
            Err(other) => Ok(other.code()),
        }
    })
}

fn bound(service: &ChannelService<'_>) -> Result<usize> {
    Ok(service.devices()?.len())
}

/// Codes that die of old age need three minutes: `hub::tests` has those, to the millisecond.
#[test]
fn codes_that_were_used_refused_or_replaced_bind_nobody() -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let (bind, refused) = service.bind_url(Lab::COMPUTER)?;
    service.control()?.ask("bind.reject", json!({"bind": bind}))?;
    let (_, replaced) = service.bind_url(Lab::COMPUTER)?;
    let (bind, used) = service.bind_url(Lab::COMPUTER)?;
    let used_url = BindingUrl::parse(&used)?;
    let mut keep = Keep::in_memory(Identity::random()?);
    let claim = Claim { name: "first".into(), kind: Kind::Script, confirm: Confirm::Allow };
    std::thread::scope(|scope| -> Result<()> {
        let device = scope.spawn(|| {
            lab.phone.block_on(|| async { device::bind(&used_url, &mut keep, &claim, |_| {}).await.map(drop) })
        });
        let mut watch = service.control()?.watch(&bind)?;
        watch.until("confirming")?;
        service.control()?.ask("bind.confirm", json!({"bind": bind, "code": "allow"}))?;
        device.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(())
    })?;
    ensure!(bound(&service)? == 1, "the first device is not bound");
    for over in [&refused, &replaced, &used] {
        let url = BindingUrl::parse(over)?;
        for _ in 0..3 {
            let code = replayed(&lab, &url)?;
            ensure!(code == Some(Code::BindingUnknown), "refused with {code:?}");
        }
    }
    // The twin: a code that is alive is refused to nobody.
    service.bind_device(&lab.phone, Lab::COMPUTER, "second")?;
    ensure!(bound(&service)? == 2, "{:?}", service.devices()?);
    Ok(())
}

/// Whoever listens on the network can say again what was said, and gets nothing for it.
#[test]
fn an_auth_that_was_overheard_opens_nothing() -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let crowd = lab.crowd(20);
    let device = service.bind_device(&lab.phone, Lab::COMPUTER, "kettle")?;
    let overheard = lab.phone.block_on(|| async {
        let (mut kettle, hello) = Intruder::greeted(Lab::PHONE, LAN).await?;
        let frame = auth(&hello, &device, &device.device_key())?;
        kettle.say_frame(&frame).await?;
        kettle.next("ready").await?;
        anyhow::Ok(frame)
    })?;
    from_each(&lab.phone, &crowd, async |_, from| {
        // Nine of each: the tenth would be refused unread.
        for _ in 1..FAILURES {
            let (mut stranger, hello) = Intruder::greeted(from, LAN).await?;
            ensure!(hello["sn"].is_string());
            stranger.say_frame(&overheard).await?;
            let (codes, close) = stranger.farewell().await?;
            ensure!(close == 4003 && codes.first() == Some(&9003), "{codes:?} {close}");
        }
        Ok(())
    })?;
    let state = service.devices()?.first().context("no device")?["state"].clone();
    ensure!(state == "offline", "somebody is {state}");
    Ok(())
}
