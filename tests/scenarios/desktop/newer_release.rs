//! A newer release, as the person hears of it: the real tray app asks an https server, believes one key, and tells of each release once.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use support::browser::pictures;
use support::connect_proxy::ConnectProxy;
use support::desktop::{Desktop, NotificationDaemon, Outfit};
use support::lab::Lab;
use support::releases::{Behaviour, ReleaseKey, Releases, manifest};
use support::tray_app::TrayApp;

use super::{ZH, in_the_tray_with, until};

/// A look ends within 30 s, whatever is done to it.
const LOOK: Duration = Duration::from_secs(45);
/// What was to be told would have been told by then.
const TOLD_BY_NOW: Duration = Duration::from_secs(3);

/// A person who does not want looks, until the story says so.
fn leave_alone(desktop: &Desktop<'_>) -> Result<()> {
    std::fs::create_dir_all(desktop.config().join("smartpi"))?;
    let settings = json!({"lookForReleases": false, "welcomed": true});
    Ok(std::fs::write(desktop.config().join("smartpi/settings.json"), settings.to_string())?)
}

fn want(app: &TrayApp<'_>, wanted: bool) -> Result<()> {
    app.control()?.ask("settings.change", json!({"lookForReleases": wanted}))?;
    app.until_view("the wish", |view| view["release"]["wanted"] == wanted)?;
    Ok(())
}

/// Has it look, and gives what it knows afterwards.
fn looked(app: &TrayApp<'_>) -> Result<Value> {
    want(app, false)?;
    let before = i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis())?;
    want(app, true)?;
    let done = |release: &Value| !release["trouble"].is_null() || release["lookedMs"].as_i64() >= Some(before);
    let mut view =
        app.control()?.until_event("view.watch", json!({}), LOOK, "a look", |view| done(&view["release"]))?;
    Ok(view["release"].take())
}

fn tell_of_it(locale: &'static str, line: &str, title: &str, notes: &str) -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit { locale, ..Outfit::default() })?;
    let releases = Releases::open(&lab.computer)?;
    releases.publish("9.9.9")?;
    let daemon = NotificationDaemon::start(&desktop)?;
    desktop.stand_in("xdg-open")?;
    leave_alone(&desktop)?;
    let (tray, mut app) = in_the_tray_with(&desktop, &releases.variables())?;
    app.until_view("a view of releases", |view| view["release"]["wanted"] == false)?;
    daemon.stays_silent(TOLD_BY_NOW)?;
    ensure!(releases.heads().is_empty(), "nobody wished for a look: {:?}", releases.heads());

    want(&app, true)?;
    let told = daemon.until("the release", |told| told.summary == title)?;
    ensure!(told.hints.get("urgency").is_some_and(|urgency| urgency.contains('0')), "quietly: {told:?}");
    tray.until("the line", |menu| menu.has(&[line]))?;
    // Two files are asked for, and nothing of the person or the program goes along.
    let head = |path: &str| {
        format!("GET {path} HTTP/1.1\r\nhost: {}\r\nuser-agent: smartpi\r\naccept: */*\r\n\r\n", releases.authority())
    };
    assert_eq!(releases.heads(), [head("/latest.json"), head("/latest.json.sig")]);

    let mut window = app.window()?;
    window.press_on("nav-settings")?;
    ensure!(window.words("release-newer")?.contains("9.9.9"), "{}", window.words("release-newer")?);
    assert_eq!(window.words("release-notes")?, notes);
    let tongue = if locale == ZH { "zh" } else { "en" };
    window.photograph(&pictures()?.join(format!("window-release-{tongue}-light.png")))?;
    window.press_on("release-get")?;
    until("the page of the release", || Ok(!desktop.noted("xdg-open").is_empty()))?;
    assert_eq!(desktop.noted("xdg-open"), ["https://github.com/smartpi/smartpi-tray/releases/tag/v9.9.9"]);
    drop(window);

    // The next run knows it still, and neither asks nor tells again.
    app.terminate()?;
    drop((app, tray));
    let (tray, app) = in_the_tray_with(&desktop, &releases.variables())?;
    app.until_view("the release", |view| view["release"]["newer"]["version"] == "9.9.9")?;
    tray.until("the line", |menu| menu.has(&[line]))?;
    let again = looked(&app)?;
    assert_eq!(again["newer"]["version"], "9.9.9");
    daemon.stays_silent(TOLD_BY_NOW)?;
    assert_eq!(releases.heads().len(), 4, "one look in each run, both wished for");
    want(&app, false)?;
    tray.until("no line", |menu| !menu.has(&[line]))?;
    Ok(())
}

