//! The rules of CONTRIBUTING.md that a program can check. Each is a function over a list of files (or over cargo's metadata) that returns
//! what it objects to, and each has a twin: a planted violation that it must find.

mod source;
mod workflows;

use std::process::Command;

use serde_json::{Value, json};
use source::{Source, code_only, has_tests, outside_tests, repository, root};

/// Who may import whom. A crate that is not listed here is a finding.
const ARROWS: [(&str, &[&str]); 10] = [
    ("channel", &[]),
    ("device", &["channel"]),
    ("gateway", &[]),
    ("care", &[]),
    ("desk", &["channel", "gateway", "care"]),
    ("cli", &["desk", "device"]),
    (SHELL, &["desk", "cli"]),
    ("scenarios", &["channel", "device", "gateway", "care", "desk"]),
    ("benches", &["channel", "device"]),
    ("fuzz", &["channel"]),
];
/// The one crate that may know Tauri.
const SHELL: &str = "smartpi-tray";
const DESKTOP: [&str; 2] = ["tauri", "wry"];
const BANNED: [&str; 11] =
    ["util", "utils", "common", "helper", "helpers", "manager", "managers", "misc", "core", "types", "mod"];
const LINES: usize = 400;
const LINES_WITH_TESTS: usize = 600;

fn metadata() -> Value {
    let compiler = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let compiler = String::from_utf8(compiler.stdout).expect("rustc speaks UTF-8");
    let host = compiler.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", host])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

fn strings<'a>(value: &'a Value, key: &str) -> Vec<&'a str> {
    value[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn wrong_arrows(metadata: &Value) -> Vec<String> {
    let members = strings(metadata, "workspace_members");
    let packages: Vec<&Value> = metadata["packages"].as_array().into_iter().flatten().collect();
    let ours: Vec<&&Value> =
        packages.iter().filter(|package| package["id"].as_str().is_some_and(|id| members.contains(&id))).collect();
    let names: Vec<&str> = ours.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut found = Vec::new();
    for package in &ours {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = ARROWS.iter().find(|(listed, _)| *listed == name) else {
            found.push(format!("{name}: a crate without a rule in ARROWS"));
            continue;
        };
        // A crate's own tests may use what it must not be built from: the desk's are told by a real device.
        let built = package["dependencies"].as_array().into_iter().flatten().filter(|import| import["kind"] != "dev");
        let imports = built.filter_map(|import| import["name"].as_str());
        let wrong = imports.filter(|import| names.contains(import) && !allowed.contains(import));
        found.extend(wrong.map(|import| format!("{name} imports {import}")));
        let id = package["id"].as_str().unwrap_or_default();
        if name == SHELL {
            continue;
        }
        let desktop =
            reachable(metadata, id).into_iter().filter(|reached| DESKTOP.contains(&package_name(&packages, reached)));
        found.extend(desktop.map(|reached| format!("{name} reaches {}", package_name(&packages, reached))));
    }
    found
}

fn package_name<'a>(packages: &[&'a Value], id: &str) -> &'a str {
    packages.iter().find(|package| package["id"] == id).and_then(|package| package["name"].as_str()).unwrap_or_default()
}

fn reachable<'a>(metadata: &'a Value, from: &'a str) -> Vec<&'a str> {
    let nodes: std::collections::HashMap<&str, Vec<&str>> = metadata["resolve"]["nodes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|node| Some((node["id"].as_str()?, strings(node, "dependencies"))))
        .collect();
    let mut reached = vec![from];
    let mut at = 0;
    while at < reached.len() {
        let next = nodes.get(reached[at]).into_iter().flatten().filter(|id| !reached.contains(id)).copied();
        let next: Vec<&str> = next.collect();
        reached.extend(next);
        at += 1;
    }
    reached
}

fn too_long(sources: &[Source]) -> Vec<String> {
    let written = sources.iter().filter(|source| matches!(source.extension(), "rs" | "ts" | "vue" | "mjs"));
    let written = written.filter(|source| !source.text.lines().take(3).any(|line| line.contains("generated")));
    written
        .filter_map(|source| {
            let tests = source.is_test() || has_tests(&source.text);
            let most = if tests { LINES_WITH_TESTS } else { LINES };
            let lines = source.text.lines().count();
            (lines > most).then(|| format!("{}: {lines} lines, {most} at most", source.path))
        })
        .collect()
}

fn banned_names(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| matches!(source.extension(), "rs" | "ts" | "vue" | "mjs" | "py")) {
        for part in source.path.split('/') {
            let stem = part.split('.').next().unwrap_or_default();
            let noun = stem.rsplit(['_', '-']).next().unwrap_or_default();
            if BANNED.contains(&noun.to_lowercase().as_str()) {
                found.push(format!("{}: `{stem}` says nothing", source.path));
            }
        }
        if source.extension() == "rs" {
            let code = code_only(&source.text);
            let modules = code.lines().filter_map(|line| line.split_once("mod ").map(|(_, name)| name));
            let names = modules.map(|name| name.split([' ', ';', '{']).next().unwrap_or_default());
            let wrong = names.filter(|name| BANNED.contains(name));
            found.extend(wrong.map(|name| format!("{}: module `{name}` says nothing", source.path)));
        }
    }
    found
}

