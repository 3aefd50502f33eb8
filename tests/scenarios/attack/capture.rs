//! T4: whoever listens on the network hears words, and no secret. The capture is of everything that passes the computer's network and its loopback, where the plugin
//! talks.

use std::fs;

use anyhow::{Context, Result, ensure};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use device::Identity;
use serde_json::json;
use support::channel_service::ChannelService;
use support::fast_agent::FastAgent;
use support::intruder::Intruder;
use support::lab::Lab;
use support::sniffer::Sniffer;

use super::{LAN, start};

/// Each has a key of its own and is bound with a code of its own; with the keys of the service and of the link that is forty secrets, and the one of its certificate.
const DEVICES: usize = 19;
/// What is said, so that a capture that hears nothing is not mistaken for a clean one.
const WORDS: &[u8] = b"is the kettle on?";

type Secret = (String, Vec<u8>);

/// The 32 bytes that a device's identity rests on, as it lies on disk.
fn seed(identity: &Identity) -> Result<Vec<u8>> {
    Ok(identity.signing_key().to_bytes().to_vec())
}

/// The part of a binding URL that only the scanner may know.
fn code_secret(url: &str) -> Result<Vec<u8>> {
    let part = url
        .split_once("#1.")
        .and_then(|(_, rest)| rest.split('.').nth(1))
        .with_context(|| format!("an odd code: {url}"))?;
    Ok(BASE64URL_NOPAD.decode(part.as_bytes())?)
}

fn keys_of(service: &ChannelService<'_>) -> Result<Vec<Secret>> {
    let key = |name: &str| -> Result<Secret> { Ok((name.into(), fs::read(service.data().join(name))?)) };
    let certificate = fs::read_to_string(service.data().join("tls.pem"))?;
    let (_, body) = certificate.split_once("PRIVATE KEY-----").context("no key beside the certificate")?;
    let body: String = body.lines().take_while(|line| !line.starts_with('-')).collect();
    let body = BASE64.decode(body.as_bytes())?;
    // RFC 5915: the private number is an octet string of 32 bytes.
    let place = body.windows(2).position(|two| two == [0x04, 0x20]).context("an odd key")? + 2;
    let number = body.get(place..place + 32).context("a short key")?.to_vec();
    let keys = vec![key("service.key")?, key("link.key")?, ("tls.pem".into(), number)];
    ensure!(keys.iter().all(|(_, key)| key.len() == 32), "a key is not 32 raw bytes");
    Ok(keys)
}

/// Binds a device, talks, goes away, comes back, talks again. What must stay secret of it.
fn live(lab: &Lab, service: &ChannelService<'_>, number: usize) -> Result<[Secret; 2]> {
    let code = service.bind_url(Lab::COMPUTER)?;
    let device = service.claim(&lab.phone, &code, &format!("device {number}"))?;
    for visit in 0..2 {
        let id = format!("01KAAAAAAAAAAAAAAAAAAAAAA{visit}");
        lab.phone.block_on(|| talk(&device, &id, WORDS))?;
    }
    Ok([(format!("the key of device {number}"), seed(&device)?), (format!("code {number}"), code_secret(&code.1)?)])
}

/// Says something and waits for the assistant to say the same.
async fn talk(device: &Identity, id: &str, words: &[u8]) -> Result<()> {
    let mut peer = Intruder::proved(Lab::PHONE, LAN, device).await?;
    peer.say_frame(&json!({"t": "msg", "id": id, "text": String::from_utf8(words.to_vec())?})).await?;
    let reply = peer.until("reply").await?;
    ensure!(reply["re"] == id, "{reply} is no answer to {id}");
    peer.say_frame(&json!({"t": "got", "n": reply["n"]})).await?;
    Ok(())
}

#[test]
fn a_capture_of_whole_sessions_holds_none_of_forty_secrets() -> Result<()> {
    let lab = Lab::new();
    let sniffer = Sniffer::start(&lab.computer)?;
    let service = start(&lab)?;
    let agent = lab.computer.enter(|| FastAgent::start(&service.data()));
    let mut secrets = Vec::new();
    for number in 0..DEVICES {
        secrets.extend(live(&lab, &service, number)?);
    }
    secrets.extend(keys_of(&service)?);
    ensure!(secrets.len() > 40, "only {} secrets", secrets.len());
    ensure!(agent.ran().len() == 2 * DEVICES, "the agent was asked {} times", agent.ran().len());
    drop((agent, service));
    let capture = sniffer.stop()?;
    let heard = capture.leaks(&[("the words".into(), WORDS.to_vec())]);
    ensure!(heard == ["the words as it is"], "words that are no secret were not heard: {heard:?}");
    ensure!(capture.bytes() > DEVICES * 2_000, "only {} bytes were heard", capture.bytes());
    let leaks = capture.leaks(&secrets);
    ensure!(leaks.is_empty(), "{leaks:#?}");
    Ok(())
}

/// The twin that must fail: the same sessions, with a device that says its secret.
#[test]
fn a_secret_that_is_said_in_any_form_is_caught() -> Result<()> {
    let lab = Lab::new();
    let sniffer = Sniffer::start(&lab.computer)?;
    let service = start(&lab)?;
    let _agent = lab.computer.enter(|| FastAgent::start(&service.data()));
    let device = service.bind_device(&lab.phone, Lab::COMPUTER, "careless")?;
    let secret = seed(&device)?;
    let forms =
        [HEXLOWER.encode(&secret), BASE64.encode(&secret), BASE64URL_NOPAD.encode(&[b"{", &secret[..], b"}"].concat())];
    for (number, form) in forms.iter().enumerate() {
        let id = format!("01KAAAAAAAAAAAAAAAAAAAAAA{number}");
        lab.phone.block_on(|| talk(&device, &id, form.as_bytes()))?;
    }
    lab.phone.block_on(|| async {
        let mut raw = Intruder::connect(Lab::PHONE, LAN).await?;
        raw.say(&secret).await?;
        raw.finish().await?;
        anyhow::Ok(())
    })?;
    drop(service);
    let leaks = sniffer.stop()?.leaks(&[("key".into(), secret)]);
    for form in ["key in hex", "key in base64 at 0", "key in base64url at 1", "key as it is"] {
        ensure!(leaks.iter().any(|leak| leak == form), "{form} was overlooked: {leaks:?}");
    }
    Ok(())
}
