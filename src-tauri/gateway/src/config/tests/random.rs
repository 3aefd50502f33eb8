//! 500 random configurations: whatever a person wrote is there afterwards.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// Draws from a seed, so that one number names a whole configuration.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn chance(&mut self, of: u64) -> bool {
        self.roll(of) == 0
    }
}

/// A configuration as people write them.
struct Writer {
    dice: Dice,
    text: String,
    comments: usize,
    newline: &'static str,
    unit: String,
    lines: bool,
    trailing: bool,
    strict: bool,
}

impl Writer {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed | 1);
        let unit = ["  ", "    ", "\t"][usize::try_from(dice.roll(3)).unwrap()].to_owned();
        let (newline, lines) = (if dice.chance(4) { "\r\n" } else { "\n" }, !dice.chance(5));
        let (trailing, strict) = (dice.chance(2), dice.chance(4));
        Self { dice, text: String::new(), comments: 0, newline, unit, lines, trailing: trailing && !strict, strict }
    }

    fn comment(&mut self, block: bool) {
        if self.strict || !self.dice.chance(3) {
            return;
        }
        self.comments += 1;
        let number = self.comments;
        if block || !self.lines {
            write!(self.text, " /* {number}: {{ 'x' }}, // */ ").unwrap();
        } else {
            write!(self.text, " // {number}: \"y\", [").unwrap();
        }
    }

    fn line(&mut self, depth: usize) {
        if self.lines {
            self.text.push_str(self.newline);
            self.text.push_str(&self.unit.repeat(depth));
        } else if self.dice.chance(2) {
            self.text.push(' ');
        }
    }

    fn key(&mut self, key: &str) {
        let plain = key.chars().all(|letter| letter.is_ascii_alphanumeric());
        match self.dice.roll(3) {
            _ if self.strict => write!(self.text, "\"{key}\"").unwrap(),
            0 => write!(self.text, "'{key}'").unwrap(),
            1 if plain => self.text.push_str(key),
            _ => write!(self.text, "\"{key}\"").unwrap(),
        }
    }

    fn scalar(&mut self) {
        let number = self.dice.roll(1000);
        let (loose, strict) = (9, 5);
        match self.dice.roll(if self.strict { strict } else { loose }) {
            0 => write!(self.text, "{number}").unwrap(),
            1 => self.text.push_str("true"),
            2 => self.text.push_str("null"),
            3 => write!(self.text, "\"s{number} \\\"q\\\" \\u00e9 // no\"").unwrap(),
            4 => write!(self.text, "-{number}.5e1").unwrap(),
            5 => write!(self.text, "'it\\'s {number} /* no */'").unwrap(),
            6 => write!(self.text, "0x{number:x}").unwrap(),
            7 => write!(self.text, "+.{number}").unwrap(),
            _ => write!(self.text, "'${{VAR_{number}}}'").unwrap(),
        }
    }

    fn list(&mut self, depth: usize, items: &[&str]) {
        self.text.push('[');
        let count = items.len();
        for (index, item) in items.iter().enumerate() {
            self.line(depth + 1);
            let quote = if !self.strict && self.dice.chance(2) { '\'' } else { '"' };
            write!(self.text, "{quote}{item}{quote}").unwrap();
            if index + 1 < count || self.trailing {
                self.text.push(',');
            }
            self.comment(false);
        }
        if self.lines && (count > 0 || self.dice.chance(2)) {
            self.line(depth);
        }
        self.text.push(']');
    }

    fn object(&mut self, depth: usize, entries: &[(&str, Kind)]) {
        self.text.push('{');
        self.comment(true);
        let count = entries.len();
        for (index, (key, kind)) in entries.iter().enumerate() {
            self.line(depth + 1);
            self.key(key);
            self.text.push(':');
            if self.dice.chance(2) {
                self.text.push(' ');
            }
            self.comment(true);
            match kind {
                Kind::Scalar => self.scalar(),
                Kind::Word(word) => self.text.push_str(word),
                Kind::List(items) => self.list(depth + 1, items),
                Kind::Object(entries) => self.object(depth + 1, entries),
            }
            self.comment(true);
            if index + 1 < count || self.trailing {
                self.text.push(',');
            }
            self.comment(false);
        }
        if count > 0 {
            self.line(depth);
        }
        self.text.push('}');
    }
}

