//! A small WebDriver client: one blocking keep-alive connection to a driver, JSON in and out.
//!
//! Blocking, because a socket that was made inside a network namespace stays there: a story opens it with `Namespace::connect` and
//! uses it from its own thread.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::process::Group;

/// A driver listens within this time of its start, on a busy machine too.
const START: Duration = Duration::from_secs(30);
/// How often a page is asked whether what a story waits for is there.
const ASK: Duration = Duration::from_millis(50);
/// A driver that has not answered for so long never will: it gives up a page before.
const ANSWER: Duration = Duration::from_secs(150);
/// Key under which WebDriver hides the id of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Connects by `dial` to a driver that was just started, as soon as it listens.
///
/// # Errors
/// It ends, or does not listen within 30 s.
pub fn connect(dial: impl Fn(SocketAddr) -> io::Result<TcpStream>, port: u16, driver: &mut Group) -> Result<TcpStream> {
    let since = Instant::now();
    loop {
        match dial((Ipv4Addr::LOCALHOST, port).into()) {
            Ok(stream) => return Ok(stream),
            Err(e) if since.elapsed() > START => return Err(e).context("the WebDriver does not listen"),
            Err(_) => {}
        }
        if let Some(status) = driver.ended()? {
            bail!("the WebDriver ended at once: {status}");
        }
        std::thread::sleep(ASK);
    }
}

/// One browser session of one driver.
#[derive(Debug)]
pub struct Session {
    reader: BufReader<TcpStream>,
    path: String,
}

impl Session {
    /// Opens a browser.
    ///
    /// # Errors
    /// What the driver says, and a driver that does not answer within 90 s.
    pub fn open(stream: TcpStream, always_match: &Value) -> Result<Self> {
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_write_timeout(Some(ANSWER))?;
        stream.set_nodelay(true)?;
        let mut session = Self { reader: BufReader::new(stream), path: "/session".to_owned() };
        let opened = session.post("", &json!({"capabilities": {"alwaysMatch": always_match}}))?;
        let id = opened["sessionId"].as_str().with_context(|| format!("the driver opened no session: {opened}"))?;
        session.path = format!("/session/{id}");
        // Several browsers start side by side on two cores: a renderer that waits for its turn is not one that hangs.
        session.post("/timeouts", &json!({"script": 60_000, "pageLoad": 120_000, "implicit": 0}))?;
        Ok(session)
    }

    /// Opens a page and waits until it has loaded.
    ///
    /// # Errors
    /// As [`Session::post`]; an address that does not answer is one as well.
    pub fn go(&mut self, url: &str) -> Result<()> {
        self.post("/url", &json!({"url": url})).map(drop)
    }

    /// Loads the page again.
    ///
    /// # Errors
    /// As [`Session::post`].
    pub fn reload(&mut self) -> Result<()> {
        self.post("/refresh", &json!({})).map(drop)
    }

    /// Runs the body of a function in the page and gives what it returns.
    ///
    /// # Errors
    /// As [`Session::post`]; an exception in the script is one as well.
    pub fn script(&mut self, body: &str, arguments: &[Value]) -> Result<Value> {
        self.post("/execute/sync", &json!({"script": body, "args": arguments}))
    }

    /// Runs the body of an `async` function in the page and gives what it resolves to. A rejection is `{"rejected": "..."}`.
    ///
    /// # Errors
    /// As [`Session::post`]; a promise that takes longer than 30 s is one as well.
    pub fn promise(&mut self, body: &str, arguments: &[Value]) -> Result<Value> {
        let script = format!(
            "const done = arguments[arguments.length - 1]; const given = [...arguments].slice(0, -1);
             (async function () {{ {body} }}).apply(null, given).then(done, e => done({{rejected: String(e)}}));"
        );
        self.post("/execute/async", &json!({"script": script, "args": arguments}))
    }

    /// What a JavaScript expression is worth in the page.
    ///
    /// # Errors
    /// As [`Session::script`].
    pub fn value(&mut self, expression: &str) -> Result<Value> {
        self.script(&format!("return {expression};"), &[])
    }

    /// Waits until a JavaScript expression is neither `null`, `false`, `0` nor empty, and gives its value.
    ///
    /// # Errors
    /// After `limit`, with what the page shows by then.
    pub fn wait_for(&mut self, expression: &str, limit: Duration) -> Result<Value> {
        let since = Instant::now();
        let mut last = Ok(Value::Null);
        while since.elapsed() < limit {
            // A script that runs into a page change fails; the next one finds the new page.
            last = self.value(expression);
            if last.as_ref().is_ok_and(is_truthy) {
                return last;
            }
            std::thread::sleep(ASK);
        }
        let shown = self.value("document.body && document.body.innerText").unwrap_or_default();
        let shown = shown.as_str().unwrap_or_default();
        let last = last.map_or_else(|e| format!("{e:#}"), |value| value.to_string());
        bail!("{expression} is {last} after {limit:?}. The page shows:\n{shown}")
    }

