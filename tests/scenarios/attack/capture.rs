//! T4: whoever listens on the network hears words, and no secret; over TLS nothing. The capture is of everything that passes the computer's network and its loopback,
//! where the plugin talks.

use std::fs;

use anyhow::{Context, Result, ensure};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use device::{BindingUrl, Identity};
use serde_json::json;
use support::binaries;
use support::channel_service::ChannelService;
use support::fast_agent::FastAgent;
use support::intruder::Intruder;
use support::lab::Lab;
use support::sniffer::{Capture, Sniffer};

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
fn live(lab: &Lab, service: &ChannelService<'_>, number: usize, tls: bool, words: &[u8]) -> Result<[Secret; 2]> {
    let (bind, text) = service.bind_url(Lab::COMPUTER)?;
    let url = BindingUrl::parse(&text)?;
    let url = if tls { url } else { url.without_tls() };
    let device = service.claim(&lab.phone, &bind, &url, &format!("device {number}"))?;
    for visit in 0..2 {
        let id = format!("01KAAAAAAAAAAAAAAAAAAAAAA{visit}");
        lab.phone.block_on(|| async {
            let mut peer = match tls {
                true => Intruder::proved_securely(Lab::PHONE, LAN, &device).await?,
                false => Intruder::proved(Lab::PHONE, LAN, &device).await?,
            };
            talk(&mut peer, &id, words).await
        })?;
    }
    Ok([(format!("the key of device {number}"), seed(&device)?), (format!("code {number}"), code_secret(&text)?)])
}

/// Says something and waits for the assistant's answer.
async fn talk(peer: &mut Intruder, id: &str, words: &[u8]) -> Result<()> {
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
        secrets.extend(live(&lab, &service, number, false, WORDS)?);
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

/// A script proves itself with its token, over TLS alone. The token.
fn live_as_script(lab: &Lab, service: &ChannelService<'_>, number: usize, words: &[u8]) -> Result<Secret> {
    let added = service.control()?.ask("devices.add_script", json!({"name": format!("script {number}")}))?;
    let token = added["token"].as_str().context("a token")?.to_owned();
    let said = token.clone();
    lab.phone.block_on(|| async move {
        let (mut peer, _) = Intruder::greeted_securely(Lab::PHONE, LAN).await?;
        let cn = BASE64URL_NOPAD.encode(&[7; 32]);
        peer.say_frame(&json!({"t": "token", "v": 1, "token": said, "cn": cn, "epoch": "", "last_n": 0})).await?;
        peer.until("ready").await?;
        talk(&mut peer, "01KAAAAAAAAAAAAAAAAAAAAAAZ", words).await
    })?;
    Ok((format!("token {number}"), token.into_bytes()))
}

/// What may be read afterwards: every log and everything printed, at its finest, and the report that a person may paste into a chat.
fn written(lab: &Lab, service: &ChannelService<'_>) -> Result<Vec<u8>> {
    let file = service.data().join("../report.txt");
    let mut command = lab.computer.command(binaries::smartpi());
    command.arg("--data").arg(service.data()).arg("report").arg(&file);
    let made = command.env("HOME", service.data().join("..")).env("LC_ALL", "C.UTF-8").output()?;
    ensure!(made.status.success(), "no report: {made:?}");
    let report = fs::read_to_string(&file)?;
    ensure!(report.contains("devices: "), "{report}");
    Ok([service.log().into_bytes(), report.into_bytes(), made.stdout, made.stderr].concat())
}

#[test]
fn a_capture_of_sessions_over_tls_holds_none_of_fifty_secrets_and_no_word() -> Result<()> {
    let lab = Lab::new();
    let sniffer = Sniffer::start(&lab.computer)?;
    let service = ChannelService::start_talkative(&lab.computer, &["--agent", "echo", "--lan"])?;
    let (mut secrets, mut words) = (keys_of(&service)?, Vec::new());
    for number in 0..DEVICES {
        let said = format!("only between us two, number {number}");
        secrets.extend(live(&lab, &service, number, true, said.as_bytes())?);
        words.push((format!("the words of device {number}"), said.into_bytes()));
    }
    for number in 0..10 {
        let said = format!("only between the script and us, number {number}");
        secrets.push(live_as_script(&lab, &service, number, said.as_bytes())?);
        words.push((format!("the words of script {number}"), said.into_bytes()));
    }
    ensure!(secrets.len() > 50, "only {} secrets", secrets.len());
    // One who comes without TLS is heard: so the capture is not deaf.
    live(&lab, &service, DEVICES, false, WORDS)?;
    let told = written(&lab, &service)?;
    ensure!(told.windows(9).any(|here| here == b"connected"), "nothing was logged");
    drop(service);
    let capture = sniffer.stop()?;
    let heard = capture.leaks(&[("the words".into(), WORDS.to_vec())]);
    ensure!(heard == ["the words as it is"], "words that are no secret were not heard: {heard:?}");
    ensure!(capture.bytes() > DEVICES * 4_000, "only {} bytes were heard", capture.bytes());
    // On its way to the agent everything passes the loopback as it is: there the words are heard, which the search must find.
    let heard = capture.leaks(&words);
    ensure!(heard.len() == words.len(), "only {heard:#?}");
    let (network, told) = (capture.of_network(), Capture::of(told));
    for leaks in [capture.leaks(&secrets), told.leaks(&secrets), network.leaks(&words), told.leaks(&words)] {
        ensure!(leaks.is_empty(), "{leaks:#?}");
    }
    Ok(())
}

/// The twin that must fail: beside its sessions over TLS, where nobody hears it, a device says its secret in plain.
#[test]
fn a_secret_that_is_said_beside_tls_is_caught() -> Result<()> {
    let lab = Lab::new();
    let sniffer = Sniffer::start(&lab.computer)?;
    let service = ChannelService::start(&lab.computer, &["--agent", "echo", "--lan"])?;
    let device = service.bind_device(&lab.phone, Lab::COMPUTER, "careless")?;
    let (inside, outside) = (seed(&device)?, HEXLOWER.encode(&[0x5d; 32]));
    lab.phone.block_on(|| async {
        let mut secure = Intruder::proved_securely(Lab::PHONE, LAN, &device).await?;
        talk(&mut secure, "01KAAAAAAAAAAAAAAAAAAAAAA1", HEXLOWER.encode(&inside).as_bytes()).await?;
        let mut plain = Intruder::proved(Lab::PHONE, LAN, &device).await?;
        talk(&mut plain, "01KAAAAAAAAAAAAAAAAAAAAAA2", outside.as_bytes()).await
    })?;
    let told = [written(&lab, &service)?, outside.into_bytes()].concat();
    drop(service);
    let secrets = [("inside".into(), inside), ("outside".into(), vec![0x5d; 32])];
    let capture = sniffer.stop()?;
    ensure!(capture.leaks(&secrets) == ["inside in hex", "outside in hex"], "the loopback was not heard");
    ensure!(capture.of_network().leaks(&secrets) == ["outside in hex"], "the wrong one was heard");
    ensure!(Capture::of(told).leaks(&secrets) == ["outside in hex"], "a line of a log was overlooked");
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
        lab.phone.block_on(|| async {
            talk(&mut Intruder::proved(Lab::PHONE, LAN, &device).await?, &id, form.as_bytes()).await
        })?;
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
