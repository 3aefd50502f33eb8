//! `$include`: parts of the configuration that are in other files, put together as OpenClaw does.

use std::io;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

/// Files within files, at most.
const DEEPEST: usize = 10;
/// Largest file, in bytes.
const LARGEST: u64 = 2 << 20;

/// A file cannot be taken in. OpenClaw refuses the whole configuration then.
#[derive(Debug, thiserror::Error)]
pub enum IncludeError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// File.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no JSON5 or no plain file, is too large or too deep, or takes itself in.
    #[error("{} cannot be taken into the configuration", .0.display())]
    Malformed(PathBuf),
    /// It is outside the folder of the configuration and of `OPENCLAW_INCLUDE_ROOTS`.
    #[error("{} is outside the folders that OpenClaw reads", .0.display())]
    Outside(PathBuf),
}

/// The whole configuration. `roots`: more folders whose files may be taken in.
pub(crate) fn resolve(value: &Value, config: &Path, roots: &[PathBuf]) -> Result<Value, IncludeError> {
    let folder = config.parent().unwrap_or(Path::new("/"));
    let allowed = std::iter::once(folder).chain(roots.iter().map(PathBuf::as_path));
    let allowed = allowed.map(|root| std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned())).collect();
    Includer { allowed, chain: vec![config.to_owned()] }.value(value)
}

struct Includer {
    allowed: Vec<PathBuf>,
    chain: Vec<PathBuf>,
}

impl Includer {
    fn value(&mut self, value: &Value) -> Result<Value, IncludeError> {
        match value {
            Value::Array(list) => list.iter().map(|one| self.value(one)).collect(),
            Value::Object(map) => self.object(map),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(value.clone()),
        }
    }

    fn object(&mut self, map: &Map<String, Value>) -> Result<Value, IncludeError> {
        let mut own = Map::new();
        for (key, value) in map.iter().filter(|(key, _)| *key != "$include") {
            own.insert(key.clone(), self.value(value)?);
        }
        let Some(include) = map.get("$include") else { return Ok(Value::Object(own)) };
        let here = self.chain.last().cloned().unwrap_or_default();
        let mut all = match include {
            Value::String(file) => self.file(file)?,
            Value::Array(files) => {
                let mut all = Value::Object(Map::new());
                for file in files {
                    let file = file.as_str().ok_or_else(|| IncludeError::Malformed(here.clone()))?;
                    all = merged(all, self.file(file)?);
                }
                all
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
                return Err(IncludeError::Malformed(here));
            }
        };
        if !own.is_empty() {
            if !all.is_object() {
                return Err(IncludeError::Malformed(here));
            }
            all = merged(all, Value::Object(own));
        }
        Ok(all)
    }

    fn file(&mut self, named: &str) -> Result<Value, IncludeError> {
        let folder = self.chain.last().and_then(|file| file.parent()).unwrap_or(Path::new("/"));
        let path = normal(&folder.join(named));
        if self.chain.contains(&path) || self.chain.len() > DEEPEST {
            return Err(IncludeError::Malformed(path));
        }
        let read = |source| IncludeError::Read { path: path.clone(), source };
        let found = std::fs::canonicalize(&path).map_err(read)?;
        if !self.allowed.iter().any(|root| found.starts_with(root)) {
            return Err(IncludeError::Outside(path));
        }
        let metadata = std::fs::metadata(&found).map_err(read)?;
        if !metadata.is_file() || metadata.len() > LARGEST {
            return Err(IncludeError::Malformed(path));
        }
        let text = std::fs::read_to_string(&found).map_err(read)?;
        let value: Value =
            json5::from_str(text.trim_start_matches('\u{feff}')).map_err(|_| IncludeError::Malformed(path.clone()))?;
        self.chain.push(path);
        let value = self.value(&value);
        self.chain.pop();
        value
    }
}

/// Without `.` and `..`, by the words alone.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(normal.pop()),
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => normal.push(part),
        }
    }
    normal
}

/// Objects merge, lists are joined, everything else: the later wins.
fn merged(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Object(mut one), Value::Object(other)) => {
            for (key, value) in other {
                let value = match one.remove(&key) {
                    Some(before) => merged(before, value),
                    None => value,
                };
                one.insert(key, value);
            }
            Value::Object(one)
        }
        (Value::Array(mut one), Value::Array(other)) => {
            one.extend(other);
            Value::Array(one)
        }
        (_, other) => other,
    }
}
