//! Web pages of strangers: a tiny HTTP server for static pages, which remembers what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;

/// Serves pages until the end of the process; each story has its own.
#[derive(Debug)]
pub struct PageServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl PageServer {
    /// Serves `pages` (path to HTML) on a listener that may come from inside a network namespace. Any other path is 404.
    ///
    /// # Errors
    /// A listener that has no address.
    pub fn serve(listener: TcpListener, pages: BTreeMap<&'static str, String>) -> Result<Self> {
        let address = listener.local_addr()?;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (pages, seen) = (Arc::new(pages), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (pages, seen) = (Arc::clone(&pages), Arc::clone(&seen));
                // One that goes away in the middle concerns nobody.
                std::thread::spawn(move || answer(stream, &pages, &seen).ok());
            }
        });
        Ok(Self { address, asked })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The request lines so far, in the order of their coming.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn answer(stream: TcpStream, pages: &BTreeMap<&'static str, String>, asked: &Mutex<Vec<String>>) -> Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let (status, body) = pages
        .get(path)
        .map_or(("404 Not Found", ""), |page| ("200 OK", page.as_str()));
    asked
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(request.trim_end().to_owned());
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let stream = reader.get_mut();
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    Ok(())
}