/// Words by which a program ends others' processes or tells a service manager something, each with the files of the product that may say them: one that does it,
/// and those that show it to a person.
const POWERS: [(&str, &[&str]); 8] = [
    ("pidfd_send_signal", &["src-tauri/care/src/os/linux/handle.rs"]),
    ("kill_process", &[]),
    ("libc::kill", &[]),
    ("TerminateProcess", &[]),
    ("taskkill", &[]),
    ("launchctl", &["src-tauri/care/src/os/macos/launchd.rs", "src-tauri/care/src/duplicates/lines.rs"]),
    ("schtasks", &["src-tauri/care/src/duplicates/lines.rs"]),
    (
        "\"systemctl",
        &[
            "src-tauri/desk/src/repair/services.rs",
            "src-tauri/care/src/plan/step.rs",
            "src-tauri/care/src/duplicates/lines.rs",
        ],
    ),
];

fn powers(sources: &[Source]) -> Vec<String> {
    let of_product =
        |source: &&Source| source.extension() == "rs" && source.path.starts_with("src-tauri/") && !source.is_test();
    let mut found = Vec::new();
    for source in sources.iter().filter(of_product) {
        let written = source.text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let without = |line| if str::trim_start(line).starts_with("//") { "" } else { line };
        let code: Vec<&str> = written.lines().map(without).collect();
        for (word, places) in POWERS.iter().filter(|(_, places)| !places.contains(&source.path.as_str())) {
            let hits = lines_with(&source.path, &code.join("\n"), &[word]);
            found.extend(hits.into_iter().map(|hit| format!("{hit} (only in {places:?})")));
        }
    }
    found
}

fn lines_with(path: &str, code: &str, words: &[&str]) -> Vec<String> {
    let lines = code.lines().enumerate();
    let hits = lines
        .flat_map(|(index, line)| words.iter().filter(|word| line.contains(**word)).map(move |word| (index, word)));
    hits.map(|(index, word)| format!("{path}:{}: {word}", index + 1)).collect()
}

fn unfinished(sources: &[Source]) -> Vec<String> {
    let rust = sources.iter().filter(|source| source.extension() == "rs");
    rust.flat_map(|source| {
        let code = code_only(&source.text);
        let mut found = lines_with(&source.path, &code, &["#[ignore", "#[should_panic", "todo!(", "unimplemented!("]);
        if !source.is_test() {
            found.extend(lines_with(&source.path, &outside_tests(&code), &[".unwrap()", ".unwrap_err()", "dbg!("]));
        }
        found
    })
    .collect()
}

fn switched_off(sources: &[Source]) -> Vec<String> {
    let tests = sources.iter().filter(|source| matches!(source.extension(), "ts" | "mjs") && source.is_test());
    let verbs = ["skip", "only", "todo", "fails"];
    let words: Vec<String> = ["it", "test", "describe"]
        .iter()
        .flat_map(|name| verbs.iter().map(move |verb| format!("{name}.{verb}")))
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    tests.flat_map(|source| lines_with(&source.path, &source.text, &words)).collect()
}

/// A pause in a test is either too short on a busy machine or a waste on a quiet one: wait for a fact, with a limit. The rigs in
/// `tests/support` do the waiting: they look again after a glance, and play slow peers.
fn pauses(sources: &[Source]) -> Vec<String> {
    let tests =
        sources.iter().filter(|source| source.extension() == "rs" && source.path.starts_with("tests/scenarios/"));
    tests
        .flat_map(|source| {
            lines_with(&source.path, &code_only(&source.text), &["thread::sleep", "time::sleep", " sleep("])
        })
        .collect()
}

/// A path that exists on its writer's machine only. A fixed list: what is clean here must be clean on every machine.
fn private_folders() -> [String; 3] {
    [["/", "root/"].concat(), ["/", "work/"].concat(), ["bash", "_jobs"].concat()]
}

