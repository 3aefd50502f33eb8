//! The workflows name only what is there: paths, make targets, crates, npm scripts; and other people's actions by the commit.

use super::source::{Source, repository, root};
use super::{clean, finds};

/// What the lines of the workflows may name.
struct Known {
    paths: Box<dyn Fn(&str) -> bool>,
    targets: Vec<String>,
    packages: Vec<String>,
    /// `FOLDER SCRIPT`.
    scripts: Vec<String>,
}

impl Known {
    fn here() -> Self {
        let all = repository();
        let makefile = all.iter().find(|source| source.path == "Makefile").expect("there is one");
        let rules = makefile.text.lines().filter(|line| !line.starts_with(['\t', '#', '.', ' ']));
        let targets = rules.filter_map(|line| line.split_once(':').filter(|(_, rest)| !rest.starts_with('=')));
        let targets = targets.map(|(name, _)| name.trim().to_owned()).collect();
        let metadata = super::metadata();
        let members = super::strings(&metadata, "workspace_members");
        let listed = metadata["packages"].as_array().into_iter().flatten();
        let ours = listed.filter(|package| package["id"].as_str().is_some_and(|id| members.contains(&id)));
        let packages = ours.filter_map(|package| package["name"].as_str().map(str::to_owned)).collect();
        let scripts = all.iter().filter(|source| source.path.ends_with("package.json")).flat_map(|source| {
            let folder = source.path.trim_end_matches("package.json").trim_end_matches('/').to_owned();
            let package: serde_json::Value = serde_json::from_str(&source.text).expect("package.json is JSON");
            let scripts = package["scripts"].as_object().cloned().unwrap_or_default();
            scripts.into_iter().map(move |(name, _)| format!("{folder} {name}"))
        });
        Self { paths: Box::new(|path| root().join(path).exists()), targets, packages, scripts: scripts.collect() }
    }
}

/// Where the files of the repository lie; what is built is not there yet.
const PLACES: [&str; 9] = [".ci/", ".github/", "benches/", "docs/", "icons/", "plugin", "src-tauri/", "tests/", "ui"];
/// What npm can do without a script.
const NPM: [&str; 2] = ["ci", "sbom"];

fn wrong_names(workflows: &[Source], known: &Known) -> Vec<String> {
    let mut found = Vec::new();
    for source in workflows {
        for (index, line) in source.text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#')) {
            let mut object = |what: String| found.push(format!("{}:{}: {what}", source.path, index + 1));
            if let Some((_, used)) = line.split_once("uses: ") {
                if !is_pinned(used) {
                    object(format!("{used} is not pinned by its commit"));
                }
                continue;
            }
            let words: Vec<&str> = line.split([' ', '"', '\'', ',']).filter(|word| !word.is_empty()).collect();
            for (at, word) in words.iter().enumerate() {
                let next = words.get(at + 1).copied().unwrap_or_default();
                match *word {
                    "make" if begins(&words[..at]) && !known.targets.iter().any(|target| target == next) => {
                        object(format!("make {next}: no such target"));
                    }
                    "--package" | "-p" if !known.packages.iter().any(|package| package == next) => {
                        object(format!("{next}: no such crate"));
                    }
                    "--prefix" => {
                        let (verb, script) = (words.get(at + 2), words.get(at + 3));
                        let is_there = match (verb, script) {
                            (Some(&"run"), Some(script)) => known.scripts.contains(&format!("{next} {script}")),
                            (Some(verb), _) => NPM.contains(verb),
                            (None, _) => false,
                        };
                        if !is_there {
                            object(format!("npm --prefix {next}: no such script"));
                        }
                    }
                    path if PLACES.iter().any(|place| path.starts_with(place)) && !(known.paths)(path) => {
                        object(format!("{path}: no such path"));
                    }
                    _ => {}
                }
            }
        }
    }
    found
}

/// Whether a command begins after these words.
fn begins(before: &[&str]) -> bool {
    before.last().is_none_or(|word| word.ends_with("run:") || ["&&", "||", "|"].contains(word))
}

/// `OWNER/NAME@COMMIT # vVERSION`: a tag can be moved, a commit cannot.
fn is_pinned(used: &str) -> bool {
    let Some((action, version)) = used.split_once(" # v") else { return false };
    let commit = action.split_once('@').map_or("", |(_, commit)| commit);
    commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()) && !version.is_empty()
}

#[test]
fn workflows_name_what_is_there() {
    let workflows: Vec<Source> =
        repository().into_iter().filter(|source| source.path.starts_with(".github/workflows/")).collect();
    assert_eq!(workflows.len(), 2, "ci.yml and release.yml");
    clean(&wrong_names(&workflows, &Known::here()));
}

#[test]
fn a_workflow_that_names_nothing_is_found() {
    let known = Known::here();
    let planted = |line: &str| wrong_names(&[Source::new(".github/workflows/x.yml", line)], &known);
    finds(&planted("      - run: make tset"), "make tset");
    finds(&planted("          make tset"), "make tset");
    finds(&planted("      - run: cargo test --package chanel --lib"), "chanel");
    finds(&planted("        run: npm --prefix ui run biuld"), "npm --prefix ui");
    finds(&planted("        run: npm --prefix plugins ci"), "plugins: no such path");
    finds(&planted("        run: node .ci/sbomb.mjs target"), ".ci/sbomb.mjs");
    finds(&planted("      - uses: actions/checkout@v6"), "not pinned");
    finds(&planted("      - uses: actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd"), "not pinned");
    clean(&planted("      - run: make test && npm --prefix ui/chat run build"));
    clean(&planted("      - name: make nothing of this\n# make tset"));
}
