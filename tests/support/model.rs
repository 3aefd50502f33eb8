//! A language model that answers from a script: an OpenAI-compatible server on loopback.
//!
//! The words are chosen by the person's last line, so that a test says what it wants in the message it sends:
//!
//! | line begins with | the model |
//! | --- | --- |
//! | `SLOW n` | is silent for n seconds, then answers |
//! | `STREAM` | writes twelve pieces, 150 ms apart |
//! | `FAIL` | refuses with HTTP 400 |
//! | `TELL device words` | uses the `message` tool, then answers with what the tool said behind its words; `_` in a device's name is a space |
//! | anything else | answers at once |
//!
//! Every answer contains [`answer_to`] of that line. OpenClaw also asks in the background (memory, skills): such
//! requests are answered like the others, so a test never counts requests.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// Requests larger than this are refused: a prompt of OpenClaw has about 60 KB.
const LARGEST_REQUEST: usize = 16 * 1024 * 1024;
/// Pieces of a `STREAM` answer.
pub const STREAM_PIECES: usize = 12;
const STREAM_PAUSE: Duration = Duration::from_millis(150);
/// What the provider says when it is told to `FAIL`.
pub const FAILURE: &str = "the scripted model was told to fail";

/// What the model says to a line of a person.
pub fn answer_to(line: &str) -> String {
    format!("The scripted model heard <{line}> and that is all.")
}

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The last line of the person, as the model understood it.
    pub line: String,
    /// The whole request body.
    pub body: Value,
}

/// A running scripted model. It ends when it is dropped.
#[derive(Debug)]
pub struct Model {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    _stop: oneshot::Sender<()>,
}

impl Model {
    /// Starts on a free port of 127.0.0.1, on a thread of its own: tests may block.
    ///
    /// # Panics
    /// When the system has no thread or no port.
    pub fn start() -> Self {
        Self::start_at(0)
    }

    /// The same on this port.
    ///
    /// # Panics
    /// As [`Model::start`].
    pub fn start_at(port: u16) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (stop, stopped) = oneshot::channel::<()>();
        let (bound, address) = std::sync::mpsc::channel();
        let record = Arc::clone(&asked);
        std::thread::Builder::new()
            .name("scripted-model".into())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a current-thread runtime needs nothing but file descriptors");
                runtime.block_on(async move {
                    let listener =
                        TcpListener::bind(("127.0.0.1", port)).await.expect("loopback has a free port in a test");
                    let here = listener.local_addr().expect("a bound listener knows its address");
                    bound.send(here).expect("the starter waits for the address");
                    tokio::select! {
                        () = serve(listener, record) => {}
                        _ = stopped => {}
                    }
                });
            })
            .expect("the system has a thread for the scripted model");
        let address = address.recv().expect("the scripted model tells its address");
        Self { address, asked, _stop: stop }
    }

    fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The entries of OpenClaw's configuration by which it asks this model.
    pub fn entries(&self) -> Value {
        json!({
            "models": { "providers": { "scripted": {
                "baseUrl": self.base_url(), "apiKey": "sk-local", "api": "openai-completions",
                "models": [{ "id": "m1", "name": "Scripted", "contextWindow": 128_000, "maxTokens": 4096 }],
            } } },
            "agents": { "defaults": { "model": { "primary": "scripted/m1" } } },
        })
    }

    /// Everything that was asked so far, oldest first.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The newest request whose last line is exactly `line`.
    pub fn asked_for(&self, line: &str) -> Option<Asked> {
        self.asked().into_iter().rev().find(|asked| asked.line == line)
    }
}

async fn serve(listener: TcpListener, asked: Arc<Mutex<Vec<Asked>>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let asked = Arc::clone(&asked);
        tokio::spawn(async move {
            // A peer that hangs up in the middle is what a stopped run looks like.
            let _ = converse(stream, &asked).await;
        });
    }
}

