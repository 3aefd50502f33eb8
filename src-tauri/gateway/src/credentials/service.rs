//! Copies of secrets in the definition of the gateway's own service. Linux: systemd units of the user, and the files that they name.

use std::path::Path;

use super::{Held, Source, dotenv, filled};

/// Variables of the gateway's unit.
pub(super) fn variables(home: &Path, state_dir: &Path, profile: Option<&str>) -> Vec<Held> {
    let name = match profile.filter(|profile| !profile.eq_ignore_ascii_case("default")) {
        Some(profile) => format!("openclaw-gateway-{profile}.service"),
        None => "openclaw-gateway.service".to_owned(),
    };
    let unit = home.join(".config/systemd/user").join(name);
    let Ok(text) = std::fs::read_to_string(&unit) else { return Vec::new() };
    let held = |file: &Path, name: String, value: &str| {
        Some(Held { secret: filled(value)?, source: Source::Service { file: file.to_owned(), name } })
    };
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(assignments) = line.strip_prefix("Environment=") {
            found.extend(assigned(assignments).into_iter().filter_map(|(name, value)| held(&unit, name, &value)));
        } else if let Some(file) = line.strip_prefix("EnvironmentFile=") {
            let file = file.trim().trim_start_matches('-').trim_matches('"').replace("%h", &home.display().to_string());
            let file = state_dir.join(file);
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            found.extend(dotenv::parse(&text).into_iter().filter_map(|(name, value)| held(&file, name, &value)));
        }
    }
    found
}

/// `A=1 "B=two words" 'C=3'`, with backslashes as systemd takes them.
fn assigned(text: &str) -> Vec<(String, String)> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let word = words.len() - 1;
        match (letter, quote) {
            ('\\', _) => words[word].extend(letters.next()),
            ('"' | '\'', None) => quote = Some(letter),
            (_, Some(open)) if letter == open => quote = None,
            (' ' | '\t', None) => words.push(String::new()),
            (_, _) => words[word].push(letter),
        }
    }
    words
        .iter()
        .filter_map(|word| word.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_read_as_systemd_reads_them() {
        let found = assigned(r#"A=1 "B=two words" 'C=3' D=\"x"#);
        let expected = [("A", "1"), ("B", "two words"), ("C", "3"), ("D", "\"x")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
