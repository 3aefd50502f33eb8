//! The line that Windows starts at login, which every program splits into its words by itself.

/// A word as programs read it back: in quotes where it has a space; a backslash counts for itself but before a quote.
pub(crate) fn quoted(word: &str) -> String {
    if !word.is_empty() && !word.contains([' ', '\t', '"']) {
        return word.to_owned();
    }
    let mut line = String::from("\"");
    let mut backslashes = 0;
    for letter in word.chars() {
        match letter {
            '\\' => backslashes += 1,
            '"' => line.extend(std::iter::repeat_n('\\', std::mem::take(&mut backslashes) + 1)),
            _ => backslashes = 0,
        }
        line.push(letter);
    }
    line.extend(std::iter::repeat_n('\\', backslashes));
    line.push('"');
    line
}

/// The line with its program in quotes. `None`: it is right as it is, or another program's.
pub(crate) fn with_program_quoted(line: &str, program: &str) -> Option<String> {
    let quoted = quoted(program);
    let words = line.strip_prefix(program).filter(|_| quoted != program)?;
    Some(format!("{quoted}{words}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a program reads: the rules of Microsoft's C runtime.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut begun, mut in_quotes, mut backslashes) =
            (Vec::new(), String::new(), false, false, 0);
        for letter in line.chars().chain([' ']) {
            if letter == '\\' {
                backslashes += 1;
                continue;
            }
            let literal = if letter == '"' { backslashes / 2 } else { backslashes };
            begun |= backslashes > 0;
            word.extend(std::iter::repeat_n('\\', literal));
            let escaped = letter == '"' && backslashes % 2 == 1;
            backslashes = 0;
            match letter {
                '"' if !escaped => (in_quotes, begun) = (!in_quotes, true),
                ' ' if !in_quotes => {
                    if std::mem::take(&mut begun) {
                        words.push(std::mem::take(&mut word));
                    }
                }
                other => {
                    word.push(other);
                    begun = true;
                }
            }
        }
        words
    }

    #[test]
    fn every_word_is_read_back_as_it_was() {
        let tried = [r"C:\a", r"C:\a b", r"C:\a b\", r"C:\a b\\", "", r#"a "b" c"#, r#"a\"b c"#, "用户 名", "--hidden"];
        for word in tried {
            let line = format!("{} {}", quoted(word), quoted("--hidden"));
            assert_eq!(words(&line), [word, "--hidden"], "{line}");
        }
    }

    #[test]
    fn quotes_without_care_would_start_something_else() {
        assert_ne!(words(r#""C:\a b\" --hidden"#), [r"C:\a b\", "--hidden"]);
        assert_ne!(words(r"C:\Program Files\SmartPi\smartpi-tray.exe --hidden").len(), 2);
    }

    #[test]
    fn a_program_is_quoted_once_and_only_ours() {
        let program = r"C:\Program Files\SmartPi\smartpi-tray.exe";
        let line = with_program_quoted(&format!("{program} --hidden"), program).unwrap();
        assert_eq!(words(&line), [program, "--hidden"]);
        assert_eq!(with_program_quoted(&line, program), None);
        assert_eq!(with_program_quoted(r"C:\other.exe --hidden", program), None);
        assert_eq!(with_program_quoted(r"C:\SmartPi\smartpi-tray.exe --hidden", r"C:\SmartPi\smartpi-tray.exe"), None);
    }
}
