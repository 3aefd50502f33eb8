//! A menu as a tray host reads it over `com.canonical.dbusmenu`.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use zbus::zvariant::{OwnedValue, Structure, Value};

/// One line of a menu, with the lines below it. The root has no label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MenuItem {
    /// Number to click it by.
    pub id: i32,
    /// Words, without the marks of access keys.
    pub label: String,
    /// Whether it can be clicked.
    pub enabled: bool,
    /// Whether it is shown.
    pub visible: bool,
    /// Whether it is only a line.
    pub separator: bool,
    /// On or off, where it can be.
    pub toggle: Option<bool>,
    /// What it opens.
    pub children: Vec<MenuItem>,
}

/// `(ia{sv}av)` of `GetLayout`.
pub(super) type Layout = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

impl MenuItem {
    pub(super) fn read((id, mut properties, children): Layout) -> Result<Self> {
        let mut text = |name: &str| properties.remove(name).and_then(|value| String::try_from(value).ok());
        let (label, kind, toggles) = (text("label"), text("type"), text("toggle-type"));
        let yes = |name: &str| properties.get(name).and_then(|value| bool::try_from(value).ok()).unwrap_or(true);
        let state = properties.get("toggle-state").and_then(|value| i32::try_from(value).ok());
        let children = children.into_iter().map(|child| Self::read(layout(child)?)).collect::<Result<_>>()?;
        Ok(Self {
            id,
            label: without_access_keys(&label.unwrap_or_default()),
            enabled: yes("enabled"),
            visible: yes("visible"),
            separator: kind.as_deref() == Some("separator"),
            toggle: toggles.filter(|kind| !kind.is_empty()).map(|_| state == Some(1)),
            children,
        })
    }

    /// The line at the end of a path of labels. Each part is the whole label, or its beginning with a `*` at the end.
    #[must_use]
    pub fn find(&self, path: &[&str]) -> Option<&Self> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        self.children.iter().filter(|child| child.visible && child.is_called(first)).find_map(|child| child.find(rest))
    }

    /// Whether such a line is there.
    #[must_use]
    pub fn has(&self, path: &[&str]) -> bool {
        self.find(path).is_some()
    }

    /// The labels that a person sees at this level, from top to bottom.
    #[must_use]
    pub fn labels(&self) -> Vec<&str> {
        self.children
            .iter()
            .filter(|child| child.visible && !child.separator)
            .map(|child| child.label.as_str())
            .collect()
    }

    /// The whole menu as indented text, to be read by a person.
    #[must_use]
    pub fn drawn(&self) -> String {
        fn draw(items: &[MenuItem], depth: usize, into: &mut String) {
            for item in items.iter().filter(|item| item.visible) {
                let mark = item.toggle.map_or("", |on| if on { "[x] " } else { "[ ] " });
                let grey = if item.enabled || item.separator { "" } else { " (grey)" };
                let words = if item.separator { "---" } else { item.label.as_str() };
                into.push_str(&format!("{}{mark}{words}{grey}\n", "    ".repeat(depth)));
                draw(&item.children, depth + 1, into);
            }
        }
        let mut text = String::new();
        draw(&self.children, 0, &mut text);
        text
    }

    fn is_called(&self, name: &str) -> bool {
        match name.strip_suffix('*') {
            Some(start) => self.label.starts_with(start),
            None => self.label == name,
        }
    }
}

fn layout(child: OwnedValue) -> Result<Layout> {
    let structure = Structure::try_from(child).context("a menu line is no structure")?;
    let fields = structure.into_fields();
    ensure!(fields.len() == 3, "a menu line has {} fields", fields.len());
    let mut fields = fields.into_iter();
    let mut next = || fields.next().context("a menu line ends early");
    let id = i32::try_from(next()?)?;
    let properties = HashMap::<String, OwnedValue>::try_from(next()?)?;
    let children = Vec::<Value<'_>>::try_from(next()?)?;
    let children = children.into_iter().map(OwnedValue::try_from).collect::<Result<_, _>>()?;
    Ok((id, properties, children))
}

/// `_Quit` is drawn as Quit with a line below Q, `__` as one underscore.
fn without_access_keys(label: &str) -> String {
    let mut plain = String::with_capacity(label.len());
    let mut rest = label.chars();
    while let Some(c) = rest.next() {
        if c == '_' {
            plain.extend(rest.next());
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(label: &str, children: Vec<MenuItem>) -> MenuItem {
        MenuItem { id: 0, label: label.into(), enabled: true, visible: true, separator: false, toggle: None, children }
    }

    #[test]
    fn a_line_is_found_by_its_path_and_not_by_half_of_it() {
        let menu = item("", vec![item("Devices (1)", vec![item("Phone", vec![item("Mute", vec![])])])]);
        assert!(menu.has(&["Devices (1)", "Phone", "Mute"]));
        assert!(menu.has(&["Devices*", "Phone"]));
        assert!(!menu.has(&["Devices", "Phone"]));
        assert!(!menu.has(&["Phone"]));
        assert_eq!(menu.drawn(), "Devices (1)\n    Phone\n        Mute\n");
    }

    #[test]
    fn access_keys_are_not_words() {
        assert_eq!(without_access_keys("_Quit snake__case"), "Quit snake_case");
    }
}
