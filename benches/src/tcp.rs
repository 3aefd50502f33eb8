//! Both ends of `tcp-hop`.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A device of the hop.
#[derive(Debug)]
pub(crate) struct TcpDevice {
    stream: TcpStream,
    frame: Vec<u8>,
}

async fn connect(address: SocketAddr, role: u8) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_u8(role).await?;
    Ok(stream)
}

impl TcpDevice {
    pub(crate) async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self { stream: connect(address, b'd').await?, frame: Vec::new() })
    }

    /// Sends one frame and waits for its echo.
    pub(crate) async fn ask(&mut self, text: &str) -> anyhow::Result<()> {
        let length = u32::try_from(text.len())?;
        self.frame.clear();
        self.frame.extend_from_slice(&length.to_le_bytes());
        self.frame.extend_from_slice(text.as_bytes());
        self.stream.write_all(&self.frame).await?;
        self.frame.resize(text.len() + 4, 0);
        self.stream.read_exact(&mut self.frame).await?;
        anyhow::ensure!(&self.frame[4..] == text.as_bytes(), "the echo differs");
        Ok(())
    }
}

/// The plugin of the hop: what comes goes back as it is, so the frames need not even be read.
pub(crate) async fn echo(address: SocketAddr) -> anyhow::Result<tokio::task::JoinHandle<anyhow::Result<()>>> {
    let mut stream = connect(address, b'p').await?;
    Ok(tokio::task::spawn_local(async move {
        let mut bytes = vec![0; 64 << 10];
        loop {
            let count = stream.read(&mut bytes).await?;
            anyhow::ensure!(count > 0, "the hop hung up");
            stream.write_all(&bytes[..count]).await?;
        }
    }))
}
