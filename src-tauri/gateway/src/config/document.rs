//! One text of JSON5 and where everything is in it. An edit touches the bytes that it must, and no others.

use jsonc_parser::ast::{Array, Object, ObjectProp, Value as Node};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions, parse_to_ast};
use serde_json::{Map, Value};

use super::splice::{Splice, apply, cut};
use super::style::Style;

/// The text cannot be edited without a guess. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is not JSON5, or no object.
    #[error("the configuration is not an object in JSON5")]
    Malformed,
    /// Two readers of JSON5 read it differently, or a key on the way stands there twice.
    #[error("the configuration can be read in two ways{}", at(.0))]
    Ambiguous(Vec<String>),
    /// Something else is where an object or a list must be.
    #[error("{} is not what OpenClaw expects there", .0.join("."))]
    Unexpected(Vec<String>),
    /// What must be changed is in another file (`$include`).
    #[error("{} is taken from another file ($include)", place(.0))]
    Split(Vec<String>),
}

fn at(path: &[String]) -> String {
    if path.is_empty() { String::new() } else { format!(" at {}", path.join(".")) }
}

fn place(path: &[String]) -> String {
    if path.is_empty() { "the configuration".to_owned() } else { path.join(".") }
}

/// A text whose two readings agree.
#[derive(Clone, Debug)]
pub(super) struct Document {
    /// Byte order marks, which one of the readers takes for words.
    mark: String,
    text: String,
    value: Value,
}