#[test]
fn a_newer_release_is_told_once_and_leads_to_its_page_in_english() -> Result<()> {
    tell_of_it("en_US.UTF-8", "New version 9.9.9…", "SmartPi 9.9.9 is out", "- Learn of new versions.")
}

#[test]
fn a_newer_release_is_told_once_and_leads_to_its_page_in_chinese() -> Result<()> {
    tell_of_it(ZH, "新版本 9.9.9…", "SmartPi 9.9.9 已发布", "- 得知新版本。")
}

/// The last release of it is right, and told: so the silence before has a reason.
#[test]
fn what_is_not_signed_not_newer_or_not_ended_is_not_told() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let (releases, elsewhere) = (Releases::open(&lab.computer)?, Releases::open(&lab.computer)?);
    elsewhere.publish("9.9.9")?;
    let daemon = NotificationDaemon::start(&desktop)?;
    leave_alone(&desktop)?;
    let (_tray, app) = in_the_tray_with(&desktop, &releases.variables())?;
    let refused = |why: &str, words: &str| -> Result<()> {
        let release = looked(&app)?;
        let told = &release["trouble"];
        ensure!(told["why"] == why && release["newer"].is_null(), "{words}: {release}");
        ensure!(told["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{words}: {release}");
        Ok(())
    };

    let right = manifest("9.9.9");
    for stranger in [ReleaseKey::new(2), releases.key().impostor()] {
        releases.offer(&right, &stranger.sign(&right)?);
        refused("refused", "not signed by the key")?;
    }
    releases.offer(&manifest("9.9.8"), &releases.key().sign(&right)?);
    refused("refused", "not signed by the key")?;
    releases.offer(&right, "<html>a hotel's Wi-Fi wants you to log in</html>");
    refused("refused", "no minisign signature")?;
    releases.offer(&right, "");
    refused("unreachable", "404")?;
    let mut lies = right.clone();
    lies["platforms"]["linux-x86_64-deb"]["url"] = "https://example.org/smartpi.deb".into();
    releases.offer(&lies, &releases.key().sign(&lies)?);
    refused("refused", "lies elsewhere")?;

    for version in ["0.0.1", env!("CARGO_PKG_VERSION"), "9.9.9-rc.1"] {
        releases.publish(version)?;
        let release = looked(&app)?;
        ensure!(release["trouble"].is_null() && release["newer"].is_null(), "{version}: {release}");
    }

    releases.publish("9.9.9")?;
    releases.behave(Behaviour::Endless);
    refused("unreachable", "longer than")?;
    ensure!(releases.sent() < 32 << 20, "{} bytes of a gigabyte were taken", releases.sent());
    for away in [format!("https://127.0.0.1:{}/latest.json", 1), "http://localhost/latest.json".into(), "/here".into()]
    {
        releases.behave(Behaviour::Leads(away));
        refused("unreachable", "where SmartPi does not look")?;
    }
    releases.behave(Behaviour::Leads(format!("https://{}/latest.json", releases.authority())));
    refused("unreachable", "leads on and on")?;
    // Its certificate is of nobody whom this system trusts.
    releases.behave(Behaviour::Leads(format!("https://{}/latest.json", elsewhere.authority())));
    refused("unreachable", "cannot connect")?;
    ensure!(elsewhere.heads().is_empty(), "nothing was said to a stranger: {:?}", elsewhere.heads());
    releases.behave(Behaviour::Silent);
    refused("unreachable", "no answer within 30 s")?;
    // One who waits for an answer is not waited for.
    want(&app, false)?;

    daemon.stays_silent(TOLD_BY_NOW)?;
    // By the way on which GitHub leads to a file.
    releases.behave(Behaviour::Moved(format!("https://{}/files", releases.authority())));
    let release = looked(&app)?;
    assert_eq!((&release["newer"]["version"], &release["trouble"]), (&json!("9.9.9"), &Value::Null));
    daemon.until("the release", |told| told.summary == "SmartPi 9.9.9 is out")?;
    daemon.stays_silent(TOLD_BY_NOW)?;
    Ok(())
}

