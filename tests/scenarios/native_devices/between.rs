//! Somebody who is not the service answers a device: in between, in its place, or without TLS.
//!
//! Each story has a twin with the check switched off, so that it shows which check stops what: behind a blind eye for certificates it is `chan`, and
//! without `chan` nothing is left that would.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::mpsc::Sender;

use channel::proof::announce;
use channel::wire::device::Limits;
use channel::wire::{Versions, encode};
use device::{Claim, Connection, Event, Identity, Session, Timing, bind_on};
use futures_util::{SinkExt, StreamExt};
use support::relay::{self, Onward, Relay, blind};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::*;

/// What a story says to a listener of its own that has heard enough: no device begins like this.
const ENOUGH: u8 = b'q';

/// Somebody in between, on the device's end of the cable.
fn relay(lab: &Lab, onward: Onward) -> Result<Relay> {
    let listener = lab.phone.listen((Lab::PHONE, 0).into())?;
    Relay::start(listener, SERVICE, onward, lab.phone.dialer(SERVICE))
}

/// A connection through the relay that took any certificate, with `chan` as the device is made to see it.
async fn careless(relay: &Relay, chan: Option<Chan>) -> Result<Greeted> {
    let (stream, seen) = blind(tokio::net::TcpStream::connect(&relay.authority).await?).await?;
    assert_eq!(seen, relay.chan);
    let socket = Socket::over(stream, chan.unwrap_or(seen), &relay.authority).await?;
    Ok(Greeted::over(socket, LIMIT).await?)
}

fn claim(name: &str) -> Claim {
    Claim { name: name.into(), kind: Kind::Script, confirm: Confirm::Code }
}

/// A device that is bound over TLS, in the file of this name.
fn bind_device(service: &ChannelService<'_>, desk: &Desk<'_>, name: &str) -> Result<String> {
    let (_, url) = service.bind_url(Lab::COMPUTER)?;
    bound_and_answered(service, &mut desk.simulate(name, &[&url])?, 2, "Hello")?;
    Ok(url)
}

fn nobody_waits(service: &ChannelService<'_>) -> Result<()> {
    assert_eq!(service.control()?.ask("devices.pending", json!({}))?["pending"], json!([]));
    Ok(())
}

#[test]
fn a_relay_with_another_certificate_binds_nobody_and_hears_nothing() -> Result<()> {
    let lab = Lab::new();
    let service = serve(&lab)?;
    let desk = Desk::at(&lab.phone)?;
    let relay = relay(&lab, Onward::Tls)?;
    let (_, url) = service.bind_url(Lab::COMPUTER)?;
    let url = moved(&url, &relay.authority)?;

    let mut device = desk.simulate("Kitchen", &[&url])?;
    device.ends_with(1)?;
    let failure = device.line("failure").context("a failure")?;
    assert_eq!((&failure["code"], shows_a_code(&device)), (&json!("other_certificate"), false), "{}", device.text());
    let mut python = desk.python("python", &[&url])?;
    python.ends_with(1)?;
    ensure!(python.text().contains("certificate") && !shows_a_code(&python), "{}", python.text());
    assert_eq!((relay.dialled(), relay.from_device(), relay.to_device()), (2, 0, 0));
    nobody_waits(&service)?;

    // The twin: behind a blind eye it is heard, and `chan` stops it.
    let through = BindingUrl::parse(&url)?;
    let mut keep = Keep::in_memory(Identity::random()?);
    let refused = lab.phone.block_on(|| async {
        let greeted = careless(&relay, None).await?;
        let shown = |code: &str| unreachable!("a device behind a relay shows {code}");
        anyhow::Ok(bind_on(greeted, &through, &mut keep, &claim("Careless"), shown).await)
    })?;
    let error = refused.err().context("it was bound")?;
    assert_eq!(error.code(), Some(Code::BindingUnknown), "{error}");
    ensure!(relay.from_device() > 0 && relay.to_device() > 0, "the careless device did not get through");
    nobody_waits(&service)
}

