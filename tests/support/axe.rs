//! axe-core in a page: what a program can see of whether everybody can use it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::webdriver::Session;

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Name of the rule.
    pub rule: String,
    /// What it asks for.
    pub help: String,
    /// The elements that break it, as CSS selectors with what is wrong.
    pub elements: Vec<String>,
}

/// Runs every rule of WCAG 2.2 A and AA and axe's best practices over the page as it is.
///
/// # Errors
/// axe-core is not installed (`make web` does that), or cannot run in the page.
pub fn axe(page: &mut Session) -> Result<Vec<Violation>> {
    let path = script();
    let source = std::fs::read_to_string(&path)
        .with_context(|| format!("{} is not there: `make web` installs it", path.display()))?;
    // As one script: a page's content security policy has no say in what its driver runs.
    let body = format!(
        "{source}
        const found = await window.axe.run(document, {{resultTypes: ['violations']}});
        return found.violations.map(rule => ({{
            rule: rule.id, help: rule.help,
            elements: rule.nodes.map(node => node.target.join(' ') + ': ' + node.failureSummary)
        }}));"
    );
    let found = page.promise(&body, &[])?;
    let rules = found.as_array().with_context(|| format!("axe did not run: {found}"))?;
    rules.iter().map(read).collect()
}

fn read(rule: &Value) -> Result<Violation> {
    let text = |value: &Value| value.as_str().map(str::to_owned).with_context(|| format!("not text in {rule}"));
    let elements = rule["elements"].as_array().with_context(|| format!("no elements in {}", json!(rule)))?;
    Ok(Violation {
        rule: text(&rule["rule"])?,
        help: text(&rule["help"])?,
        elements: elements.iter().map(text).collect::<Result<_>>()?,
    })
}

fn script() -> PathBuf {
    // Of the window's own tests: one version for all.
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/node_modules/axe-core/axe.min.js")
}
