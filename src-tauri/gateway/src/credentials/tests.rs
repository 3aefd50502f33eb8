use std::ffi::OsString;
use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::place::Surroundings;

struct Home {
    temp: tempfile::TempDir,
    env: Vec<(&'static str, String)>,
}

impl Home {
    fn new(config: &Value) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let home = Self { env: vec![("HOME", temp.path().display().to_string())], temp };
        home.write(".openclaw/openclaw.json", &config.to_string());
        home
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.temp.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.env.push((name, value.to_owned()));
        self
    }

    fn find(&self) -> Credentials {
        let env =
            |name: &str| self.env.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        let stored = |_: &Path, name: &str| (name == "STORED").then(|| Token::new("s".into()));
        find(&Surroundings { env: &env, exists: &Path::exists }, None, &stored).unwrap()
    }

    /// The token and who named it.
    fn token(&self) -> Option<(String, Source)> {
        self.find().token.map(|held| (held.secret.reveal().to_owned(), held.source))
    }
}

fn auth(token: Value) -> Value {
    json!({ "gateway": { "auth": { "token": token } } })
}

fn environment(name: &str) -> Source {
    Source::Environment { name: name.into() }
}

const LOCAL: Source = Source::Config { path: "gateway.auth.token" };

#[test]
fn the_configuration_comes_before_the_environment() {
    let home = Home::new(&auth(json!("c"))).with("OPENCLAW_GATEWAY_TOKEN", "e");
    assert_eq!(home.token(), Some(("c".into(), LOCAL)));
    let copies = home.find().copies;
    assert_eq!(copies.len(), 2);
    assert!(copies[0].wins && !copies[1].wins && copies[0].secret != copies[1].secret);
    assert_eq!(copies[1].source, environment("OPENCLAW_GATEWAY_TOKEN"));
    let none = Home::new(&json!({})).with("OPENCLAW_GATEWAY_TOKEN", " e ");
    assert_eq!(none.token(), Some(("e".into(), environment("OPENCLAW_GATEWAY_TOKEN"))));
    let remote = Home::new(&json!({ "gateway": { "remote": { "token": "r" } } }));
    assert_eq!(remote.token(), Some(("r".into(), Source::Config { path: "gateway.remote.token" })));
    assert_eq!(Home::new(&json!({})).token(), None);
}

#[test]
fn env_files_and_the_configurations_own_env_come_after_the_environment() {
    let config = json!({ "env": { "vars": { "OPENCLAW_GATEWAY_TOKEN": "v" } } });
    let home = Home::new(&config);
    assert_eq!(home.token().unwrap().0, "v");
    let file = home.write(".config/openclaw/gateway.env", "OPENCLAW_GATEWAY_TOKEN=g\n");
    assert_eq!(home.token(), Some(("g".into(), Source::DotEnv { file, name: "OPENCLAW_GATEWAY_TOKEN".into() })));
    home.write(".openclaw/.env", "OPENCLAW_GATEWAY_TOKEN='d' # told\n");
    assert_eq!(home.token().unwrap().0, "d");
    assert_eq!(home.find().copies.len(), 3);
    let home = home.with("OPENCLAW_GATEWAY_TOKEN", "");
    assert_eq!(home.token(), None, "set and empty, it keeps the files from being heard");
}

#[test]
fn references_are_followed_and_never_replaced_by_something_else() {
    for value in [
        json!("${MY_TOKEN}"),
        json!("$MY_TOKEN"),
        json!({ "source": "env", "provider": "default", "id": "MY_TOKEN" }),
        json!({ "source": "env", "id": "MY_TOKEN" }),
    ] {
        let home = Home::new(&auth(value.clone())).with("OPENCLAW_GATEWAY_TOKEN", "e");
        let found = home.find();
        assert_eq!(found.token, None, "{value}");
        assert_eq!(
            found.missing,
            [Missing { path: "gateway.auth.token", why: Unknown::Unset { name: "MY_TOKEN".into() } }]
        );
        let home = home.with("MY_TOKEN", "m");
        let to = Box::new(environment("MY_TOKEN"));
        assert_eq!(home.token(), Some(("m".into(), Source::Reference { path: "gateway.auth.token", to })));
    }
    let inside = Home::new(&auth(json!("a-${MY_TOKEN}-$${MY_TOKEN}-$"))).with("MY_TOKEN", "m");
    assert_eq!(inside.token(), Some(("a-m-${MY_TOKEN}-$".into(), LOCAL)));
    for (source, why) in [
        ("exec", Unknown::Provider { name: "default".into() }),
        ("store", Unknown::Store { name: "X".into() }),
        ("file", Unknown::Provider { name: "default".into() }),
    ] {
        let home = Home::new(&auth(json!({ "source": source, "provider": "default", "id": "X" })));
        assert_eq!(home.find().missing, [Missing { path: "gateway.auth.token", why }], "{source}");
    }
}

#[test]
fn the_store_of_openclaw_is_asked_for_what_is_referred_to() {
    let home = Home::new(&auth(json!({ "source": "store", "id": "STORED" }))).with("OPENCLAW_GATEWAY_TOKEN", "e");
    let to = Box::new(Source::Store { name: "STORED".into() });
    assert_eq!(home.token(), Some(("s".into(), Source::Reference { path: "gateway.auth.token", to })));
    let mut config = auth(json!({ "source": "exec", "provider": "vault", "id": "X" }));
    config["secrets"] = json!({ "providers": { "vault": { "source": "exec", "command": "/bin/vault" } } });
    let why = Unknown::Program { provider: "vault".into() };
    assert_eq!(Home::new(&config).find().missing, [Missing { path: "gateway.auth.token", why }]);
}