async fn converse(mut stream: TcpStream, asked: &Mutex<Vec<Asked>>) -> std::io::Result<()> {
    let Some(body) = read_request(&mut stream).await? else {
        return refuse(&mut stream, 404, "only POST /v1/chat/completions lives here").await;
    };
    let line = persons_line(&body);
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(Asked { line: line.clone(), body: body.clone() });
    let mut words = line.split_whitespace();
    match words.next() {
        Some("FAIL") => refuse(&mut stream, 400, FAILURE).await,
        Some("SLOW") => {
            let seconds = words.next().and_then(|word| word.parse().ok()).unwrap_or(1);
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            answer(&mut stream, &[answer_to(&line)], Duration::ZERO).await
        }
        Some("TELL") => match told_by_tool(&body, &line) {
            Some(told) => {
                answer(&mut stream, &[answer_to(&line), format!(" The tool said: {told}")], Duration::ZERO).await
            }
            None => {
                let device = words.next().unwrap_or_default().replace('_', " ");
                let words: Vec<&str> = words.collect();
                use_message_tool(&mut stream, &body, &device, &words.join(" ")).await
            }
        },
        Some("STREAM") => {
            let mut pieces: Vec<String> = (1..STREAM_PIECES).map(|piece| format!("piece {piece}, ")).collect();
            pieces.push(answer_to(&line));
            answer(&mut stream, &pieces, STREAM_PAUSE).await
        }
        _ => answer(&mut stream, &[answer_to(&line)], Duration::ZERO).await,
    }
}

/// The body of a chat request; `None`: something else was asked for.
async fn read_request(stream: &mut TcpStream) -> std::io::Result<Option<Value>> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if bytes.len() > 64 * 1024 || stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok());
    let Some(length) = length.filter(|length| *length <= LARGEST_REQUEST) else {
        return Ok(None);
    };
    while bytes.len() < head_end + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
    if !head.starts_with("POST /v1/chat/completions ") {
        return Ok(None);
    }
    Ok(serde_json::from_slice(&bytes[head_end..head_end + length]).ok())
}

/// The last line that a person wrote. OpenClaw wraps it: a head of its own before it, and words for the model alone
/// after it, in the same message or in one more.
fn persons_line(body: &Value) -> String {
    body["messages"]
        .as_array()
        .into_iter()
        .flatten()
        .rev()
        .filter(|message| message["role"] == "user")
        .map(|message| without_context(&text_of(&message["content"])))
        .find_map(|text| text.lines().rev().map(str::trim).find(|line| is_a_persons(line)).map(without_stamp))
        .unwrap_or_default()
}

/// What the newest tool said, if that was after the person's line.
fn told_by_tool(body: &Value, line: &str) -> Option<String> {
    let messages = body["messages"].as_array()?;
    let tool = messages.iter().rposition(|message| message["role"] == "tool")?;
    let said = messages
        .iter()
        .rposition(|message| message["role"] == "user" && text_of(&message["content"]).contains(line))?;
    (tool > said).then(|| text_of(&messages[tool]["content"]))
}

/// Newer releases keep most tools behind one that calls them.
async fn use_message_tool(stream: &mut TcpStream, body: &Value, device: &str, words: &str) -> std::io::Result<()> {
    let arguments = json!({ "action": "send", "channel": "openclaw-smartpi", "target": device, "message": words });
    let is_open = body["tools"].as_array().into_iter().flatten().any(|tool| tool["function"]["name"] == "message");
    let (name, arguments) =
        if is_open { ("message", arguments) } else { ("tool_call", json!({ "id": "message", "args": arguments })) };
    let function = json!({ "name": name, "arguments": arguments.to_string() });
    let call = json!({ "tool_calls": [{ "index": 0, "id": "call_1", "type": "function", "function": function }] });
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    say(stream, &choice(json!({ "role": "assistant", "content": "" }), Value::Null)).await?;
    say(stream, &choice(call, Value::Null)).await?;
    say(stream, &choice(json!({}), json!("tool_calls"))).await?;
    stream.write_all(b"data: [DONE]\n\n").await?;
    stream.shutdown().await
}

