//! `.env` files as the npm package `dotenv` reads them.

use zeroize::Zeroizing;

/// OpenClaw reads no larger one, in bytes.
pub(super) const LARGEST: u64 = 1 << 20;

/// Names and values, in order; of two lines with one name the later counts.
pub(super) fn parse(text: &str) -> Vec<(String, Zeroizing<String>)> {
    let text = Zeroizing::new(text.replace("\r\n", "\n").replace('\r', "\n"));
    let mut found: Vec<(String, Zeroizing<String>)> = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let Some((name, at)) = name_in(line) else {
            rest = after;
            continue;
        };
        let (value, used) = value_in(&rest[at..]);
        rest = rest[at + used..].split_once('\n').map_or("", |(_, after)| after);
        found.retain(|(known, _)| *known != name);
        found.push((name, value));
    }
    found
}

/// The name and where its value begins.
fn name_in(line: &str) -> Option<(String, usize)> {
    let start = line.trim_start();
    let start = start.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t'])).unwrap_or(start).trim_start();
    let end = start.find(|letter: char| !(letter.is_ascii_alphanumeric() || "_.-".contains(letter)))?;
    let (name, rest) = start.split_at(end);
    let after = rest.trim_start().strip_prefix('=').or_else(|| rest.strip_prefix(": "))?;
    let starts = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let plain = starts && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    plain.then(|| (name.to_owned(), line.len() - after.len()))
}

/// The value, and how much of the text it takes.
fn value_in(text: &str) -> (Zeroizing<String>, usize) {
    let blank = text.len() - text.trim_start_matches([' ', '\t']).len();
    let value = &text[blank..];
    if let Some(quote) = value.chars().next().filter(|first| ['"', '\'', '`'].contains(first))
        && let Some(end) = closing(value, quote)
    {
        let inside = &value[1..end];
        let inside = if quote == '"' { inside.replace("\\n", "\n").replace("\\r", "\r") } else { inside.to_owned() };
        return (Zeroizing::new(inside), blank + end + 1);
    }
    let line = value.split_once('\n').map_or(value, |(line, _)| line);
    let bare = line.split_once('#').map_or(line, |(bare, _)| bare);
    (Zeroizing::new(bare.trim().to_owned()), blank + line.len())
}

fn closing(value: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, letter) in value.char_indices().skip(1) {
        if letter == quote && !escaped {
            return Some(at);
        }
        escaped = letter == '\\' && !escaped;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_dotenv_reads_them() {
        let text = "# a comment\nA=1\n export B = two words # told\r\nC='it # is'\nD=\"x\\ny\"\nE=\"two\nlines\"\nF=\n1BAD=x\nG: yes\nA=9\nH=`a'b\"`\nI='open\nbad.name=1\n";
        let found = parse(text);
        let of = |name: &str| found.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let expected = [
            ("A", "9"),
            ("B", "two words"),
            ("C", "it # is"),
            ("D", "x\ny"),
            ("E", "two\nlines"),
            ("F", ""),
            ("G", "yes"),
            ("H", "a'b\""),
            ("I", "'open"),
        ];
        for (name, value) in expected {
            assert_eq!(of(name), Some(value), "{name}");
        }
        assert_eq!(found.len(), expected.len());
    }
}
