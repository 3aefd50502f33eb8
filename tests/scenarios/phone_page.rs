//! The phone page in real browsers across a real cable. Every story starts `smartpi serve --agent echo --lan` in one network namespace
//! and Chromium (chromedriver) or WebKitGTK's MiniBrowser (WebKitWebDriver, Xvfb) in the other, on plain http at 192.168.77.1.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use support::browser::Engine;
use support::channel_service::ChannelService;
use support::lab::Lab;
use support::phone::{LIMIT, Line, Phone};

/// Runs a story in both browsers.
macro_rules! in_both_browsers {
    ($($story:ident: $chromium:ident, $webkit:ident;)*) => {$(
        #[test]
        fn $chromium() -> Result<()> {
            $story(Engine::Chromium)
        }

        #[test]
        fn $webkit() -> Result<()> {
            $story(Engine::WebKit)
        }
    )*};
}

in_both_browsers! {
    bind_and_talk: chromium_opens_the_printed_url_binds_and_gets_an_answer, webkit_opens_the_printed_url_binds_and_gets_an_answer;
    write_into_a_cut_cable: a_message_written_in_chromium_while_the_cable_is_cut_arrives_once, a_message_written_in_webkit_while_the_cable_is_cut_arrives_once;
    change_the_network: a_chromium_whose_address_changes_goes_on, a_webkit_whose_address_changes_goes_on;
    lose_the_ack: a_message_of_chromium_whose_ack_is_lost_arrives_once, a_message_of_webkit_whose_ack_is_lost_arrives_once;
    kill_the_service: a_message_written_in_chromium_while_the_service_is_dead_arrives_once, a_message_written_in_webkit_while_the_service_is_dead_arrives_once;
    remove_the_device: a_removed_chromium_reads_why_and_binds_again, a_removed_webkit_reads_why_and_binds_again;
    claim_twice: a_code_that_two_chromiums_claim_binds_neither, a_code_that_two_webkits_claim_binds_neither;
}

fn start(lab: &Lab) -> Result<ChannelService<'_>> {
    ChannelService::start(&lab.computer, &["--agent", "echo", "--lan"])
}

/// Asserts that a message arrived exactly once, was answered exactly once, and shows so after a reload as well.
fn assert_once(service: &ChannelService<'_>, phone: &mut Phone, device_key: &str, words: &str) -> Result<()> {
    phone.until_answer(words)?;
    phone.until_message(words, "answered")?;
    for reloaded in [false, true] {
        if reloaded {
            phone.browser().session().reload()?;
            phone.until_connection("connected")?;
            phone.until_answer(words)?;
        }
        let about: Vec<Line> = phone.conversation()?.into_iter().filter(|line| line.has(words)).collect();
        let [Line::Mine { id, .. }, Line::Theirs { .. }] = about.as_slice() else {
            anyhow::bail!("one message and one answer, reloaded {reloaded}, but: {about:#?}")
        };
        let turns = service.turns(device_key)?;
        let same = turns.iter().filter(|turn| turn["id"] == id.as_str()).count();
        ensure!(same == 1, "message {id} is in {same} turns: {turns:#?}");
    }
    Ok(())
}

