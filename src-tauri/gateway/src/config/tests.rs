mod random;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::change::edit_with;
use super::document::Document;
use super::*;

const KEY: &str = "/data/smartpi/link.key";

fn value(text: &str) -> Value {
    json5::from_str(text.trim_start_matches('\u{feff}')).unwrap()
}

fn made_by(text: &str, changes: &[Change]) -> Edited {
    edit(text, changes).unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

fn route_to(device: &str, agent: Option<&str>) -> Change {
    Change::Route { device: device.into(), agent: agent.map(str::to_owned) }
}

const PERSONS: &str = "{
  // my gateway
  gateway: { mode: 'local', port: 19001 }, /* do not touch */
  plugins: {
    allow: [
      'memory-core', // needed
      'discord',
    ],
    entries: { discord: { enabled: true } },
  },
  channels: {
    // the family
    telegram: { botToken: 'b', allowFrom: ['1', '2'] },
  },
  agents: { ownership: 'explicit', entries: { main: {}, kitchen: {} } },
}
";

#[test]
fn an_installation_looks_as_if_the_person_had_written_it() {
    let edited = made_by(PERSONS, &Change::install(KEY));
    let expected = "{
  // my gateway
  gateway: { mode: 'local', port: 19001 }, /* do not touch */
  plugins: {
    allow: [
      'memory-core', // needed
      'discord',
      'openclaw-smartpi',
    ],
    entries: { discord: { enabled: true }, 'openclaw-smartpi': { enabled: true } },
  },
  channels: {
    // the family
    telegram: { botToken: 'b', allowFrom: ['1', '2'] },
    'openclaw-smartpi': {
      enabled: true,
      linkKeyFile: '/data/smartpi/link.key'
    },
  },
  agents: { ownership: 'explicit', entries: { main: {}, kitchen: {} } },
}
";
    assert_eq!(edited.text, expected);
    let paths: Vec<String> = edited.entries.iter().map(|entry| entry.path.clone()).collect();
    assert_eq!(
        paths,
        [
            "channels.openclaw-smartpi.enabled",
            "channels.openclaw-smartpi.linkKeyFile",
            "plugins.allow",
            "plugins.entries.openclaw-smartpi.enabled"
        ]
    );
    assert_eq!(edited.made, Vec::<Path>::new());
    assert_eq!(made_by(&edited.text, &Change::install(KEY)).text, edited.text, "twice is once");
    assert_eq!(made_by(&edited.text, &[Change::Remove { made: Vec::new() }]).text, PERSONS);
}

#[test]
fn what_was_made_goes_again() {
    for text in [
        "{}",
        "{\n}\n",
        "{\"gateway\":{\"port\":1}}",
        "{\n\t\"a\": 1\n}\n",
        "{ a: 1, }",
        "{a:1 /* x */}",
        "{\r\n  a: 1, // y\r\n}\r\n",
        "{\n  a: 1 // z\n}",
        "\u{feff}{\n  channels: {},\n  plugins: { allow: [] }\n}",
        "// top\n{\n  plugins: {\n    entries: {\n    }\n  }\n}\n// end",
    ] {
        let edited = made_by(text, &Change::install(KEY));
        let after = value(&edited.text);
        assert_eq!(after["channels"][ID], json!({ "enabled": true, "linkKeyFile": KEY }), "{}", edited.text);
        assert_eq!(after["plugins"]["entries"][ID]["enabled"], true);
        assert_ne!(after["plugins"]["allow"], json!([ID]), "an empty list was not a whitelist");
        let back = made_by(&edited.text, &[Change::Remove { made: edited.made.clone() }]);
        let blank = |text: &str| text.replace([' ', '\n', '\r'], "");
        assert_eq!(blank(&back.text), blank(text), "{}", edited.text);
        assert_eq!(value(&back.text), value(text));
        if !text.contains("{\n}") && !text.contains("{\n    }") {
            assert_eq!(back.text, text, "{}", edited.text);
        }
    }
}

#[test]
fn a_route_is_written_changed_and_taken_back() {
    let one = made_by(PERSONS, &[route_to("dev1", Some("kitchen"))]);
    assert_eq!(
        value(&one.text)["bindings"],
        json!([{ "agentId": "kitchen", "match": { "channel": ID, "peer": { "kind": "direct", "id": "dev1" } } }])
    );
    assert_eq!(one.made, [["bindings"]]);
    let two = made_by(&one.text, &[route_to("dev2", Some("main")), route_to("dev1", Some("main"))]);
    assert_eq!(value(&two.text)["bindings"].as_array().map(Vec::len), Some(2));
    assert_eq!(routing::route(&value(&two.text), "dev1").agent.as_deref(), Some("main"));
    let none = made_by(&two.text, &[route_to("dev1", None), route_to("dev2", None)]);
    assert_eq!(value(&none.text)["bindings"], json!([]));
    let gone = made_by(&two.text, &[Change::Remove { made: one.made.clone() }]);
    assert_eq!(gone.text, PERSONS);
    assert_eq!(edit(PERSONS, &[route_to("dev1", Some("ghost"))]), Err(EditError::UnknownAgent("ghost".into())));
}