/// Leaves out what stands between the two marks.
fn without_context(text: &str) -> String {
    let mut parts = text.split("<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(part.split_once("<<<END_OPENCLAW_INTERNAL_CONTEXT>>>").map_or("", |(_, after)| after));
    }
    kept
}

/// Lines that OpenClaw adds outside its marks: facts about the run, and a heading of the marked part.
fn is_a_persons(line: &str) -> bool {
    const ADDED: [&str; 3] = ["Runtime: agent=", "OpenClaw runtime context for", "This context is runtime-generated"];
    // After a crash it tells the model to go on with what the person said before.
    let goes_on = line.contains("[System] Your previous turn was interrupted");
    !line.is_empty() && !goes_on && !ADDED.iter().any(|added| line.starts_with(added))
}

/// `[Fri 2026-11-20 14:10 UTC] hello` is `hello`.
fn without_stamp(line: &str) -> String {
    let stamped = line.strip_prefix('[').and_then(|rest| rest.split_once("UTC] "));
    stamped.map_or(line, |(_, said)| said).to_owned()
}

/// Content is a string or a list of parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

async fn refuse(stream: &mut TcpStream, status: u16, words: &str) -> std::io::Result<()> {
    let body = json!({ "error": { "message": words, "type": "invalid_request_error" } }).to_string();
    let head = format!(
        "HTTP/1.1 {status} Refused\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

async fn answer(stream: &mut TcpStream, pieces: &[String], pause: Duration) -> std::io::Result<()> {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    say(stream, &choice(json!({ "role": "assistant", "content": "" }), Value::Null)).await?;
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            tokio::time::sleep(pause).await;
        }
        say(stream, &choice(json!({ "content": piece }), Value::Null)).await?;
    }
    say(stream, &choice(json!({}), json!("stop"))).await?;
    let mut usage = choice(json!({}), Value::Null);
    usage["choices"] = json!([]);
    usage["usage"] = json!({ "prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110 });
    say(stream, &usage).await?;
    stream.write_all(b"data: [DONE]\n\n").await?;
    stream.shutdown().await
}

fn choice(delta: Value, finish: Value) -> Value {
    json!({
        "id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m1",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
    })
}

async fn say(stream: &mut TcpStream, chunk: &Value) -> std::io::Result<()> {
    stream.write_all(format!("data: {chunk}\n\n").as_bytes()).await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_persons_line_under_the_wrapping() {
        let body = json!({ "messages": [
            { "role": "system", "content": "You are" },
            { "role": "user", "content": "[Fri] Conversation info: {}\n\nSTREAM first" },
            { "role": "assistant", "content": "ok" },
            { "role": "user", "content": [{ "type": "text", "text": "[Fri 2026] Conversation info:\n{}\n\nSLOW 3 second\n" }] },
            { "role": "user", "content": "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>\nnot for you\n<<<END_OPENCLAW_INTERNAL_CONTEXT>>>" },
        ] });
        assert_eq!(persons_line(&body), "SLOW 3 second");
        assert_eq!(persons_line(&json!({ "messages": [] })), "");
        let older = "head\n\nhello\n\nOpenClaw runtime context for it.\n<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>\nno\n<<<END_OPENCLAW_INTERNAL_CONTEXT>>>\n";
        assert_eq!(persons_line(&json!({ "messages": [{ "role": "user", "content": older }] })), "hello");
        let goes_on = "[Fri 2026-11-20 14:10 UTC] [System] Your previous turn was interrupted by a gateway restart.";
        let again =
            json!({ "messages": [{ "role": "user", "content": "SLOW 3 x" }, { "role": "user", "content": goes_on }] });
        assert_eq!(persons_line(&again), "SLOW 3 x");
        let first = "[Fri 2026-11-20 14:10 UTC] hello\nRuntime: agent=main | model=m1";
        assert_eq!(persons_line(&json!({ "messages": [{ "role": "user", "content": first }] })), "hello");
    }
}
