//! A proxy as companies and some homes have one: whoever wants out says to where, and is connected through.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::lab::Namespace;

type Dial = Arc<dyn Fn() -> io::Result<std::net::TcpStream> + Send + Sync>;

/// Such a proxy. It ends on drop.
#[derive(Debug)]
pub struct ConnectProxy {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
    cancel: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl ConnectProxy {
    /// Opens one on the loopback of `place`, which connects everybody to `to` in there. `None`: it refuses everybody.
    ///
    /// # Errors
    /// The system gives no port or thread.
    pub fn open(place: &Namespace, to: Option<SocketAddr>) -> Result<Self> {
        let listener = place.listen((Ipv4Addr::LOCALHOST, 0).into())?;
        let port = listener.local_addr()?.port();
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (heads, cancel) = (Arc::new(Mutex::new(Vec::new())), CancellationToken::new());
        let (heard, ended) = (Arc::clone(&heads), cancel.clone());
        let dial = to.map(|to| -> Dial { Arc::new(place.dialer(to)) });
        let thread = std::thread::Builder::new().name("connect-proxy".into()).spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                loop {
                    tokio::select! {
                        () = ended.cancelled() => break,
                        Ok((stream, _)) = listener.accept() => {
                            // One that breaks off is the asker's matter.
                            tokio::spawn(serve(stream, Arc::clone(&heard), dial.clone()));
                        }
                    }
                }
            });
        })?;
        Ok(Self { port, heads, cancel, thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The head of each request so far.
    #[must_use]
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for ConnectProxy {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(mut stream: TcpStream, heads: Arc<Mutex<Vec<String>>>, dial: Option<Dial>) -> Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).await?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head)?;
    heads.lock().unwrap_or_else(PoisonError::into_inner).push(head);
    let Some(dial) = dial else {
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await?;
        return Ok(());
    };
    let there = dial()?;
    there.set_nonblocking(true)?;
    let mut there = TcpStream::from_std(there)?;
    stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    copy_bidirectional(&mut stream, &mut there).await?;
    Ok(())
}