/// What to do at the end of a path.
#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Set(&'a Value),
    Remove,
    Append(&'a Value),
    RemoveElement(usize),
    ReplaceElement(usize, &'a Value),
}

impl Document {
    pub(super) fn parse(text: &str) -> Result<Self, DocumentError> {
        let body = text.trim_start_matches(BOM);
        let mark = text[..text.len() - body.len()].to_owned();
        let value: Value = json5::from_str(body).map_err(|_| DocumentError::Malformed)?;
        let parsed = with_root(body, |root, _| reading(root))?;
        match parsed {
            Some(other) if other == value => Ok(Self { mark, text: body.to_owned(), value }),
            Some(_) | None => Err(DocumentError::Ambiguous(Vec::new())),
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn into_text(self) -> String {
        self.mark + &self.text
    }

    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    /// Every comment, in order.
    pub(super) fn comments(&self) -> Vec<String> {
        comments(&self.text)
    }

    /// Sets a value; objects on the way are made where they are missing.
    pub(super) fn set(&mut self, path: &[&str], value: &Value) -> Result<(), DocumentError> {
        self.edit(path, Step::Set(value))
    }

    /// Removes a key, where it is.
    pub(super) fn remove(&mut self, path: &[&str]) -> Result<(), DocumentError> {
        self.edit(path, Step::Remove)
    }

    /// Appends to a list; a list is made where none is.
    pub(super) fn append(&mut self, path: &[&str], value: &Value) -> Result<(), DocumentError> {
        self.edit(path, Step::Append(value))
    }

    /// Removes one element of a list.
    pub(super) fn remove_element(&mut self, path: &[&str], index: usize) -> Result<(), DocumentError> {
        self.edit(path, Step::RemoveElement(index))
    }

    /// Replaces one element of a list.
    pub(super) fn replace_element(&mut self, path: &[&str], index: usize, value: &Value) -> Result<(), DocumentError> {
        self.edit(path, Step::ReplaceElement(index, value))
    }

    fn edit(&mut self, path: &[&str], step: Step<'_>) -> Result<(), DocumentError> {
        let splices = with_root(&self.text, |root, text| splices(text, root, path, step))??;
        let Some(splices) = splices else { return Ok(()) };
        *self = Self::parse(&format!("{}{}", self.mark, apply(&self.text, splices)))?;
        Ok(())
    }
}

const BOM: char = '\u{feff}';

fn options() -> ParseOptions {
    ParseOptions { allow_missing_commas: false, ..ParseOptions::default() }
}

/// The object that the text is.
fn with_root<T>(text: &str, look: impl FnOnce(&Object<'_>, &str) -> T) -> Result<T, DocumentError> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options()).map_err(|_| DocumentError::Malformed)?;
    match &parsed.value {
        Some(Node::Object(root)) => Ok(look(root, text)),
        Some(_) | None => Err(DocumentError::Malformed),
    }
}

fn comments(text: &str) -> Vec<String> {
    let collect = CollectOptions { comments: CommentCollectionStrategy::Separate, tokens: false };
    let Ok(parsed) = parse_to_ast(text, &collect, &options()) else { return Vec::new() };
    let mut found: Vec<(usize, String)> = parsed
        .comments
        .iter()
        .flat_map(|map| map.values())
        .flat_map(|comments| comments.iter())
        .map(|comment| (comment.range().start, text[comment.range().start..comment.range().end].to_owned()))
        .collect();
    found.sort();
    found.dedup();
    found.into_iter().map(|(_, comment)| comment).collect()
}

/// What the nodes mean, with the other reader's rules for numbers; `None`: it cannot be said.
fn reading(root: &Object<'_>) -> Option<Value> {
    let mut map = Map::new();
    for property in &root.properties {
        map.insert(property.name.as_str().to_owned(), meaning(&property.value)?);
    }
    Some(Value::Object(map))
}

fn meaning(node: &Node<'_>) -> Option<Value> {
    Some(match node {
        Node::Object(object) => reading(object)?,
        Node::Array(array) => array.elements.iter().map(meaning).collect::<Option<Vec<_>>>()?.into(),
        Node::StringLit(string) => Value::String(string.value.clone().into_owned()),
        Node::NumberLit(number) => json5::from_str(number.value).ok()?,
        Node::BooleanLit(boolean) => Value::Bool(boolean.value),
        Node::NullKeyword(_) => Value::Null,
    })
}

fn owned(path: &[&str]) -> Vec<String> {
    path.iter().map(|key| (*key).to_owned()).collect()
}

/// The property and its index, if it stands there exactly once.
fn find<'o, 'a>(object: &'o Object<'a>, path: &[&str]) -> Result<Option<(usize, &'o ObjectProp<'a>)>, DocumentError> {
    let Some(key) = path.last() else { return Ok(None) };
    let mut found = object.properties.iter().enumerate().filter(|(_, property)| property.name.as_str() == *key);
    let first = found.next();
    if found.next().is_some() { Err(DocumentError::Ambiguous(owned(path))) } else { Ok(first) }
}

fn splices(text: &str, root: &Object<'_>, path: &[&str], step: Step<'_>) -> Result<Option<Vec<Splice>>, DocumentError> {
    let style = Style::of(text, root);
    let mut object = root;
    let mut depth = 0;
    loop {
        if object.properties.iter().any(|property| property.name.as_str() == "$include") {
            return Err(DocumentError::Split(owned(&path[..depth])));
        }
        let here = &path[..=depth];
        let found = find(object, here)?;
        let is_last = depth + 1 == path.len();
        let Some((index_of_key, property)) = found else {
            let rest = &path[depth + 1..];
            let value = match step {
                Step::Set(value) => nested(rest, value.clone()),
                Step::Append(value) => nested(rest, Value::Array(vec![value.clone()])),
                Step::Remove | Step::RemoveElement(_) | Step::ReplaceElement(..) => return Ok(None),
            };
            return Ok(Some(style.insert_key(text, object, depth, path[depth], &value)));
        };
        if !is_last {
            object = property.value.as_object().ok_or_else(|| DocumentError::Unexpected(owned(here)))?;
            depth += 1;
            continue;
        }
        let list = || {
            let is_split = property.value.as_object().is_some_and(|inner| inner.get("$include").is_some());
            let wrong = if is_split { DocumentError::Split } else { DocumentError::Unexpected };
            property.value.as_array().ok_or_else(|| wrong(owned(here)))
        };
        return Ok(match step {
            Step::Set(value) if meaning(&property.value).as_ref() == Some(value) => None,
            Step::Set(value) => Some(vec![style.replace(text, depth + 1, &property.value, value)]),
            Step::Remove => Some(cut(text, object.range().start, object.range().end, &ranges(object), index_of_key)),
            Step::Append(value) => Some(style.insert_element(text, list()?, depth + 1, value)),
            Step::RemoveElement(index) => {
                let array = list()?;
                (index < array.elements.len())
                    .then(|| cut(text, array.range().start, array.range().end, &elements(array), index))
            }
            Step::ReplaceElement(index, value) => {
                let array = list()?;
                array.elements.get(index).map(|element| vec![style.replace(text, depth + 2, element, value)])
            }
        });
    }
}

fn nested(path: &[&str], value: Value) -> Value {
    path.iter().rev().fold(value, |inner, key| Value::Object(Map::from_iter([((*key).to_owned(), inner)])))
}

fn ranges(object: &Object<'_>) -> Vec<(usize, usize)> {
    object.properties.iter().map(|property| (property.range().start, property.range().end)).collect()
}

fn elements(array: &Array<'_>) -> Vec<(usize, usize)> {
    array.elements.iter().map(|element| (element.range().start, element.range().end)).collect()
}
