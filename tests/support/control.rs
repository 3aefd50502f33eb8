//! A client of the control socket, written from docs/CONTROL.md alone and not from the code behind it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

/// An answer that takes longer will not come.
const ANSWER: Duration = Duration::from_secs(20);

/// One connection to the control socket of a running service.
#[derive(Debug)]
pub struct Control {
    reader: BufReader<UnixStream>,
    asked: u64,
}

/// One `bind.watch`, on a connection of its own.
#[derive(Debug)]
pub struct BindWatch {
    control: Control,
}

impl Control {
    /// Connects to the socket that `service.json` names in `control`.
    ///
    /// # Errors
    /// No such file, or nobody listens there.
    pub fn connect(data: &Path) -> Result<Self> {
        let file = data.join("service.json");
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let said: Value = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))?;
        let path = said["control"].as_str().with_context(|| format!("no `control` in {said}"))?;
        let stream = UnixStream::connect(path).with_context(|| format!("nobody listens at {path}"))?;
        stream.set_read_timeout(Some(ANSWER))?;
        Ok(Self { reader: BufReader::new(stream), asked: 0 })
    }

    /// Waits this long for each answer: OpenClaw's own commands take their time.
    ///
    /// # Errors
    /// The system refuses.
    pub fn patient(self, limit: Duration) -> Result<Self> {
        self.reader.get_ref().set_read_timeout(Some(limit))?;
        Ok(self)
    }

    /// Asks, and gives `ok`.
    ///
    /// # Errors
    /// A `failure`, with its code and detail, and a service that does not answer within 20 s.
    pub fn ask(&mut self, what: &str, arguments: Value) -> Result<Value> {
        let answer = self.try_ask(what, arguments)?;
        if let Some(failure) = answer.get("failure") {
            bail!("{what}: {failure}");
        }
        Ok(answer["ok"].clone())
    }

    /// Asks where a refusal is expected, and gives the code of the `failure`.
    ///
    /// # Errors
    /// An `ok`, and as [`Control::ask`].
    pub fn refused(&mut self, what: &str, arguments: Value) -> Result<String> {
        let answer = self.try_ask(what, arguments)?;
        let code = answer["failure"]["code"].as_str();
        Ok(code.with_context(|| format!("{what} was to be refused: {answer}"))?.to_owned())
    }

    /// Follows one binding code.
    ///
    /// # Errors
    /// As [`Control::ask`].
    pub fn watch(mut self, bind: &str) -> Result<BindWatch> {
        self.send("bind.watch", json!({"bind": bind}))?;
        Ok(BindWatch { control: self })
    }

    /// Begins a stream and gives its first event.
    ///
    /// # Errors
    /// As [`Control::ask`].
    pub fn first_event(self, what: &str, arguments: Value) -> Result<Value> {
        self.until_event(what, arguments, ANSWER, "first", |_| true)
    }

    /// Begins a stream and gives its first event like this.
    ///
    /// # Errors
    /// After `limit`, with the last event; and as [`Control::ask`].
    pub fn until_event(
        mut self,
        what: &str,
        arguments: Value,
        limit: Duration,
        title: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let until = Instant::now() + limit;
        self.send(what, arguments)?;
        let mut last = Value::Null;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            ensure!(!left.is_zero(), "{what}: not {title} after {limit:?}, but {last}");
            self.reader.get_ref().set_read_timeout(Some(left))?;
            let mut line = self.read().with_context(|| format!("{what}: not {title} after {limit:?}, but {last}"))?;
            ensure!(line.get("event").is_some(), "{what}: {line}");
            last = line["event"].take();
            if wanted(&last) {
                return Ok(last);
            }
        }
    }

    fn try_ask(&mut self, what: &str, arguments: Value) -> Result<Value> {
        self.send(what, arguments)?;
        let answer = self.read()?;
        ensure!(answer.get("ok").is_some() != answer.get("failure").is_some(), "neither ok nor failure: {answer}");
        Ok(answer)
    }

    fn send(&mut self, what: &str, mut request: Value) -> Result<()> {
        self.asked += 1;
        request["id"] = self.asked.into();
        request["do"] = what.into();
        let stream = self.reader.get_mut();
        stream.write_all(format!("{request}\n").as_bytes()).with_context(|| format!("cannot send {what}"))
    }

    fn read(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.reader.read_line(&mut line).context("the control socket is silent")?;
        ensure!(line.ends_with('\n'), "the control socket was closed");
        let answer: Value = serde_json::from_str(&line).with_context(|| format!("not JSON: {line}"))?;
        ensure!(answer["id"] == self.asked, "an answer to another request: {answer}");
        Ok(answer)
    }
}

impl BindWatch {
    /// Waits for a state and gives its event.
    ///
    /// # Errors
    /// `failed` when another state is wanted, the end of the stream, and silence of 20 s.
    pub fn until(&mut self, state: &str) -> Result<Value> {
        loop {
            let line = self.control.read()?;
            let event = line.get("event").with_context(|| format!("no event while waiting for {state}: {line}"))?;
            if event["state"] == state {
                return Ok(event.clone());
            }
            ensure!(event["state"] != "failed", "the binding failed while waiting for {state}: {event}");
        }
    }
}