#[test]
fn a_device_that_typed_or_asked_through_a_relay_is_not_bound() -> Result<()> {
    let lab = Lab::new();
    let service = serve(&lab)?;
    let desk = Desk::at(&lab.phone)?;
    let relay = relay(&lab, Onward::Tls)?;
    let code = typed_code(&service)?;
    // It knows no certificate yet: it gets as far as its proof, which speaks of the wrong one.
    let mut typed = desk.simulate("Typed", &["--code", &code, "--address", &relay.authority])?;
    typed.ends_with(4)?;
    assert_eq!(typed.line("failure").context("a failure")?["detail"], Code::BindingUnknown.number());
    let mut typed = desk.python("typed", &["--code", &code, "--address", &relay.authority])?;
    typed.ends_with(1)?;
    ensure!(typed.text().contains("9001"), "{}", typed.text());
    // And with the asking device: what the service signed names another certificate than the one that it sees.
    let mut asks = desk.simulate("Asks", &["--announce", &relay.authority])?;
    asks.ends_with(1)?;
    assert_eq!(asks.line("failure").context("a failure")?["code"], "impostor");
    let mut asks = desk.python("asks", &["--announce", &relay.authority])?;
    asks.ends_with(1)?;
    ensure!(asks.text().contains("InvalidSignature"), "{}", asks.text());
    for device in [&typed, &asks] {
        ensure!(!shows_a_code(device), "{}", device.text());
    }
    ensure!(relay.from_device() > 0, "nobody came through");
    nobody_waits(&service)
}

/// Plays the service to one device that asks, with a key and a certificate of his own, and asks the service in its name.
async fn meddle(listener: TcpListener, name: &str, shown: Sender<String>) -> Result<Keep> {
    listener.set_nonblocking(true)?;
    let (acceptor, chan) = relay::certificate()?;
    let (tcp, _) = tokio::net::TcpListener::from_std(listener)?.accept().await?;
    let mut victim = tokio_tungstenite::accept_async(acceptor.accept(tcp).await?).await?;
    let service = Identity::random()?;
    let (sn, an) = (Blob([1; 32]), Blob([2; 32]));
    let hello = ToDevice::Hello {
        v: Versions::OURS,
        sn: sn.clone(),
        spk: service.public_key(),
        name: "SmartPi".into(),
        epoch: "e1".into(),
        hb: 30,
        limits: Limits::OURS,
    };
    victim.send(Message::text(encode(&hello))).await?;
    let FromDevice::Announce(asked) = heard(&mut victim).await? else { anyhow::bail!("it does not ask") };
    let sig = announce::sign_answer(&service.signing_key(), &asked, (&sn, &chan), &an);
    victim.send(Message::text(encode(&ToDevice::AnnounceWait { an, sig, expires_s: 120 }))).await?;
    let FromDevice::AnnounceReveal { .. } = heard(&mut victim).await? else { anyhow::bail!("no nonce") };
    let FromDevice::BindShown {} = heard(&mut victim).await? else { anyhow::bail!("no code is shown") };
    // Now the device shows its digits to its person, and he asks at the computer.
    let mut keep = Keep::in_memory(Identity::random()?);
    device::announce(&SERVICE.to_string(), &mut keep, &claim(name), |code| drop(shown.send(code.into()))).await?;
    Ok(keep)
}

async fn heard<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>) -> Result<FromDevice> {
    let message = tokio::time::timeout(LIMIT, socket.next()).await?.context("the device left")??;
    Ok(FromDevice::decode(message.to_text()?)?)
}

#[test]
fn who_plays_the_service_to_a_device_that_asks_has_other_digits() -> Result<()> {
    let lab = Lab::new();
    let service = serve(&lab)?;
    let desk = Desk::at(&lab.phone)?;
    let listener = lab.phone.listen((Lab::PHONE, 0).into())?;
    let place = listener.local_addr()?.to_string();
    std::thread::scope(|scope| {
        let (shown, his) = std::sync::mpsc::channel();
        let meddler = scope.spawn(|| lab.phone.block_on(|| meddle(listener, "Kitchen", shown)));
        let mut device = desk.simulate("Kitchen", &["--announce", &place])?;
        let (right, his) = (digits(&mut device)?, his.recv()?);
        assert_ne!(right, his);
        let bind = confirming(&service.data())?;
        // The person sees one "Kitchen" that asks, and types what the kitchen shows.
        let mut control = service.control()?;
        assert_eq!(control.refused("bind.confirm", json!({"bind": bind, "code": right}))?, "wrong_code");
        assert_eq!(service.devices()?, Vec::<Value>::new());
        // The twin: his own digits would have bound him. Only they are what the device can never show.
        control.ask("bind.confirm", json!({"bind": bind, "code": his}))?;
        let keep = meddler.join().map_err(|_| anyhow::anyhow!("the meddler panicked"))??;
        assert_eq!(service.devices()?[0]["deviceKey"], keep.identity.device_key().as_str());
        Ok(())
    })
}

