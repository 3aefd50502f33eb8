//! One WebSocket connection after its 101: whole text frames in, text frames out, nothing unbounded.
//!
//! tungstenite does the framing on 4 KiB buffers (its defaults cost 135 KiB a device). Its context is driven here and not through
//! `WebSocketStream`, because only the context lets the limit of a frame grow once a peer has proved itself.

mod fragments;

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use self::fragments::Fragments;
use crate::outbox;
use crate::wire::Close;

const BUFFER: usize = 4_096;
/// Frames go to tungstenite only while nothing is on its way, so one outbox and one frame more is all that can gather.
const MOST_WRITTEN: usize = 2 * outbox::BYTES;
/// Longest time for the last bytes and the close frame to leave.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Longest time, and most bytes, that a peer may go on sending after our close frame.
const LINGER: (Duration, usize) = (Duration::from_millis(500), 256 << 10);

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// A text frame, put together.
    Text(Utf8Bytes),
    /// A binary frame: closes with 4007.
    Binary,
    /// A WebSocket ping or pong; answered already.
    Control,
    /// Larger than the limit, or in too many pieces: closes with 1009.
    TooBig,
    /// Not WebSocket, or not UTF-8: closes with 4007.
    Broken,
    /// The peer closed, or the connection is lost.
    Gone,
}

/// The connection is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection is lost")]
pub(crate) struct Lost;

/// A WebSocket, server side.
pub(crate) struct Socket<S> {
    io: S,
    context: WebSocketContext,
    fragments: Fragments,
    unflushed: bool,
    written: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// Takes over after the 101. `early`: what was read behind the HTTP head; `limit`: largest frame and message, in bytes.
    pub(crate) fn new(io: S, early: &[u8], limit: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER)
            .max_write_buffer_size(MOST_WRITTEN)
            .max_frame_size(Some(limit))
            .max_message_size(Some(limit));
        let mut fragments = Fragments::default();
        fragments.pass(early);
        let context = WebSocketContext::from_partially_read(early.to_vec(), Role::Server, Some(config));
        Self { io, context, fragments, unflushed: false, written: 0 }
    }

    /// Sets the largest frame and message, in bytes, from the next frame on.
    pub(crate) fn allow(&mut self, limit: usize) {
        self.context.set_config(|config| {
            config.max_frame_size = Some(limit);
            config.max_message_size = Some(limit);
        });
    }

    /// Whether everything queued has been taken by the system.
    pub(crate) fn is_clear(&self) -> bool {
        !self.unflushed
    }

    /// Bytes that the system has taken so far: unchanged means no progress.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Queues a text frame; [`Socket::poll_flush`] sends it.
    ///
    /// # Errors
    /// [`Lost`] if the socket is closing, or the peer took nothing for so long that the buffer is full.
    pub(crate) fn queue(&mut self, text: String) -> Result<(), Lost> {
        self.unflushed = true;
        match self.context.write(&mut Blocked, Message::text(text)) {
            Ok(()) => Ok(()),
            Err(error) if would_block(&error) => Ok(()),
            Err(_) => Err(Lost),
        }
    }

    /// Sends what is queued.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        let mut stream = Stream { io: &mut self.io, cx, fragments: &mut self.fragments, written: &mut self.written };
        match self.context.flush(&mut stream) {
            Ok(()) => {
                self.unflushed = false;
                Poll::Ready(Ok(()))
            }
            Err(error) if would_block(&error) => Poll::Pending,
            Err(_) => Poll::Ready(Err(Lost)),
        }
    }

    /// The next thing that comes in. After anything but text and control only [`Socket::close`] makes sense.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        loop {
            let mut stream =
                Stream { io: &mut self.io, cx, fragments: &mut self.fragments, written: &mut self.written };
            let read = self.context.read(&mut stream);
            if self.fragments.too_many() {
                return Poll::Ready(Incoming::TooBig);
            }
            return Poll::Ready(match read {
                Ok(Message::Text(text)) => Incoming::Text(text),
                Ok(Message::Binary(_)) => Incoming::Binary,
                Ok(Message::Ping(_) | Message::Pong(_)) => Incoming::Control,
                // The next read sends the answer to the close frame.
                Ok(Message::Close(_) | Message::Frame(_)) => continue,
                Err(error) if would_block(&error) => return Poll::Pending,
                Err(Error::Capacity(_)) => Incoming::TooBig,
                Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => Incoming::Gone,
                Err(Error::Protocol(_) | Error::Utf8(_)) => Incoming::Broken,
                Err(_) => Incoming::Gone,
            });
        }
    }

    /// Sends what is queued and a close frame, then waits a little for the peer to take it.
    pub(crate) async fn close(mut self, close: Close) {
        let frame = CloseFrame { code: CloseCode::from(close as u16), reason: Utf8Bytes::default() };
        // Queued also if it reports an error: the first of these is that `Blocked` blocks.
        let _ = self.context.close(&mut Blocked, Some(frame));
        let flushed = tokio::time::timeout(LAST_WORDS, std::future::poll_fn(|cx| self.poll_flush(cx))).await;
        if flushed == Ok(Ok(())) {
            linger(&mut self.io).await;
        }
    }
}

/// Ends our half and reads on for a moment: closing with unread input would reset the connection, and the last words with it.
pub(crate) async fn linger(io: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let drained = async {
        io.shutdown().await?;
        let mut scrap = [0; 512];
        let mut left = LINGER.1;
        while left > 0 {
            match io.read(&mut scrap).await? {
                0 => break,
                count => left = left.saturating_sub(count),
            }
        }
        io::Result::Ok(())
    };
    // Whether it ended by time, by size or by an error: the connection is over.
    let _ = tokio::time::timeout(LINGER.0, drained).await;
}

fn would_block(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// The asynchronous stream as tungstenite sees it during one poll.
struct Stream<'a, 'cx, S> {
    io: &'a mut S,
    cx: &'a mut Context<'cx>,
    fragments: &'a mut Fragments,
    written: &'a mut u64,
}

impl<S: AsyncRead + Unpin> Read for Stream<'_, '_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        match Pin::new(&mut *self.io).poll_read(self.cx, &mut buffer) {
            Poll::Ready(result) => result.map(|()| {
                self.fragments.pass(buffer.filled());
                buffer.filled().len()
            }),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<S: AsyncWrite + Unpin> Write for Stream<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match Pin::new(&mut *self.io).poll_write(self.cx, bytes) {
            Poll::Ready(result) => result.inspect(|count| *self.written += *count as u64),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match Pin::new(&mut *self.io).poll_flush(self.cx) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// A stream that takes nothing: what is written stays in tungstenite's buffer until the next flush.
struct Blocked;

impl Read for Blocked {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for Blocked {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

#[cfg(test)]
mod tests;
