//! How a person writes their configuration, so that our entries look like theirs.

use jsonc_parser::ast::{Array, Object, ObjectPropName, Value as Node};
use jsonc_parser::common::Ranged;
use serde_json::Value;

use super::splice::{Splice, after_trivia, blanks_before, ends_in_line_comment, is_line_end};

/// Quotes, indentation and line ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Style {
    newline: &'static str,
    unit: String,
    /// Quotes around text.
    quote: char,
    /// Quotes around keys that need none.
    quote_keys: bool,
    /// Whether the whole text is one line.
    one_line: bool,
}

impl Style {
    pub(super) fn of(text: &str, root: &Object<'_>) -> Self {
        let first = root.properties.first();
        let unit = first.map(|property| indentation(text, property.range().start)).filter(|unit| !unit.is_empty());
        let (mut words, mut strings) = (0, [0, 0]);
        count(text, &Node::Object(root.clone()), &mut words, &mut strings);
        Self {
            newline: if text.contains("\r\n") { "\r\n" } else { "\n" },
            unit: unit.unwrap_or("  ").to_owned(),
            quote: if strings[1] > strings[0] { '\'' } else { '"' },
            quote_keys: words == 0,
            one_line: !text[root.range().start..root.range().end].contains(is_line_end) && first.is_some(),
        }
    }

    /// Puts a key at the end of an object that is `depth` objects deep.
    pub(super) fn insert_key(
        &self,
        text: &str,
        object: &Object<'_>,
        depth: usize,
        key: &str,
        value: &Value,
    ) -> Vec<Splice> {
        let items: Vec<_> = object.properties.iter().map(|property| property.range()).collect();
        let items: Vec<_> = items.iter().map(|range| (range.start, range.end)).collect();
        let range = object.range();
        self.insert(text, (range.start, range.end), &items, depth, |inner| {
            format!("{}: {}", self.key(key), self.value(value, inner))
        })
    }

    /// Puts an element at the end of a list whose key is `depth` objects deep.
    pub(super) fn insert_element(&self, text: &str, array: &Array<'_>, depth: usize, value: &Value) -> Vec<Splice> {
        let items: Vec<_> = array.elements.iter().map(|element| element.range()).collect();
        let items: Vec<_> = items.iter().map(|range| (range.start, range.end)).collect();
        let range = array.range();
        self.insert(text, (range.start, range.end), &items, depth, |inner| self.value(value, inner))
    }

    /// Puts another value where one is.
    pub(super) fn replace(&self, text: &str, depth: usize, node: &Node<'_>, value: &Value) -> Splice {
        let range = node.range();
        let own = indentation(text, range.start);
        let inner = if self.one_line {
            None
        } else {
            Some(if own.is_empty() { self.unit.repeat(depth) } else { own.to_owned() })
        };
        Splice { from: range.start, to: range.end, with: self.value(value, inner.as_deref()) }
    }

    fn insert(
        &self,
        text: &str,
        (open, close): (usize, usize),
        items: &[(usize, usize)],
        depth: usize,
        entry: impl Fn(Option<&str>) -> String,
    ) -> Vec<Splice> {
        let inside = open + 1;
        let brace = close - 1;
        let last = items.last().map(|(_, end)| *end);
        let comma = last.map(|end| after_trivia(text, end)).filter(|at| text[*at..].starts_with(','));
        let trivia = comma.map_or(last.unwrap_or(inside), |comma| comma + 1);
        // The end of what a person wrote.
        let end = blanks_before(text, trivia, brace);
        let first = items.first().map_or(brace, |(start, _)| *start);
        let lines = match last {
            Some(last) => text[inside..first].contains(is_line_end) || text[last..brace].contains(is_line_end),
            None => !self.one_line,
        };
        let mut splices = Vec::new();
        if let Some(last) = last
            && comma.is_none()
        {
            splices.push(Splice::put(last, ","));
        }
        let tail = if comma.is_some() { "," } else { "" };
        if !lines && !ends_in_line_comment(text, trivia, end) {
            let space = if end > inside && !text[..end].ends_with(' ') { " " } else { "" };
            splices.push(Splice::put(end, format!("{space}{}{tail}", entry(None))));
            return merged(splices);
        }
        let outer = indentation(text, open).to_owned();
        let indent = match items.last() {
            Some((start, _)) if text[inside..first].contains(is_line_end) && !indentation(text, *start).is_empty() => {
                indentation(text, *start).to_owned()
            }
            Some(_) | None if depth == 0 => self.unit.clone(),
            Some(_) | None => format!("{outer}{}", self.unit),
        };
        let mut with = format!("{}{indent}{}{tail}", self.newline, entry(Some(&indent)));
        if !text[end..brace].contains(is_line_end) {
            with.push_str(self.newline);
            with.push_str(&outer);
            splices.push(Splice { from: end, to: brace, with });
        } else {
            splices.push(Splice::put(end, with));
        }
        merged(splices)
    }