fn bind_and_talk(engine: Engine) -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let (bind, url) = service.bind_url(Lab::COMPUTER)?;
    let fragment = url.strip_prefix("http://192.168.77.1:8765/b#1.").with_context(|| format!("another URL: {url}"))?;
    assert_eq!(fragment.split('.').count(), 4, "{url}");
    let secret = fragment.split('.').nth(1).context("no secret")?;
    let mut watch = service.control()?.watch(&bind)?;
    watch.until("waiting")?;

    let mut phone = Phone::open(engine, &lab.phone)?;
    phone.scan(&url)?;
    phone.agree()?;
    let code = phone.code()?;
    assert_eq!(phone.browser().value("isSecureContext")?, false);
    assert_eq!(phone.browser().value("location.origin")?, "http://192.168.77.1:8765");
    assert_eq!(phone.browser().value("location.hash")?, "", "the secret stays in the address bar");
    assert!(!phone.browser().value("document.documentElement.outerHTML")?.to_string().contains(secret));
    phone.browser().screenshot("phone-code")?;
    let confirming = watch.until("confirming")?;
    assert_eq!((&confirming["how"], &confirming["kind"]), (&json!("code"), &json!("phone")), "{confirming}");

    let wrong = if code == "00" { "11" } else { "00" };
    let refusal = service.control()?.refused("bind.confirm", json!({"bind": bind, "code": wrong}))?;
    assert_eq!(refusal, "wrong_code");
    assert_eq!(service.devices()?, Vec::<serde_json::Value>::new(), "a wrong code bound a device");
    let confirmed = service.control()?.ask("bind.confirm", json!({"bind": bind, "code": code}))?;
    let device_key = confirmed["deviceKey"].as_str().context("no deviceKey")?.to_owned();
    assert_eq!(watch.until("bound")?["deviceKey"], device_key.as_str());
    phone.until_connection("connected")?;
    assert_eq!(service.devices()?[0]["state"], "online");

    for words in ["Is the kettle on?", "水开了吗？ <b>&amp;"] {
        phone.say(words)?;
        assert_once(&service, &mut phone, &device_key, words)?;
    }
    let before = phone.conversation()?;
    assert_eq!(before.iter().map(Line::is_mine).collect::<Vec<_>>(), [true, false, true, false], "{before:#?}");
    phone.browser().screenshot("phone-conversation")?;
    phone.browser().go("http://192.168.77.1:8765/")?;
    phone.until_connection("connected")?;
    phone.until_answer("水开了吗？")?;
    assert_eq!(phone.conversation()?, before, "the address without a code shows another conversation");

    // The used code does not bind another phone.
    let mut stranger = Phone::open(engine, &lab.phone)?;
    stranger.scan(&url)?;
    stranger.agree()?;
    assert_eq!(stranger.until_refused()?, "expired");
    assert_eq!(service.devices()?.len(), 1);
    let log = service.log();
    assert!(!log.contains(secret), "the secret of the code is in the log");
    assert!(!log.contains("kettle"), "the words of the person are in the log");
    Ok(())
}

fn write_into_a_cut_cable(engine: Engine) -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let mut phone = Phone::open(engine, &lab.phone)?;
    let device_key = service.bind(&mut phone, Lab::COMPUTER)?;
    lab.cut();
    phone.say("written in the cellar")?;
    phone.until_message("written in the cellar", "waiting")?;
    phone.until_connection("unreachable")?;
    phone.browser().screenshot("phone-unreachable")?;
    assert_eq!(service.turns(&device_key)?.len(), 0);
    lab.heal();
    assert_once(&service, &mut phone, &device_key, "written in the cellar")?;
    assert_eq!(service.turns(&device_key)?.len(), 1);
    Ok(())
}

fn change_the_network(engine: Engine) -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let mut phone = Phone::open(engine, &lab.phone)?;
    let device_key = service.bind(&mut phone, Lab::COMPUTER)?;
    phone.say("from the old network")?;
    phone.until_message("from the old network", "answered")?;
    lab.move_phone(true);
    phone.say("from the new network")?;
    assert_once(&service, &mut phone, &device_key, "from the new network")?;
    assert_once(&service, &mut phone, &device_key, "from the old network")?;
    assert_eq!(service.turns(&device_key)?.len(), 2);
    assert_eq!(service.devices()?.len(), 1);
    Ok(())
}

fn lose_the_ack(engine: Engine) -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let mut phone = Phone::open(engine, &lab.phone)?;
    let device_key = service.bind(&mut phone, Lab::COMPUTER)?;
    lab.lose_answers();
    phone.say("heard but not acknowledged")?;
    // The computer has it, and the phone does not know.
    support::wait::until(LIMIT, "the message on the computer's disk", || Ok(service.turns(&device_key)?.len() == 1))?;
    phone.until_message("heard but not acknowledged", "waiting")?;
    // The page goes and comes back: a new connection, on which the same message is sent again.
    lab.cut();
    lab.heal();
    phone.browser().session().reload()?;
    assert_once(&service, &mut phone, &device_key, "heard but not acknowledged")?;
    assert_eq!(service.turns(&device_key)?.len(), 1);
    Ok(())
}

