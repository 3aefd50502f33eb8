//! Lines of bounded length out of a byte stream.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// A line without its end.
    Line(Vec<u8>),
    /// A line that was longer than allowed; it was skipped to its end.
    TooLong,
}

/// Reads lines. A call that is dropped halfway loses nothing.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    limit: usize,
    begun: Vec<u8>,
    skipping: bool,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    /// `limit`: longest line in bytes.
    pub(super) fn new(reader: R, limit: usize) -> Self {
        Self { reader, limit, begun: Vec::new(), skipping: false }
    }

    /// The next line; `None` at the end. Bytes after the last line end are not a line.
    pub(super) async fn next(&mut self) -> io::Result<Option<Incoming>> {
        loop {
            let bytes = self.reader.fill_buf().await?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let piece = &bytes[..end.unwrap_or(bytes.len())];
            let used = piece.len() + usize::from(end.is_some());
            if !self.skipping && self.begun.len() + piece.len() <= self.limit {
                self.begun.extend_from_slice(piece);
            } else {
                self.skipping = true;
                self.begun = Vec::new();
            }
            self.reader.consume(used);
            if end.is_some() {
                let line = std::mem::take(&mut self.begun);
                return Ok(Some(if std::mem::take(&mut self.skipping) {
                    Incoming::TooLong
                } else {
                    Incoming::Line(line)
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::BufReader;

    #[tokio::test]
    async fn lines_come_whole_whatever_the_pieces_and_a_long_one_is_skipped() {
        let text = b"ab\n\nabcd\nabcde\nx\nrest";
        for piece in 1..=text.len() {
            let mut lines = Lines::new(BufReader::with_capacity(piece, &text[..]), 4);
            let mut read = Vec::new();
            while let Some(line) = lines.next().await.unwrap() {
                read.push(line);
            }
            let line = |text: &[u8]| Incoming::Line(text.to_vec());
            assert_eq!(
                read,
                [line(b"ab"), line(b""), line(b"abcd"), Incoming::TooLong, line(b"x")],
                "pieces of {piece}"
            );
        }
    }
}