#[derive(Clone)]
enum Kind<'a> {
    Scalar,
    Word(&'a str),
    List(Vec<&'a str>),
    Object(Vec<(&'a str, Kind<'a>)>),
}

fn config(seed: u64) -> (String, usize) {
    let mut writer = Writer::new(seed);
    writer.comment(false);
    writer.text.push_str(writer.newline);
    let mut entries: Vec<(&str, Kind<'_>)> = Vec::new();
    let scalars = |dice: &mut Dice, keys: &[&'static str]| -> Vec<(&'static str, Kind<'static>)> {
        keys.iter().filter(|_| !dice.chance(3)).map(|key| (*key, Kind::Scalar)).collect()
    };
    let dice = &mut writer.dice;
    entries.push(("gateway", Kind::Object(scalars(dice, &["mode", "port", "bind", "x-unknown"]))));
    if !dice.chance(4) {
        let mut plugins = scalars(dice, &["enabled", "slots"]);
        if dice.chance(2) {
            let all = ["memory-core", "discord", "@li/thing"];
            plugins.push(("allow", Kind::List(all[..usize::try_from(dice.roll(4)).unwrap()].to_vec())));
        }
        if !dice.chance(3) {
            plugins.push((
                "entries",
                Kind::Object(if dice.chance(3) {
                    Vec::new()
                } else {
                    vec![("discord", Kind::Object(scalars(dice, &["enabled", "config"])))]
                }),
            ));
        }
        entries.push(("plugins", Kind::Object(plugins)));
    }
    if !dice.chance(3) {
        let telegram =
            ("telegram", Kind::Object(vec![("botToken", Kind::Scalar), ("allowFrom", Kind::List(vec!["1", "2"]))]));
        entries.push((
            "channels",
            Kind::Object(if dice.chance(4) {
                Vec::new()
            } else {
                vec![telegram, ("discord", Kind::Object(scalars(dice, &["token", "enabled"])))]
            }),
        ));
    }
    if dice.chance(2) {
        entries.push(("agents", Kind::Object(vec![("$include", Kind::List(vec!["./agents.json5"]))])));
    } else {
        entries.push((
            "agents",
            Kind::Object(vec![(
                "entries",
                Kind::Object(vec![("main", Kind::Object(Vec::new())), ("kitchen", Kind::Object(Vec::new()))]),
            )]),
        ));
    }
    if dice.chance(3) {
        entries.push((
            "bindings",
            if dice.chance(2) {
                Kind::Word("[]")
            } else {
                Kind::Word("[{\"agentId\": \"main\", \"match\": {\"channel\": \"discord\"}}]")
            },
        ));
    }
    entries.extend(scalars(dice, &["unknown", "logging2"]));
    for index in (1..entries.len()).rev() {
        entries.swap(index, usize::try_from(writer.dice.roll(u64::try_from(index).unwrap() + 1)).unwrap());
    }
    writer.object(0, &entries);
    writer.text.push_str(writer.newline);
    writer.comment(true);
    (writer.text, writer.comments)
}

/// The configuration without anything of ours.
fn foreign(text: &str) -> Value {
    let mut all = value(text);
    let map = all.as_object_mut().unwrap();
    for (holder, keys) in [("channels", &["channels"][..]), ("plugins", &["plugins", "entries"])] {
        let place = if keys.len() == 2 {
            map.get_mut(holder).and_then(|plugins| plugins.get_mut("entries"))
        } else {
            map.get_mut(holder)
        };
        if let Some(place) = place.and_then(Value::as_object_mut) {
            place.remove(ID);
        }
    }
    if let Some(list) =
        map.get_mut("plugins").and_then(|plugins| plugins.get_mut("allow")).and_then(Value::as_array_mut)
    {
        list.retain(|id| id != ID);
    }
    if let Some(list) = map.get_mut("bindings").and_then(Value::as_array_mut) {
        list.retain(|binding| binding["match"]["channel"] != ID);
    }
    // What we made and nothing else is in.
    let empty = |value: Option<&Value>| value.is_some_and(|value| value == &json!({}) || value == &json!([]));
    if empty(map.get("plugins").and_then(|plugins| plugins.get("entries"))) {
        map["plugins"].as_object_mut().unwrap().remove("entries");
    }
    for key in ["channels", "plugins", "bindings"] {
        if empty(map.get(key)) {
            map.remove(key);
        }
    }
    all
}

type Editor = fn(&str, &[Change]) -> Result<Edited, EditError>;

/// What a person sees of an editor, in words when it is wrong.
/// Whether removing gave back the very same bytes.
fn judge(seed: u64, edit: Editor) -> Result<bool, String> {
    let (text, comments) = config(seed);
    let told = |what: &str, now: &str| format!("{what}\n--- before\n{text}\n--- now\n{now}");
    let steps = [
        Change::install(KEY).to_vec(),
        vec![route_to("dev1", Some("main"))],
        vec![route_to("dev2", Some("kitchen"))],
        vec![route_to("dev1", Some("kitchen"))],
    ];
    let (mut now, mut made) = (text.clone(), Vec::new());
    for step in &steps {
        let edited = edit(&now, step).map_err(|error| told(&error.to_string(), &now))?;
        made.extend(edited.made);
        now = edited.text;
        if foreign(&now) != foreign(&text) {
            return Err(told("a foreign value changed", &now));
        }
        for number in 1..=comments {
            if now.matches(&format!(" {number}: ")).count() != text.matches(&format!(" {number}: ")).count() {
                return Err(told("a comment is lost", &now));
            }
        }
    }
    let after = value(&now);
    if after["channels"][ID]["linkKeyFile"] != KEY || routing::route(&after, "dev1").agent.as_deref() != Some("kitchen")
    {
        return Err(told("our own entries are missing", &now));
    }
    let back = edit(&now, &[Change::Remove { made }]).map_err(|error| told(&error.to_string(), &now))?;
    // Blanks before a closing bracket may come back as others where nothing but a comment is in between.
    let folded = |text: &str| {
        let pieces: Vec<&str> = text.split_inclusive(['}', ']']).collect();
        let fold = |piece: &&str| match piece.strip_suffix(['}', ']']) {
            Some(inside) => format!("{}{}", inside.trim_end(), &piece[inside.len()..]),
            None => (*piece).to_owned(),
        };
        pieces.iter().map(fold).collect::<String>()
    };
    if folded(&back.text) != folded(&text) {
        return Err(told("installed and removed, it is not the same", &back.text));
    }
    Ok(back.text == text)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_person_wrote_is_kept(seed in any::<u64>()) {
        if let Err(words) = judge(seed, edit) {
            prop_assert!(false, "{}", words);
        }
    }
}

/// An editor that reads, changes the value and writes it out, as many tools do. Its own checks are those of ours.
fn reserialise(text: &str, changes: &[Change]) -> Result<Edited, EditError> {
    let edited = edit(text, changes)?;
    let mut again = edited.clone();
    again.text = serde_json::to_string_pretty(&value(&edited.text)).unwrap();
    Ok(again)
}

#[test]
fn removing_gives_back_the_same_bytes_but_for_rare_blanks() {
    let same = (1..=100).filter(|seed| judge(*seed * 104_729, edit) == Ok(true)).count();
    assert!(same >= 90, "{same} of 100");
}

#[test]
fn an_editor_that_writes_everything_anew_is_caught() {
    let caught = (1..=100).filter(|seed| judge(*seed * 7919, reserialise).is_err()).count();
    assert!(caught >= 99, "{caught} of 100");
    // And our own check does not let it pass where there are comments.
    let checked = edit_with(PERSONS, &Change::install(KEY), |document, _| {
        *document = Document::parse(&serde_json::to_string_pretty(document.value()).unwrap())?;
        Ok(())
    });
    assert_eq!(checked, Err(EditError::Loses));
}