fn kill_the_service(engine: Engine) -> Result<()> {
    let lab = Lab::new();
    let mut service = start(&lab)?;
    let mut phone = Phone::open(engine, &lab.phone)?;
    let device_key = service.bind(&mut phone, Lab::COMPUTER)?;
    phone.say("before the end")?;
    phone.until_message("before the end", "answered")?;
    service.kill()?;
    phone.say("while nobody listens")?;
    phone.until_connection("unreachable")?;
    phone.until_message("while nobody listens", "waiting")?;
    service.start_again()?;
    assert_once(&service, &mut phone, &device_key, "while nobody listens")?;
    assert_once(&service, &mut phone, &device_key, "before the end")?;
    assert_eq!(service.turns(&device_key)?.len(), 2);
    Ok(())
}

fn remove_the_device(engine: Engine) -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let mut phone = Phone::open(engine, &lab.phone)?;
    let first = service.bind(&mut phone, Lab::COMPUTER)?;
    phone.say("remember me")?;
    phone.until_message("remember me", "answered")?;
    service.control()?.ask("devices.remove", json!({"deviceKey": first}))?;
    phone.until_connection("removed")?;
    phone.browser().screenshot("phone-removed")?;
    assert_eq!(service.devices()?.len(), 0);
    phone.browser().session().reload()?;
    phone.until_connection("removed")?;
    let again = service.bind(&mut phone, Lab::COMPUTER)?;
    phone.say("here again")?;
    assert_once(&service, &mut phone, &again, "here again")?;
    assert_eq!(service.devices()?.len(), 1);
    Ok(())
}

fn claim_twice(engine: Engine) -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let (bind, url) = service.bind_url(Lab::COMPUTER)?;
    let mut watch = service.control()?.watch(&bind)?;
    let mut owner = Phone::open(engine, &lab.phone)?;
    owner.scan(&url)?;
    owner.agree()?;
    let code = owner.code()?;
    watch.until("confirming")?;
    let mut thief = Phone::open(engine, &lab.phone)?;
    thief.scan(&url)?;
    thief.agree()?;
    assert_eq!(watch.until("failed")?["reason"], "second_claim");
    assert_eq!(owner.until_refused()?, "refused");
    assert!(["refused", "expired"].contains(&thief.until_refused()?.as_str()));
    for phone in [&mut owner, &mut thief] {
        assert_eq!(phone.browser().value("document.querySelector('#code')")?, serde_json::Value::Null);
    }
    owner.browser().screenshot("phone-second-claim")?;
    let refusal = service.control()?.refused("bind.confirm", json!({"bind": bind, "code": code}))?;
    assert!(["bind_unknown", "not_confirming"].contains(&refusal.as_str()), "{refusal}");
    assert_eq!(service.devices()?.len(), 0);
    // The next code works for the owner.
    service.bind(&mut owner, Lab::COMPUTER)?;
    Ok(())
}

#[test]
fn a_chinese_phone_in_dark_mode_is_spoken_to_in_chinese() -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let flags = ["--lang=zh-CN", "--accept-lang=zh-CN,zh", "--blink-settings=preferredColorScheme=0"];
    let mut phone = Phone::open_with(Engine::Chromium, &lab.phone, &flags)?;
    let (bind, url) = service.bind_url(Lab::COMPUTER)?;
    phone.scan(&url)?;
    phone.agree()?;
    let code = phone.code()?;
    let lang = phone.browser().value("document.documentElement.lang")?;
    ensure!(lang.as_str().is_some_and(|lang| lang.starts_with("zh")), "the page is in {lang}");
    assert_eq!(phone.browser().value("matchMedia('(prefers-color-scheme: dark)').matches")?, true);
    phone.browser().screenshot("phone-chinese-code")?;
    service.control()?.watch(&bind)?.until("confirming")?;
    service.control()?.ask("bind.confirm", json!({"bind": bind, "code": code}))?;
    phone.until_connection("connected")?;
    phone.say("你好")?;
    phone.until_message("你好", "answered")?;
    let words = phone.browser().value("document.querySelector('#connection').textContent")?;
    ensure!(
        words
            .as_str()
            .is_some_and(|words| !words.trim().is_empty() && words.trim().chars().all(|c| !c.is_ascii_alphabetic())),
        "{words}"
    );
    phone.browser().screenshot("phone-chinese")?;
    Ok(())
}