#[test]
fn a_build_without_a_key_neither_looks_nor_offers_to() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let releases = Releases::open(&lab.computer)?;
    releases.publish("9.9.9")?;
    let keyless =
        releases.variables().into_iter().filter(|(name, _)| *name != "SMARTPI_UPDATE_KEY").collect::<Vec<_>>();
    let (_tray, app) = in_the_tray_with(&desktop, &keyless)?;
    app.control()?.ask("settings.change", json!({"welcomed": true, "lookForReleases": false}))?;
    app.control()?.ask("settings.change", json!({"lookForReleases": true}))?;
    let view = app.until_view("the settings", |view| view["app"]["welcomed"] == true)?;
    ensure!(view["release"].is_null(), "{}", view["release"]);
    let mut window = app.window()?;
    window.press_on("nav-settings")?;
    window.find("make-report")?;
    ensure!(!window.has("release-look")?, "a switch for what it does not do");
    ensure!(releases.heads().is_empty(), "{:?}", releases.heads());
    Ok(())
}

/// What the window's card says of the package.
fn until_state(app: &TrayApp<'_>, wanted: &str) -> Result<Value> {
    let mut view =
        app.until_view(wanted, |view| view["release"]["download"]["state"].as_str().unwrap_or("none") == wanted)?;
    Ok(view["release"]["download"].take())
}

#[test]
fn a_package_is_fetched_when_it_is_wanted_and_opened_only_as_it_was_signed() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let releases = Releases::open(&lab.computer)?;
    desktop.stand_in("xdg-open")?;
    leave_alone(&desktop)?;
    let package: Vec<u8> = (0..700_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut other = package.clone();
    other[1_400_000] ^= 1;
    let signature = releases.key().sign_bytes(&package)?;
    let mut variables = releases.variables().to_vec();
    variables.push(("SMARTPI_UPDATE_KIND", "deb".into()));

    // Without a signature of the package there is only the page.
    releases.publish("9.9.9")?;
    let (_tray, app) = in_the_tray_with(&desktop, &variables)?;
    assert_eq!(looked(&app)?["newer"]["package"], Value::Null);
    releases.publish_package("9.9.9", &signature)?;
    assert_eq!(looked(&app)?["newer"]["package"], "deb");
    let mut window = app.window()?;
    window.press_on("nav-settings")?;
    window.find("release-get")?;
    let kept = desktop.data().join("smartpi/release");
    let file = kept.join("smartpi-tray-9.9.9.deb");
    let nothing_is_kept = || -> Result<()> {
        let left: Vec<_> =
            std::fs::read_dir(&kept).map(|files| files.flatten().map(|it| it.path()).collect()).unwrap_or_default();
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    };
    ensure!(!releases.heads().iter().any(|head| head.contains(".deb")), "nobody wanted it: {:?}", releases.heads());

    for (bytes, behaviour, why) in [
        (&other, Behaviour::Honest, "refused"),
        (&Vec::new(), Behaviour::Honest, "unreachable"),
        (&package, Behaviour::Broken, "unreachable"),
        (&package, Behaviour::Endless, "unreachable"),
        (&package, Behaviour::Leads("https://127.0.0.1:1/smartpi-tray.deb".into()), "unreachable"),
    ] {
        releases.give(bytes, behaviour.clone());
        window.press_on("release-fetch")?;
        let failed = until_state(&app, "failed").with_context(|| format!("{behaviour:?}"))?;
        ensure!(failed["why"] == why, "{behaviour:?}: {failed}");
        nothing_is_kept()?;
        app.control()?.ask("release.package", json!({"act": "cancel"}))?;
        until_state(&app, "none")?;
    }
    ensure!(releases.sent() < 32 << 20, "{} bytes of a gigabyte were taken", releases.sent());

    releases.give(&package, Behaviour::Stuck);
    window.press_on("release-fetch")?;
    app.until_view("half of it", |view| view["release"]["download"]["of"] == package.len())?;
    window.press_on("release-cancel")?;
    until_state(&app, "none")?;
    until("nothing is kept", || Ok(nothing_is_kept().is_ok()))?;

    releases.give(&package, Behaviour::Honest);
    window.press_on("release-fetch")?;
    until_state(&app, "ready")?;
    assert_eq!(std::fs::read(&file)?, package);
    window.press_on("release-install")?;
    until("the installer", || Ok(!desktop.noted("xdg-open").is_empty()))?;
    window.press_on("release-file")?;
    until("the folder", || Ok(desktop.noted("xdg-open").len() > 1))?;
    assert_eq!(desktop.noted("xdg-open"), [file.display().to_string(), kept.display().to_string()]);

    // Whoever changes it in between gets nothing opened.
    std::fs::write(&file, &other)?;
    window.press_on("release-install")?;
    let refused = window.words("failure")?;
    ensure!(refused.starts_with("The new version is not here, or not as it came."), "{refused}");
    std::fs::remove_file(&file)?;
    let gone = app.control()?.ask("release.package", json!({"act": "check"}));
    ensure!(gone.is_err_and(|error| error.to_string().contains("release_not_kept")));
    assert_eq!(desktop.noted("xdg-open").len(), 2);

    // Another release, or no wish for one, takes its place.
    releases.publish_package("9.9.10", &signature)?;
    looked(&app)?;
    until_state(&app, "none")?;
    nothing_is_kept()?;
    app.control()?.ask("release.package", json!({"act": "fetch"}))?;
    until_state(&app, "ready")?;
    want(&app, false)?;
    nothing_is_kept()?;
    Ok(())
}