#[test]
fn without_chan_nothing_would_stop_the_relay() -> Result<()> {
    let lab = Lab::new();
    let service = serve(&lab)?;
    let relay = relay(&lab, Onward::Plain)?;
    let (_, url) = service.bind_url(Lab::COMPUTER)?;
    let url = BindingUrl::parse(&moved(&url, &relay.authority)?)?;
    let mut keep = Keep::in_memory(Identity::random()?);
    let (to_person, codes) = std::sync::mpsc::channel::<String>();
    let data = service.data();
    let person = std::thread::spawn(move || approve(&data, &codes.recv()?));
    // Both sides sign `plain`: the service because the relay came so, the device because it is made to.
    let online = lab.phone.block_on(|| bind_plain(&relay, &url, &mut keep, to_person))?;
    person.join().map_err(|_| anyhow::anyhow!("the person panicked"))??;
    ensure!(online && service.devices()?.len() == 1, "the relay was stopped by something else than `chan`");
    Ok(())
}

async fn bind_plain(relay: &Relay, url: &BindingUrl, keep: &mut Keep, person: Sender<String>) -> Result<bool> {
    let greeted = careless(relay, Some(Chan::Plain)).await?;
    let bound = bind_on(greeted, url, keep, &claim("Betrayed"), |code| drop(person.send(code.into()))).await?;
    Ok(bound.authenticate(&keep.identity, LIMIT).await.is_ok())
}

#[test]
fn a_bound_device_does_not_speak_to_a_relay() -> Result<()> {
    let lab = Lab::new();
    let service = serve(&lab)?;
    let desk = Desk::at(&lab.phone)?;
    bind_device(&service, &desk, "Kitchen")?;
    let relay = relay(&lab, Onward::Tls)?;
    let key = service.devices()?[0]["deviceKey"].as_str().context("a key")?.to_owned();
    let before = service.turns(&key)?.len();
    let mut identity = Keep::open(&desk.file("Kitchen"))?.identity.clone();
    identity.binding.as_mut().context("bound")?.authority.clone_from(&relay.authority);
    says_nothing(&lab, identity.clone(), |event| matches!(event, Event::Impostor))?;
    ensure!(relay.dialled() > 0, "it never came");
    assert_eq!((relay.from_device(), relay.to_device()), (0, 0));

    // The twin: a device that took the relay's certificate for the right one. Its proof speaks of that one.
    let Chan::Tls(wrong) = relay.chan.clone() else { anyhow::bail!("a relay with TLS") };
    identity.binding.as_mut().context("bound")?.certificate = Some(wrong);
    let refused = lab.phone.block_on(|| async { Connection::open(&identity, LIMIT).await.map(drop) });
    assert_eq!(refused.err().context("it got in")?.code(), Some(Code::NotAuthenticated));
    ensure!(relay.from_device() > 0 && relay.to_device() > 0, "the twin did not get through");
    assert_eq!(service.turns(&key)?.len(), before, "a message passed");
    Ok(())
}

/// A device with a message is switched on, does not like what it sees, and keeps the message.
fn says_nothing(lab: &Lab, identity: Identity, dislikes: fn(&Event) -> bool) -> Result<()> {
    let (seen, events) = std::sync::mpsc::channel();
    let kept = lab.phone.block_on(|| async {
        let timing = Timing { retry_most: Duration::from_millis(50), ..Timing::default() };
        let (stop, mut stopped) = tokio::sync::mpsc::unbounded_channel();
        let session = Session::start(Keep::in_memory(identity), timing, move |event| {
            let _ = stop.send(dislikes(&event));
            let _ = seen.send(event);
        });
        session.send("a secret").await?;
        let disliked = async {
            while !stopped.recv().await.context("the session ended")? {}
            anyhow::Ok(())
        };
        tokio::time::timeout(LIMIT, disliked).await??;
        session.stop();
        Ok::<_, anyhow::Error>(session.join().await.context("an end")?.1.identity.outbox.len())
    })?;
    assert_eq!(kept, 1);
    ensure!(!events.iter().any(|event| matches!(event, Event::Online { .. } | Event::Sent { .. })), "it spoke");
    Ok(())
}