    /// Waits for an element with words in it and gives them.
    ///
    /// # Errors
    /// As [`Session::wait_for`].
    pub fn text(&mut self, css: &str, limit: Duration) -> Result<String> {
        let found =
            self.wait_for(&format!("(document.querySelector({})?.textContent ?? '').trim()", json!(css)), limit)?;
        Ok(found.as_str().unwrap_or_default().to_owned())
    }

    /// Clicks where a finger would.
    ///
    /// # Errors
    /// As [`Session::post`]; no such element, or one that something covers, is one as well.
    pub fn click(&mut self, css: &str) -> Result<()> {
        loop {
            let element = self.element(css)?;
            match self.post(&format!("/element/{element}/click"), &json!({})) {
                // The page drew it anew between the two calls: a finger would not notice.
                Err(error) if error.to_string().contains("stale element reference") => {}
                clicked => return clicked.map(drop),
            }
        }
    }

    /// Types into an element, key by key.
    ///
    /// # Errors
    /// As [`Session::click`].
    pub fn type_into(&mut self, css: &str, text: &str) -> Result<()> {
        let element = self.element(css)?;
        self.post(&format!("/element/{element}/value"), &json!({"text": text})).map(drop)
    }

    /// Presses keys where the focus is: text, or the marks of [`key`].
    ///
    /// # Errors
    /// As [`Session::post`].
    pub fn press(&mut self, keys: &str) -> Result<()> {
        let strokes = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|what| json!({"type": what, "value": key.to_string()})));
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": strokes.collect::<Vec<_>>()});
        self.post("/actions", &json!({"actions": [keyboard]})).map(drop)
    }

    /// What the window shows, as PNG.
    ///
    /// # Errors
    /// As [`Session::post`].
    pub fn screenshot(&mut self) -> Result<Vec<u8>> {
        picture(&self.call("GET", "/screenshot", None)?)
    }

    /// What one element shows, as PNG.
    ///
    /// # Errors
    /// As [`Session::post`]; no such element is one as well.
    pub fn screenshot_of(&mut self, css: &str) -> Result<Vec<u8>> {
        let element = self.element(css)?;
        picture(&self.call("GET", &format!("/element/{element}/screenshot"), None)?)
    }

    /// Sends an order that belongs to this session.
    ///
    /// # Errors
    /// A driver that is gone, silent for 90 s, or refuses; then its `error` and `message`.
    pub fn post(&mut self, command: &str, body: &Value) -> Result<Value> {
        self.call("POST", command, Some(body))
    }

    /// Closes the browser.
    ///
    /// # Errors
    /// As [`Session::post`].
    pub fn close(&mut self) -> Result<()> {
        self.reader.get_ref().set_read_timeout(Some(Duration::from_secs(5)))?;
        self.call("DELETE", "", None).map(drop)
    }

    fn element(&mut self, css: &str) -> Result<String> {
        let found = self.post("/element", &json!({"using": "css selector", "value": css}))?;
        Ok(found[ELEMENT].as_str().with_context(|| format!("no element id in {found}"))?.to_owned())
    }

    fn call(&mut self, method: &str, command: &str, body: Option<&Value>) -> Result<Value> {
        let what = format!("{method} {command}");
        let body = body.map(Value::to_string).unwrap_or_default();
        let head = format!(
            "{method} {}{command} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
            self.path,
            body.len()
        );
        self.reader.get_mut().write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
        let (status, answer) =
            read_answer(&mut self.reader).with_context(|| format!("the WebDriver did not answer {what}"))?;
        let mut answer: Value = serde_json::from_slice(&answer).with_context(|| format!("{what}: not JSON"))?;
        let value = answer["value"].take();
        if status != 200 {
            bail!("{what}: {}: {}", value["error"].as_str().unwrap_or("?"), value["message"].as_str().unwrap_or("?"));
        }
        Ok(value)
    }
}

/// Keys that are no characters, for [`Session::press`].
pub mod key {
    /// To the next thing that takes the focus.
    pub const TAB: &str = "\u{e004}";
    /// Enter.
    pub const ENTER: &str = "\u{e007}";
    /// To the last of several.
    pub const END: &str = "\u{e010}";
    /// Escape.
    pub const ESCAPE: &str = "\u{e00c}";
    /// The space bar.
    pub const SPACE: &str = " ";
}

fn picture(shot: &Value) -> Result<Vec<u8>> {
    let text = shot.as_str().context("the screenshot is no text")?;
    BASE64.decode(text.as_bytes()).context("the screenshot is not base64")
}

fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is) => *is,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// Reads one HTTP answer that says its length.
fn read_answer(reader: &mut impl BufRead) -> Result<(u16, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status =
        line.split(' ').nth(1).and_then(|s| s.parse().ok()).with_context(|| format!("no status in {line:?}"))?;
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        ensure!(line.ends_with('\n'), "the answer ends in its head");
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((status, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_ends_early_is_an_error() {
        let whole = b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\nX: y\r\n\r\n{}";
        assert_eq!(read_answer(&mut &whole[..]).unwrap(), (404, b"{}".to_vec()));
        for end in 0..whole.len() {
            read_answer(&mut &whole[..end]).unwrap_err();
        }
    }
}
