//! The repository as a list of texts, and Rust text without what is not code.

use std::fs;
use std::path::{Path, PathBuf};

/// One file: path from the repository's root with `/`, and its text.
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    pub(super) fn extension(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// Whether the whole file is test code.
    pub(super) fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.path.starts_with("tests/")
            || self.path.contains("/test/")
            || self.path.contains("/tests/")
            || name == "tests.rs"
            || name.contains(".test.")
    }
}

const NOT_OURS: [&str; 7] = [".git", ".cache", "target", "node_modules", "dist", "gen", "__pycache__"];
const TEXTS: [&str; 14] =
    ["rs", "ts", "vue", "mjs", "js", "py", "sh", "md", "toml", "json", "sql", "html", "css", "yml"];

pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the repository").to_path_buf()
}

/// Every text file of the repository that a person wrote.
pub(super) fn repository() -> Vec<Source> {
    let mut sources = Vec::new();
    gather(&root(), &root(), &mut sources);
    assert!(sources.len() > 100, "only {} files found: the walk is broken", sources.len());
    sources
}

fn gather(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .expect("the folder is readable")
        .map(|entry| entry.expect("its entries are").path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
        if path.is_symlink() || NOT_OURS.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            gather(root, &path, sources);
            continue;
        }
        let relative =
            path.strip_prefix(root).expect("the walk began at the root").to_string_lossy().replace('\\', "/");
        let known = TEXTS.iter().any(|extension| name.ends_with(&format!(".{extension}")));
        if (known || name == "Makefile" || relative.starts_with(".ci/")) && name != "package-lock.json" {
            // Another test may remove its own scratch file between the listing and this line.
            if let Ok(text) = fs::read_to_string(&path) {
                sources.push(Source { path: relative, text });
            }
        }
    }
}

/// Rust text with comments and the insides of strings blanked; lines stay where they are.
pub(super) fn code_only(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < characters.len() {
        let end = match characters[at] {
            '/' if characters.get(at + 1) == Some(&'/') => line_end(&characters, at),
            '/' if characters.get(at + 1) == Some(&'*') => comment_end(&characters, at),
            '"' => string_end(&characters, at),
            'r' if !follows_word(&characters, at) => raw_string_end(&characters, at).unwrap_or(at),
            '\'' => character_end(&characters, at).unwrap_or(at),
            _ => at,
        };
        if end == at {
            code.push(characters[at]);
            at += 1;
        } else {
            code.extend(characters[at..end].iter().map(|&character| if character == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

fn follows_word(characters: &[char], at: usize) -> bool {
    at > 0 && (characters[at - 1].is_alphanumeric() || characters[at - 1] == '_') && characters[at - 1] != 'b'
}

fn line_end(characters: &[char], at: usize) -> usize {
    (at..characters.len()).find(|&index| characters[index] == '\n').unwrap_or(characters.len())
}

fn comment_end(characters: &[char], at: usize) -> usize {
    let mut depth = 0_u32;
    let mut index = at;
    while index + 1 < characters.len() {
        match (characters[index], characters[index + 1]) {
            ('/', '*') => (depth, index) = (depth + 1, index + 2),
            ('*', '/') if depth == 1 => return index + 2,
            ('*', '/') => (depth, index) = (depth - 1, index + 2),
            _ => index += 1,
        }
    }
    characters.len()
}

fn string_end(characters: &[char], at: usize) -> usize {
    let mut index = at + 1;
    while index < characters.len() {
        match characters[index] {
            '\\' => index += 2,
            '"' => return index + 1,
            _ => index += 1,
        }
    }
    characters.len()
}

fn raw_string_end(characters: &[char], at: usize) -> Option<usize> {
    let hashes = characters[at + 1..].iter().take_while(|&&character| character == '#').count();
    if characters.get(at + 1 + hashes) != Some(&'"') {
        return None;
    }
    let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let begin = at + 2 + hashes;
    let found = (begin..characters.len()).find(|&index| characters[index..].starts_with(&close));
    Some(found.map_or(characters.len(), |index| index + close.len()))
}

/// The end of a character literal; `None` for a lifetime.
fn character_end(characters: &[char], at: usize) -> Option<usize> {
    if characters.get(at + 1) == Some(&'\\') {
        let close = (at + 3..characters.len().min(at + 13)).find(|&index| characters[index] == '\'')?;
        return Some(close + 1);
    }
    (characters.get(at + 2) == Some(&'\'')).then_some(at + 3)
}

const TEST_ITEMS: [&str; 2] = ["#[cfg(test)]", "#[cfg(all(test,"];

/// Whether a file of product code carries its tests.
pub(super) fn has_tests(text: &str) -> bool {
    TEST_ITEMS.iter().any(|attribute| text.contains(attribute))
}

/// Code without its test items; lines stay where they are.
pub(super) fn outside_tests(code: &str) -> String {
    let mut rest = code;
    let mut kept = String::with_capacity(code.len());
    while let Some(at) = TEST_ITEMS.iter().filter_map(|attribute| rest.find(attribute)).min() {
        kept.push_str(&rest[..at]);
        let item = &rest[at..];
        let length = item_length(item);
        kept.extend(item[..length].chars().filter(|&character| character == '\n'));
        rest = &item[length..];
    }
    kept.push_str(rest);
    kept
}

fn item_length(item: &str) -> usize {
    let mut depth = 0_u32;
    for (index, character) in item.char_indices() {
        match character {
            ';' if depth == 0 => return index + 1,
            '{' => depth += 1,
            '}' if depth <= 1 => return index + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    item.len()
}