fn machine_paths(sources: &[Source], folders: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        let lines = source.text.lines().enumerate();
        let wrong = lines.filter(|(_, line)| folders.iter().any(|folder| starts_a_path(line, folder)));
        found.extend(wrong.map(|(index, line)| format!("{}:{}: {}", source.path, index + 1, line.trim())));
    }
    found
}

fn starts_a_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || "._-/})".contains(character))
    })
}

/// Each side of a contract: where its tests may be, and which golden folders concern it.
const READERS: [(&str, &[&str], &[&str]); 3] = [
    ("Rust", &["src-tauri/", "tests/"], &["device", "upstream"]),
    ("the plugin", &["plugin/"], &["upstream"]),
    ("the phone page", &["ui/chat/"], &["device"]),
];

fn unread_frames(sources: &[Source]) -> Vec<String> {
    let golden: Vec<(&str, &str)> = sources
        .iter()
        .filter_map(|source| source.path.strip_prefix("tests/golden/")?.split_once('/'))
        .filter(|(_, name)| name.ends_with(".json"))
        .collect();
    let mut found = Vec::new();
    for (side, places, folders) in READERS {
        let tests: Vec<&Source> = sources
            .iter()
            .filter(|source| matches!(source.extension(), "rs" | "ts" | "mjs"))
            .filter(|source| places.iter().any(|place| source.path.starts_with(place)))
            .filter(|source| !source.path.starts_with("tests/scenarios/tidy"))
            .filter(|source| source.is_test() || has_tests(&source.text))
            .collect();
        for (folder, name) in golden.iter().filter(|(folder, _)| folders.contains(folder)) {
            let read = tests.iter().any(|source| {
                let whole = source.text.contains("golden")
                    && source.text.contains(folder)
                    && ["read_dir", "readdir", "import.meta.glob"].iter().any(|way| source.text.contains(way));
                whole || (source.text.contains("golden") && source.text.contains(name))
            });
            if !read {
                found.push(format!("tests/golden/{folder}/{name}: no test of {side} reads it"));
            }
        }
    }
    found
}

#[track_caller]
fn clean(found: &[String]) {
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
}

#[track_caller]
fn finds(found: &[String], words: &str) {
    assert!(found.iter().any(|line| line.contains(words)), "a planted `{words}` was not found in {found:?}");
}

#[test]
fn crates_import_only_along_the_arrows() {
    clean(&wrong_arrows(&metadata()));
}

#[test]
fn a_wrong_arrow_is_found() {
    let mut planted = metadata();
    let packages = planted["packages"].as_array_mut().unwrap();
    let channel = packages.iter_mut().find(|package| package["name"] == "channel").unwrap();
    channel["dependencies"].as_array_mut().unwrap().push(json!({ "name": "desk" }));
    finds(&wrong_arrows(&planted), "channel imports desk");
}

#[test]
fn a_desktop_toolkit_behind_another_crate_is_found() {
    let planted = json!({
        "workspace_members": ["a"],
        "packages": [
            { "id": "a", "name": "channel", "dependencies": [{ "name": "b" }] },
            { "id": "b", "name": "b", "dependencies": [{ "name": "wry" }] },
            { "id": "c", "name": "wry", "dependencies": [] },
        ],
        "resolve": { "nodes": [{ "id": "a", "dependencies": ["b"] }, { "id": "b", "dependencies": ["c"] }] },
    });
    finds(&wrong_arrows(&planted), "channel reaches wry");
}

#[test]
fn a_crate_without_a_rule_is_found() {
    let planted =
        json!({ "workspace_members": ["a"], "packages": [{ "id": "a", "name": "fresh", "dependencies": [] }] });
    finds(&wrong_arrows(&planted), "fresh");
}

#[test]
fn processes_and_services_are_told_things_in_one_place_each() {
    clean(&powers(&repository()));
    let planted = |path: &str, code: &str| powers(&[Source::new(path, code)]);
    finds(&planted("src-tauri/desk/src/x.rs", "fn a() { rustix::process::kill_process(pid, TERM); }"), "kill_process");
    finds(&planted("src-tauri/cli/src/x.rs", "fn a() { Command::new(\"systemctl\"); }"), "systemctl");
    clean(&planted("src-tauri/cli/src/x.rs", "fn a() {}\n#[cfg(test)]\nmod tests { const A: &str = \"systemctl\"; }"));
}

#[test]
fn files_are_short() {
    clean(&too_long(&repository()));
}