#[test]
fn releases_are_asked_for_by_way_of_the_proxy_of_this_computer() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let releases = Releases::open(&lab.computer)?;
    releases.publish("9.9.9")?;
    leave_alone(&desktop)?;
    let asked_by = |proxy: String| -> Result<Value> {
        let mut variables = releases.variables().to_vec();
        variables.push(("HTTPS_PROXY", proxy.into()));
        let (_tray, mut app) = in_the_tray_with(&desktop, &variables)?;
        let release = looked(&app)?;
        want(&app, false)?;
        app.terminate()?;
        Ok(release)
    };
    let refused = |release: &Value, words: &str| {
        ensure!(
            release["trouble"]["detail"].as_str().is_some_and(|detail| detail.contains(words)),
            "{words}: {release}"
        );
        Ok(())
    };
    let closed = ConnectProxy::open(&lab.computer, None)?;
    let proxy = format!("http://127.0.0.1:{}", closed.port());
    refused(&asked_by(proxy)?, "the proxy http://127.0.0.1 answers 403")?;
    assert_eq!(closed.heads().len(), 1);
    refused(
        &asked_by("socks5://li:secret@127.0.0.1:1080".into())?,
        "cannot use the proxy of this computer, socks5://127.0.0.1",
    )?;
    ensure!(releases.heads().is_empty(), "nobody went around the proxy: {:?}", releases.heads());

    let open = ConnectProxy::open(&lab.computer, Some(releases.address()))?;
    let release = asked_by(format!("http://li:secret@127.0.0.1:{}", open.port()))?;
    assert_eq!((&release["newer"]["version"], &release["trouble"]), (&json!("9.9.9"), &Value::Null));
    let head = format!(
        "CONNECT {0} HTTP/1.1\r\nhost: {0}\r\nproxy-authorization: Basic bGk6c2VjcmV0\r\n\r\n",
        releases.authority()
    );
    assert_eq!(open.heads(), [head.clone(), head]);
    assert_eq!(releases.heads().len(), 2);
    Ok(())
}