#[test]
fn another_service_at_the_address_is_told_nothing() -> Result<()> {
    let lab = Lab::new();
    let desk = Desk::at(&lab.phone)?;
    let mut right = serve(&lab)?;
    bind_device(&right, &desk, "Kitchen")?;
    let url = right.bind_url(Lab::COMPUTER)?.1;
    bound_and_answered(&right, &mut desk.python("python", &[&url, "hi"])?, 2, "hi")?;
    let identity = Keep::open(&desk.file("Kitchen"))?.identity.clone();
    right.kill()?;
    // Another key, another certificate.
    let mut wrong = serve(&lab)?;
    says_nothing(&lab, identity.clone(), |event| matches!(event, Event::Impostor))?;
    let mut python = desk.python("python", &["a secret"])?;
    python.ends_with(1)?;
    ensure!(python.text().contains("certificate"), "{}", python.text());
    // Another key behind the right certificate: stolen from a backup, say.
    wrong.kill()?;
    let certificate = |service: &ChannelService<'_>| -> PathBuf { service.data().join("tls.pem") };
    std::fs::copy(certificate(&right), certificate(&wrong))?;
    wrong.start_again()?;
    says_nothing(&lab, identity, |event| matches!(event, Event::Impostor))?;
    let mut python = desk.python("python", &["a secret"])?;
    python.ends_with(1)?;
    ensure!(python.text().contains("Not the computer this device is bound to"), "{}", python.text());
    assert_eq!(wrong.devices()?, Vec::<Value>::new());
    // And the right one is still welcome.
    wrong.kill()?;
    right.start_again()?;
    desk.simulate("Kitchen", &[])?.ends_with(0)
}

#[test]
fn there_is_no_way_down_from_tls() -> Result<()> {
    let lab = Lab::new();
    let desk = Desk::at(&lab.phone)?;
    let mut service = serve(&lab)?;
    let url = bind_device(&service, &desk, "Kitchen")?;
    bound_and_answered(&service, &mut desk.python("python", &["--announce", &SERVICE.to_string(), "hi"])?, 6, "hi")?;
    // A code without a certificate, and one whose certificate is ignored.
    let (_, fresh) = service.bind_url(Lab::COMPUTER)?;
    let bare = fresh.strip_suffix(&format!(".{}", pin(&url)?)).context("the same certificate")?.to_owned();
    for arguments in [&[bare.as_str()][..], &["--plain", &fresh]] {
        let mut device = desk.simulate("Kitchen", arguments)?;
        device.ends_with(1)?;
        assert_eq!(device.line("failure").context("a failure")?["code"], "downgrade");
        let mut python = desk.python("python", arguments)?;
        python.ends_with(1)?;
        ensure!(python.text().contains("does not go back"), "{}", python.text());
    }
    nobody_waits(&service)?;
    service.kill()?;
    // Somebody without TLS at the right address, who sends everybody elsewhere.
    let listener: TcpListener = lab.computer.listen(SERVICE)?;
    let elsewhere = lab.phone.listen((Ipv4Addr::LOCALHOST, 0).into())?;
    let place = elsewhere.local_addr()?;
    let heard = std::thread::spawn(move || -> Result<Vec<u8>> {
        let mut firsts = Vec::new();
        while firsts.last() != Some(&ENOUGH) {
            let (mut tcp, _) = listener.accept()?;
            let mut part = [0; 4_096];
            let read = tcp.read(&mut part).unwrap_or(0);
            firsts.extend(part[..read].first());
            let head = format!(
                "HTTP/1.1 307 Temporary Redirect\r\nLocation: ws://{place}/device\r\nContent-Length: 0\r\n\r\n"
            );
            // It may have hung up already.
            let _ = tcp.write_all(head.as_bytes());
        }
        Ok(firsts)
    });
    let identity = Keep::open(&desk.file("Kitchen"))?.identity.clone();
    says_nothing(&lab, identity, |event| matches!(event, Event::NoTls))?;
    let mut python = desk.python("python", &["a secret"])?;
    python.until("that it tries again", |text| text.contains("offline").then_some(()))?;
    lab.phone.connect(SERVICE)?.write_all(&[ENOUGH])?;
    let mut heard = heard.join().map_err(|_| anyhow::anyhow!("the listener panicked"))??;
    ensure!(heard.pop() == Some(ENOUGH) && heard.len() >= 2 && heard.iter().all(|first| *first == 0x16), "{heard:?}");
    elsewhere.set_nonblocking(true)?;
    ensure!(elsewhere.accept().is_err(), "somebody followed the redirect");
    service.start_again()?;
    python.ends_with(0)?;
    answered(&python, "a secret")?;
    Ok(())
}