#[test]
fn every_copy_of_the_variable_that_is_referred_to_is_seen() {
    let home = Home::new(&auth(json!("${MY_TOKEN}"))).with("MY_TOKEN", "m");
    let name = || "MY_TOKEN".to_owned();
    let file = home.write(".openclaw/.env", "MY_TOKEN=d\nOTHER=x\n");
    let unit = home.write(
        ".config/systemd/user/openclaw-gateway.service",
        "[Service]\nEnvironment=MY_TOKEN=u OTHER=y OPENCLAW_GATEWAY_TOKEN=o\n",
    );
    let stale: Vec<_> = home.find().copies.into_iter().filter(|copy| !copy.wins).map(|copy| copy.source).collect();
    let of_unit = |name: &str| Source::Service { file: unit.clone(), name: name.into() };
    assert_eq!(stale, [Source::DotEnv { file, name: name() }, of_unit("MY_TOKEN"), of_unit("OPENCLAW_GATEWAY_TOKEN")]);
}

#[test]
fn a_file_of_secrets_is_read_only_when_it_is_private() {
    let config = |mode: &str, id: &str| {
        let mut config = auth(json!({ "source": "file", "provider": "mine", "id": id }));
        config["secrets"] = json!({ "providers": { "mine": { "source": "file", "path": "~/secrets", "mode": mode } } });
        config
    };
    for (mode, id, text) in [("json", "/a/b~1c", r#"{"a":{"b/c":"f"}}"#), ("singleValue", "value", "f\n")] {
        let home = Home::new(&config(mode, id));
        let file = home.write("secrets", text);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
            assert_eq!(home.find().missing[0].why, Unknown::File { file: file.clone() });
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let to = Box::new(Source::SecretFile { file });
        assert_eq!(home.token(), Some(("f".into(), Source::Reference { path: "gateway.auth.token", to })));
    }
}

#[test]
fn another_gateway_has_its_own_order() {
    let config = json!({ "gateway": { "mode": "remote", "remote": { "url": "wss://far", "token": "r", "password": "rp", "tlsFingerprint": "ab" }, "auth": { "token": "l" } } });
    let found = Home::new(&config).with("OPENCLAW_GATEWAY_TOKEN", "e").with("OPENCLAW_GATEWAY_PASSWORD", "ep").find();
    assert_eq!((found.url.as_str(), found.url_source), ("wss://far", UrlSource::Remote));
    assert_eq!(found.token.unwrap().secret.reveal(), "r");
    assert_eq!(found.password.unwrap().secret.reveal(), "ep");
    assert_eq!(found.tls_fingerprint.as_deref(), Some("ab"));
    let named = Home::new(&config).with("OPENCLAW_GATEWAY_URL", "ws://127.0.0.1:5").find();
    assert_eq!((named.url.as_str(), named.url_source), ("ws://127.0.0.1:5", UrlSource::Environment));
    assert!(named.token.is_none() && named.password.is_none(), "no secret of the configuration goes there");
    let local = Home::new(&json!({ "gateway": { "port": 19100, "tls": { "enabled": true } } })).find();
    assert_eq!((local.url.as_str(), local.url_source), ("wss://127.0.0.1:19100", UrlSource::Local));
}

#[test]
fn a_stale_copy_in_the_service_is_seen() {
    let home = Home::new(&auth(json!("new")));
    let unit = home.write(
        ".config/systemd/user/openclaw-gateway.service",
        "[Service]\nEnvironment=\"OPENCLAW_GATEWAY_TOKEN=old\" A=1\nEnvironmentFile=-%h/.openclaw/gateway.systemd.env\n",
    );
    let file = home.write(".openclaw/gateway.systemd.env", "OPENCLAW_GATEWAY_TOKEN=older\n");
    let stale: Vec<_> = home.find().copies.into_iter().filter(|copy| !copy.wins).map(|copy| copy.source).collect();
    let name = || "OPENCLAW_GATEWAY_TOKEN".to_owned();
    assert_eq!(stale, [Source::Service { file: unit, name: name() }, Source::Service { file, name: name() }]);
}

#[test]
fn other_files_are_taken_in_as_openclaw_does() {
    let home = Home::new(&json!({ "gateway": { "$include": ["./a.json5", "./b.json5"], "port": 3 } }));
    home.write(".openclaw/a.json5", "{ port: 1, auth: { $include: './auth.json5' } }");
    home.write(".openclaw/auth.json5", "{ token: 'i' }");
    home.write(".openclaw/b.json5", "{ port: 2 }");
    let found = home.find();
    assert_eq!((found.url.as_str(), found.token.unwrap().secret.reveal()), ("ws://127.0.0.1:3", "i"));
    let refused = |include: &str| {
        let home = Home::new(&json!({ "gateway": { "$include": include } }));
        home.write("outside.json5", "{}");
        home.write(".openclaw/round.json5", "{ $include: './round.json5' }");
        let env = |name: &str| (name == "HOME").then(|| home.temp.path().as_os_str().to_owned());
        find(&Surroundings { env: &env, exists: &Path::exists }, None, &|_, _| None).unwrap_err().to_string()
    };
    assert!(refused("../outside.json5").contains("outside the folders"));
    assert!(refused("./round.json5").contains("cannot be taken in"));
    assert!(refused("./none.json5").contains("cannot read"));
}

#[test]
fn no_secret_is_shown() {
    let home = Home::new(&json!({ "gateway": { "auth": { "token": "t0p-secret", "password": "p0p-secret" } } }));
    let shown = format!("{:?}", home.find());
    assert!(!shown.contains("secret-") && !shown.contains("0p-secret"), "{shown}");
}