#[test]
fn a_persons_own_bindings_stay() {
    let text = "{ bindings: [ { agentId: 'main', comment: 'mine', match: { channel: 'openclaw-smartpi', peer: { kind: 'direct', id: 'dev1' } } }, { agentId: 'main', match: { channel: 'discord', accountId: '*' } } ] }";
    assert_eq!(edit(text, &[route_to("dev1", Some("main"))]), Err(EditError::RouteByHand));
    let routed = made_by(text, &[route_to("dev2", Some("main"))]);
    assert_eq!(routed.made, Vec::<Path>::new());
    assert_eq!(made_by(&routed.text, &[Change::Remove { made: Vec::new() }]).text, text);
    assert_eq!(routing::route(&value(text), "dev1").because, routing::Because::ByHand);
}

#[test]
fn a_token_is_set_only_where_none_is() {
    let change = [Change::Token { token: Zeroizing::new("t0p".into()) }];
    let edited = made_by("{ gateway: { port: 1 } }", &change);
    assert_eq!(value(&edited.text)["gateway"], json!({ "port": 1, "auth": { "mode": "token", "token": "t0p" } }));
    assert!(!format!("{edited:?}{change:?}").contains("t0p"), "no secret is shown");
    for there in [
        "{ gateway: { auth: { token: 'x' } } }",
        "{ gateway: { auth: { password: 'x' } } }",
        "{ gateway: { auth: { mode: 'none' } } }",
        "{ gateway: { auth: { token: { source: 'env', provider: 'default', id: 'T' } } } }",
    ] {
        assert_eq!(edit(there, &change), Err(EditError::TokenThere), "{there}");
    }
}

#[test]
fn what_is_in_another_file_is_refused() {
    let split = |text: &str, changes: &[Change]| match edit(text, changes) {
        Err(EditError::Document(DocumentError::Split(path))) => path.join("."),
        other => panic!("{other:?}"),
    };
    assert_eq!(split("{ $include: './a.json5' }", &Change::install(KEY)), "");
    assert_eq!(split("{ channels: { $include: ['./a.json5'] } }", &Change::install(KEY)), "channels");
    assert_eq!(split("{ plugins: { '$include': './a' } }", &[Change::Plugin]), "plugins");
    assert_eq!(split("{ bindings: { $include: './b' } }", &[route_to("dev1", Some("main"))]), "bindings");
    made_by("{ agents: { $include: './agents.json5' } }", &Change::install(KEY));
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    let refused = |text: &str| edit(text, &Change::install(KEY)).unwrap_err();
    assert!(matches!(refused("{ channels: {}, channels: {} }"), EditError::Document(DocumentError::Ambiguous(_))));
    assert!(matches!(
        refused("{ channels: { 'openclaw-smartpi': {}, 'openclaw-smartpi': {} } }"),
        EditError::Document(DocumentError::Ambiguous(_))
    ));
    for text in ["[]", "{", "{ a: 1 b: 2 }", "", "{} {}", "null"] {
        assert_eq!(refused(text), EditError::Document(DocumentError::Malformed), "{text}");
    }
    assert!(matches!(refused("{ channels: [] }"), EditError::Document(DocumentError::Unexpected(_))));
}

#[test]
fn a_change_of_other_paths_is_caught() {
    let planted = |foreign: &'static str| {
        edit_with(PERSONS, &[Change::Plugin], move |document: &mut Document, _| {
            Ok(document.set(&["gateway", foreign], &json!(1))?)
        })
    };
    assert_eq!(planted("port"), Err(EditError::Foreign(vec!["gateway.port".into()])));
    let wiped = edit_with(PERSONS, &Change::install(KEY), |document, _| Ok(document.remove(&["channels"])?));
    assert!(matches!(wiped, Err(EditError::Foreign(_))));
}

#[test]
fn agents_and_their_models_are_read() {
    let answer = json!({ "defaultId": "main", "agents": [{ "id": "main", "model": { "primary": "scripted/m1" } }, { "id": "kitchen", "name": "Kitchen" }] });
    let agents = routing::agents(&answer);
    assert_eq!(agents.len(), 2);
    assert!(agents[0].is_default && !agents[1].is_default);
    let config = json!({ "channels": { ID: { "defaultAgentId": "kitchen" } }, "bindings": [{ "agentId": "main", "match": { "channel": ID, "accountId": "*", "peer": { "kind": "direct", "id": "d" } } }] });
    let route = routing::route(&config, "d");
    assert_eq!(routing::model_of(&route, &agents), Some("scripted/m1"));
    let other = routing::route(&config, "e");
    assert_eq!((other.agent.as_deref(), other.because), (Some("kitchen"), routing::Because::ChannelDefault));
    assert_eq!(routing::model_of(&other, &agents), None);
    let nobody = routing::route(&json!({}), "e");
    assert_eq!((nobody.agent.as_deref(), nobody.because), (None, routing::Because::GatewayDefault));
    assert_eq!(routing::model_of(&nobody, &agents), Some("scripted/m1"));
}