#[test]
fn a_long_file_is_found_and_tests_get_more_room() {
    let long = "x\n".repeat(LINES + 1);
    finds(&too_long(&[Source::new("plugin/src/link.ts", &long)]), "401 lines");
    clean(&too_long(&[Source::new("tests/scenarios/x.rs", &long)]));
    clean(&too_long(&[Source::new("src-tauri/desk/src/x.rs", &format!("{long}#[cfg(test)]\nmod tests {{}}"))]));
    finds(&too_long(&[Source::new("tests/scenarios/x.rs", &"x\n".repeat(LINES_WITH_TESTS + 1))]), "601 lines");
}

#[test]
fn modules_are_named_by_nouns_of_the_domain() {
    clean(&banned_names(&repository()));
}

#[test]
fn a_banned_name_is_found() {
    for path in [
        "plugin/src/utils.ts",
        "src-tauri/desk/src/core/x.rs",
        "ui/chat/src/qr-helper.ts",
        "src-tauri/desk/src/x/mod.rs",
    ] {
        finds(&banned_names(&[Source::new(path, "")]), path);
    }
    finds(&banned_names(&[Source::new("src-tauri/desk/src/x.rs", "pub(crate) mod common {}")]), "common");
    clean(&banned_names(&[Source::new("src-tauri/desk/src/commonplace.rs", "// mod util\nmod corelation;")]));
}

#[test]
fn nothing_is_unfinished() {
    clean(&unfinished(&repository()));
}

#[test]
fn unfinished_work_is_found_only_where_it_is_code() {
    let planted = |text: &str| unfinished(&[Source::new("src-tauri/desk/src/x.rs", text)]);
    finds(&planted("fn a() { b().unwrap(); }"), ".unwrap()");
    finds(&planted("#[cfg(test)]\nmod tests { fn b() { c().unwrap() } }\nfn a() { b().unwrap() }"), "x.rs:3");
    finds(
        &planted("#[cfg(all(test, unix))]\nmod tests { fn b() { c().unwrap() } }\nfn a() { b().unwrap() }"),
        "x.rs:3",
    );
    finds(&planted(concat!("fn a() { to", "do!() }")), "do!(");
    finds(&unfinished(&[Source::new("tests/scenarios/x.rs", concat!("#[ign", "ore]\n#[test]\nfn x() {}"))]), "ore");
    clean(&planted(
        "// b().unwrap()\n/* /* */ .unwrap() */ const A: &str = \".unwrap()\"; const B: &str = r#\"\".unwrap()\"#;",
    ));
    clean(&planted("fn a<'a>(b: &'a str) -> char { '\"' }\n#[cfg(test)]\nmod tests {\n fn b() { c().unwrap(); }\n}"));
    clean(&unfinished(&[Source::new("tests/scenarios/x.rs", "fn a() { b().unwrap(); }")]));
}

#[test]
fn no_test_of_the_web_parts_is_switched_off() {
    clean(&switched_off(&repository()));
    finds(&switched_off(&[Source::new("plugin/test/link.test.ts", "it.skip('x', () => {})")]), "it.skip");
}

#[test]
fn tests_wait_for_facts() {
    clean(&pauses(&repository()));
    finds(&pauses(&[Source::new("tests/scenarios/x.rs", "use std::thread;\nthread::sleep(A);")]), "x.rs:2");
    finds(&pauses(&[Source::new("tests/scenarios/x.rs", "tokio::time::sleep(A).await;")]), "x.rs:1");
}

#[test]
fn no_path_of_one_machine_is_written_down() {
    clean(&machine_paths(&repository(), &private_folders()));
    let found = |text: &str| machine_paths(&[Source::new("README.md", text)], &private_folders());
    finds(&found(&["one\nopen(\"/", "root/x\")"].concat()), "README.md:2");
    clean(&found("see src/root/x and https://example.org/work/x and /home/user/x"));
}

#[test]
fn both_sides_read_every_golden_frame() {
    clean(&unread_frames(&repository()));
}

#[test]
fn a_golden_frame_that_one_side_ignores_is_found() {
    let frame = Source::new("tests/golden/upstream/deliver.json", "{}");
    let rust = Source::new("src-tauri/channel/src/wire/tests.rs", "golden upstream read_dir");
    let named = Source::new("plugin/test/wire.test.ts", "golden deliver.json");
    let other = Source::new("plugin/test/wire.test.ts", "golden stored.json");
    clean(&unread_frames(&[Source::new(&frame.path, ""), Source::new(&rust.path, &rust.text), named]));
    finds(&unread_frames(&[frame, rust, other]), "deliver.json: no test of the plugin");
}
