//! A phone in a person's hand: the page of the service, read and operated through its marks (`#composer`, `#log .message`, ...).

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::browser::{Browser, Engine};
use crate::lab::Namespace;

/// What a person at two devices waits for on a busy machine. The page needs 10 s of it to see that a connection is dead: 5 s without
/// an answer, and 5 s more after it asked.
pub const LIMIT: Duration = Duration::from_secs(30);

/// A browser with the page in it.
#[derive(Debug)]
pub struct Phone {
    browser: Browser,
}

/// One line of the conversation, as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// What the person wrote.
    Mine {
        /// `data-id`.
        id: String,
        /// `data-state`: `waiting`, `saved`, `working`, `answered` or `failed`.
        state: String,
        /// Its words.
        text: String,
    },
    /// What the assistant said.
    Theirs {
        /// `data-rid`.
        rid: String,
        /// Its words.
        text: String,
    },
}

impl Phone {
    /// Takes a fresh phone out of its box.
    ///
    /// # Errors
    /// As [`Browser::open`].
    pub fn open(engine: Engine, place: &Namespace) -> Result<Self> {
        Self::open_with(engine, place, &[])
    }

    /// As [`Phone::open`], with more command line flags for the browser.
    ///
    /// # Errors
    /// As [`Browser::open`].
    pub fn open_with(engine: Engine, place: &Namespace, flags: &[&str]) -> Result<Self> {
        Ok(Self { browser: Browser::open_with(engine, place, flags)? })
    }

    /// The browser, for what this type has no name for.
    pub fn browser(&mut self) -> &mut Browser {
        &mut self.browser
    }

    /// Opens what a QR code holds.
    ///
    /// # Errors
    /// As [`Browser::go`].
    pub fn scan(&mut self, url: &str) -> Result<()> {
        self.browser.go(url)
    }

    /// Agrees to be bound to the computer that the scanned code names.
    ///
    /// # Errors
    /// When the page does not ask.
    pub fn agree(&mut self) -> Result<()> {
        self.browser.wait_for("document.querySelector('#bind')", LIMIT)?;
        self.browser.session().click("#bind")
    }

    /// Reads the digits that the phone shows after that.
    ///
    /// # Errors
    /// When none appear, or something else than two digits.
    pub fn code(&mut self) -> Result<String> {
        let code = self.browser.text("#code", LIMIT)?;
        ensure!(code.len() == 2 && code.bytes().all(|digit| digit.is_ascii_digit()), "not two digits: {code:?}");
        Ok(code)
    }

    /// Waits until the page says that a binding came to nothing, and gives its `data-why`.
    ///
    /// # Errors
    /// As [`Browser::wait_for`].
    pub fn until_refused(&mut self) -> Result<String> {
        let why = self.browser.wait_for("document.querySelector('#bind-failed')?.dataset.why", LIMIT)?;
        Ok(why.as_str().context("no reason")?.to_owned())
    }

    /// Waits until the connection is in a state.
    ///
    /// # Errors
    /// As [`Browser::wait_for`].
    pub fn until_connection(&mut self, state: &str) -> Result<()> {
        let state = json!(state);
        self.browser.wait_for(&format!("document.querySelector('#connection')?.dataset.state === {state}"), LIMIT)?;
        Ok(())
    }

    /// Writes a message and sends it.
    ///
    /// # Errors
    /// Where there is no place to write, or the button cannot be pressed.
    pub fn say(&mut self, text: &str) -> Result<()> {
        self.browser.session().type_into("#composer", text)?;
        self.browser.session().click("#send")
    }

    /// Waits until the message with these words is in a state.
    ///
    /// # Errors
    /// As [`Browser::wait_for`].
    pub fn until_message(&mut self, text: &str, state: &str) -> Result<()> {
        let (text, state) = (json!(text), json!(state));
        let found = format!(
            "[...document.querySelectorAll('#log .message[data-id]')]
                .some(line => line.querySelector('.text').textContent.includes({text}) && line.dataset.state === {state})"
        );
        self.browser.wait_for(&found, LIMIT)?;
        Ok(())
    }

    /// Waits until the assistant has said these words.
    ///
    /// # Errors
    /// As [`Browser::wait_for`].
    pub fn until_answer(&mut self, text: &str) -> Result<()> {
        let text = json!(text);
        let found = format!(
            "[...document.querySelectorAll('#log [data-rid]')].some(line => line.querySelector('.text').textContent.includes({text}))"
        );
        self.browser.wait_for(&found, LIMIT)?;
        Ok(())
    }

    /// The conversation as it stands, from top to bottom.
    ///
    /// # Errors
    /// As [`Browser::value`].
    pub fn conversation(&mut self) -> Result<Vec<Line>> {
        let lines = self.browser.value(
            "[...document.querySelectorAll('#log .message[data-id], #log [data-rid]')]
                .map(line => ({id: line.dataset.id, rid: line.dataset.rid, state: line.dataset.state, text: line.querySelector('.text').textContent}))",
        )?;
        lines.as_array().context("no list")?.iter().map(Line::read).collect()
    }
}

impl Line {
    fn read(line: &Value) -> Result<Self> {
        let field = |name: &str| line[name].as_str().map(str::to_owned).with_context(|| format!("no {name} in {line}"));
        Ok(if line["rid"].is_string() {
            Self::Theirs { rid: field("rid")?, text: field("text")? }
        } else {
            Self::Mine { id: field("id")?, state: field("state")?, text: field("text")? }
        })
    }

    /// Whether these words are in it.
    #[must_use]
    pub fn has(&self, words: &str) -> bool {
        let (Self::Mine { text, .. } | Self::Theirs { text, .. }) = self;
        text.contains(words)
    }

    /// Whether the person wrote it.
    #[must_use]
    pub fn is_mine(&self) -> bool {
        matches!(self, Self::Mine { .. })
    }
}
