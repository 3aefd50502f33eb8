//! The limit: the same four hops as a relay, with nothing to do in between. No WebSocket, no JSON, no store, no proof of anybody.
//!
//! A peer's first byte says what it is: `d`, a device, or `p`, the plugin. Then frames, each behind its length (u32, little endian).
//! Towards the plugin and back, the number of the device (u32) comes first and counts as part of the frame.
//! Usage: `tcp-hop PORT`

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::LocalSet;

#[derive(Default)]
struct Hop {
    devices: RefCell<HashMap<u32, Rc<tokio::sync::Mutex<OwnedWriteHalf>>>>,
    to_plugin: RefCell<Vec<u8>>,
    waiting: Notify,
}

fn main() -> anyhow::Result<()> {
    let port: u16 = std::env::args().nth(1).context("usage: tcp-hop PORT")?.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    LocalSet::new().block_on(&runtime, accept(port))
}

async fn accept(port: u16) -> anyhow::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let hop = Rc::new(Hop::default());
    let mut number = 0;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        number += 1;
        tokio::task::spawn_local(serve(hop.clone(), stream, number));
    }
}

/// Ends with its socket; a broken one is only forgotten.
async fn serve(hop: Rc<Hop>, mut stream: TcpStream, number: u32) {
    match stream.read_u8().await {
        Ok(b'p') => {
            let (reader, writer) = stream.into_split();
            tokio::task::spawn_local(write_to_plugin(hop.clone(), writer));
            // An error here is the end of the driver.
            let _ended = read_from_plugin(&hop, reader).await;
        }
        Ok(_) => {
            let (reader, writer) = stream.into_split();
            hop.devices.borrow_mut().insert(number, Rc::new(tokio::sync::Mutex::new(writer)));
            let _ended = read_from_device(&hop, reader, number).await;
            hop.devices.borrow_mut().remove(&number);
        }
        Err(_) => {}
    }
}

async fn read_from_device(hop: &Hop, mut reader: OwnedReadHalf, number: u32) -> std::io::Result<()> {
    let mut frame = Vec::new();
    loop {
        let length = reader.read_u32_le().await?;
        frame.resize(length as usize, 0);
        reader.read_exact(&mut frame).await?;
        let mut to_plugin = hop.to_plugin.borrow_mut();
        to_plugin.extend_from_slice(&(length + 4).to_le_bytes());
        to_plugin.extend_from_slice(&number.to_le_bytes());
        to_plugin.extend_from_slice(&frame);
        hop.waiting.notify_one();
    }
}

/// Everything that waits goes out in one write.
async fn write_to_plugin(hop: Rc<Hop>, mut writer: OwnedWriteHalf) {
    loop {
        let frames = hop.to_plugin.take();
        if frames.is_empty() {
            hop.waiting.notified().await;
        } else if writer.write_all(&frames).await.is_err() {
            return;
        }
    }
}

async fn read_from_plugin(hop: &Hop, reader: OwnedReadHalf) -> std::io::Result<()> {
    let mut reader = BufReader::with_capacity(64 << 10, reader);
    let mut frame = Vec::new();
    loop {
        let length = reader.read_u32_le().await? - 4;
        let number = reader.read_u32_le().await?;
        frame.clear();
        frame.extend_from_slice(&length.to_le_bytes());
        frame.resize(length as usize + 4, 0);
        reader.read_exact(&mut frame[4..]).await?;
        let device = hop.devices.borrow().get(&number).cloned();
        if let Some(device) = device {
            // A device that left is forgotten by its own reader.
            let _gone = device.lock().await.write_all(&frame).await;
        }
    }
}
