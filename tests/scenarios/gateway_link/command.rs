//! `smartpi gateway … --url`: one command speaks to a gateway by itself, by OpenClaw's own rules, and says in words why not.

use std::time::Duration;

use serde_json::Value;
use support::binaries;
use support::openclaw::{Gateway, Output, run};

use super::{Stage, identity};

const LIMIT: Duration = Duration::from_secs(120);

/// In the home of the gateway, without any service of ours.
async fn smartpi(stage: &Stage, args: &[&str], input: Option<&str>, variable: Option<(&str, &str)>) -> Output {
    let mut command = stage.gateway.command(binaries::smartpi());
    // A gateway that has just started may be deaf for longer than a person waits.
    let patience: &[&str] = if args.contains(&"--token") { &["--timeout", "100000"] } else { &[] };
    command
        .args(["gateway"])
        .args(args)
        .args(patience)
        .arg("--data")
        .arg(stage.gateway.home.join("no-service"))
        .envs(variable);
    run(command, input, LIMIT).await
}

fn refused(output: &Output, exit: i32, code: &str) -> Value {
    let said: Value = serde_json::from_str(&output.out).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(output.status.code(), Some(exit), "{output:?}");
    assert_eq!(said["failure"]["code"], code, "{said}");
    said["failure"]["detail"].clone()
}

pub(super) async fn one_command_speaks_to_it_alone(stage: &Stage, current: bool) {
    let url = stage.keeper.address.url();
    let own = ["--url", url.as_str(), "--token", Gateway::TOKEN, "--json"];
    let with = |words: &[&'static str]| [words, &own[..]].concat();
    let listed = smartpi(stage, &with(&["devices", "list"]), None, None).await.expect_json();
    let known = |listed: &Value| {
        let id = identity(61).device_id().to_owned();
        listed["paired"].as_array().and_then(|all| all.iter().find(|device| device["deviceId"] == id).cloned())
    };
    assert!(known(&listed).is_some(), "{listed}");
    let status = smartpi(stage, &with(&["status"]), None, None).await.expect_json();
    assert_eq!(
        (&status["state"], &status["version"]),
        (&"online".into(), &stage.gateway.installation.version.as_str().into())
    );
    let agents = smartpi(stage, &with(&["agents"]), None, None).await.expect_json();
    assert_eq!(agents["agents"][0]["id"], "main", "{agents}");

    let id = identity(61).device_id().to_owned();
    let rename = ["devices", "rename", &id[..12], "大厅", "--url", &url, "--token", Gateway::TOKEN, "--json"];
    let renamed = smartpi(stage, &rename, None, None).await;
    if current {
        renamed.expect_ok();
        let again = smartpi(stage, &with(&["devices", "list"]), None, None).await.expect_json();
        assert_eq!(known(&again).expect("it is there")["name"], "大厅");
    } else {
        refused(&renamed, 1, "gateway_unsupported");
    }

    // The secret from where nobody else reads it; nothing of it comes from anywhere unasked.
    let list = ["devices", "list", "--json", "--url", url.as_str()];
    let variable = Some(("OPENCLAW_GATEWAY_TOKEN", Gateway::TOKEN));
    refused(&smartpi(stage, &list, None, variable).await, 2, "secret_needed");
    let asked = [&list[..], &["--token", "-"]].concat();
    smartpi(stage, &asked, None, variable).await.expect_json();
    smartpi(stage, &asked, Some(&format!("{}\n", Gateway::TOKEN)), None).await.expect_json();
    refused(&smartpi(stage, &asked, None, None).await, 2, "secret_nowhere");

    // Without a URL it is the gateway of this computer, which is proven first.
    smartpi(stage, &["devices", "list", "--token", Gateway::TOKEN, "--json"], None, None).await.expect_json();

    let wrong = [&list[..], &["--token", "wrong"]].concat();
    refused(&smartpi(stage, &wrong, None, None).await, 1, "gateway_secret_refused");
    let words = smartpi(stage, &["status", "--lang", "zh", "--url", &url, "--token", "wrong"], None, None).await;
    assert!(words.err.contains("不接受此令牌或密码"), "{words:?}");
    for (address, exit, code) in [
        ("127.0.0.1", 2, "gateway_address_bad"),
        ("ws://a:b@127.0.0.1:1", 2, "gateway_address_bad"),
        ("ws://203.0.113.7:1", 2, "gateway_address_public"),
        ("ws://10.255.255.1:1", 4, "gateway_not_encrypted"),
        ("ws://127.0.0.1:1", 1, "gateway_unreachable"),
    ] {
        let there = ["devices", "list", "--json", "--url", address, "--token", Gateway::TOKEN];
        refused(&smartpi(stage, &there, None, None).await, exit, code);
    }
    let alone = smartpi(stage, &["devices", "clear", "--url", &url, "--token", Gateway::TOKEN], None, None).await;
    assert_eq!(alone.status.code(), Some(4), "{alone:?}");
    let after = smartpi(stage, &with(&["devices", "list"]), None, None).await.expect_json();
    assert!(known(&after).is_some(), "nobody was cleared without a person: {after}");
}