    fn key(&self, key: &str) -> String {
        let mut letters = key.chars();
        let starts = letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_' || first == '$');
        let plain = starts && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '$');
        if plain && !self.quote_keys { key.to_owned() } else { self.string(key) }
    }

    fn string(&self, text: &str) -> String {
        let double = Value::String(text.to_owned()).to_string();
        if self.quote == '"' || text.contains(['\'', '"', '\\']) {
            return double;
        }
        format!("'{}'", &double[1..double.len() - 1])
    }

    /// A value; in lines under `indent`, or in one line.
    fn value(&self, value: &Value, indent: Option<&str>) -> String {
        match value {
            Value::String(text) => self.string(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Array(elements) if elements.iter().all(|element| !element.is_object() && !element.is_array()) => {
                let elements: Vec<_> = elements.iter().map(|element| self.value(element, None)).collect();
                format!("[{}]", elements.join(", "))
            }
            Value::Array(elements) => {
                self.block(('[', ']'), indent, elements.len(), |index, inner| self.value(&elements[index], inner))
            }
            Value::Object(map) => {
                let entries: Vec<_> = map.iter().collect();
                self.block(('{', '}'), indent, entries.len(), |index, inner| {
                    let (key, value) = entries[index];
                    format!("{}: {}", self.key(key), self.value(value, inner))
                })
            }
        }
    }

    fn block(
        &self,
        (open, close): (char, char),
        indent: Option<&str>,
        count: usize,
        entry: impl Fn(usize, Option<&str>) -> String,
    ) -> String {
        if count == 0 {
            return format!("{open}{close}");
        }
        let Some(indent) = indent else {
            let entries: Vec<_> = (0..count).map(|index| entry(index, None)).collect();
            let space = if open == '{' { " " } else { "" };
            return format!("{open}{space}{}{space}{close}", entries.join(", "));
        };
        let inner = format!("{indent}{}", self.unit);
        let entries: Vec<_> =
            (0..count).map(|index| format!("{}{inner}{}", self.newline, entry(index, Some(&inner)))).collect();
        format!("{open}{}{}{indent}{close}", entries.join(","), self.newline)
    }
}

/// Two at one place are one, in their order.
fn merged(splices: Vec<Splice>) -> Vec<Splice> {
    let mut merged: Vec<Splice> = Vec::new();
    for splice in splices {
        match merged.last_mut() {
            Some(last) if last.to == splice.from => {
                last.to = splice.to;
                last.with.push_str(&splice.with);
            }
            Some(_) | None => merged.push(splice),
        }
    }
    merged
}

/// The blanks at the beginning of the line of `at`.
fn indentation(text: &str, at: usize) -> &str {
    let line =
        text[..at].rfind(is_line_end).map_or(0, |end| end + text[end..].chars().next().map_or(1, char::len_utf8));
    let rest = &text[line..at];
    &rest[..rest.len() - rest.trim_start_matches([' ', '\t']).len()]
}

/// Counts keys without quotes, and strings with double and single ones.
fn count(text: &str, node: &Node<'_>, words: &mut usize, strings: &mut [usize; 2]) {
    match node {
        Node::Object(object) => {
            for property in &object.properties {
                match &property.name {
                    ObjectPropName::Word(_) => *words += 1,
                    ObjectPropName::String(_) => {}
                }
                count(text, &property.value, words, strings);
            }
        }
        Node::Array(array) => array.elements.iter().for_each(|element| count(text, element, words, strings)),
        Node::StringLit(string) => strings[usize::from(text[string.range.start..].starts_with('\''))] += 1,
        Node::NumberLit(_) | Node::BooleanLit(_) | Node::NullKeyword(_) => {}
    }
}
