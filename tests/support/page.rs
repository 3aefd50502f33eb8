//! Web pages of strangers: a tiny HTTP server for static pages, which remembers what it was asked, and which can turn into a wire to
//! another server, as a name does that its owner points somewhere else (DNS rebinding).

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::Result;

/// Serves pages until the end of the process; each story has its own.
pub struct PageServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    elsewhere: Arc<OnceLock<Dial>>,
}

type Dial = Box<dyn Fn() -> io::Result<TcpStream> + Send + Sync>;

impl PageServer {
    /// Serves `pages` (path to HTML) on a listener that may come from inside a network namespace. Any other path is 404.
    ///
    /// # Errors
    /// A listener that has no address.
    pub fn serve(listener: TcpListener, pages: BTreeMap<&'static str, String>) -> Result<Self> {
        let address = listener.local_addr()?;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let elsewhere = Arc::new(OnceLock::<Dial>::new());
        let (pages, seen, dial) = (Arc::new(pages), Arc::clone(&asked), Arc::clone(&elsewhere));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (pages, seen, dial) = (Arc::clone(&pages), Arc::clone(&seen), Arc::clone(&dial));
                // One that goes away in the middle concerns nobody.
                std::thread::spawn(move || {
                    // Browsers open spare connections: where the name leads is decided when one is used.
                    stream.peek(&mut [0]).ok()?;
                    match dial.get() {
                        Some(dial) => dial().and_then(|far| join(stream, far)).ok(),
                        None => answer(stream, &pages, &seen).ok(),
                    }
                });
            }
        });
        Ok(Self { address, asked, elsewhere })
    }

    /// From now on, every connection that was not used before is a wire to where `dial` leads: for a browser, the name of this server has moved there.
    pub fn rebind(&self, dial: impl Fn() -> io::Result<TcpStream> + Send + Sync + 'static) {
        // A second call changes nothing: a name moves once in a story.
        let _ = self.elsewhere.set(Box::new(dial));
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

/// Copies both ways until both ends have finished.
fn join(near: TcpStream, far: TcpStream) -> io::Result<()> {
    let (mut near_in, mut far_out) = (near.try_clone()?, far.try_clone()?);
    let up = std::thread::spawn(move || {
        let copied = io::copy(&mut near_in, &mut far_out);
        let _ = far_out.shutdown(Shutdown::Write);
        copied
    });
    let (mut near, mut far) = (near, far);
    io::copy(&mut far, &mut near)?;
    near.shutdown(Shutdown::Both)?;
    up.join().map_or(Ok(()), |copied| copied.map(drop))
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
    let (status, body) = pages.get(path).map_or(("404 Not Found", ""), |page| ("200 OK", page.as_str()));
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(request.trim_end().to_owned());
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let stream = reader.get_mut();
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    Ok(())
}
