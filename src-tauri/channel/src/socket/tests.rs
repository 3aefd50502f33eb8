use std::future::poll_fn;

use tokio::io::DuplexStream;

use super::*;

/// A masked client frame.
fn frame(opcode: u8, fin: bool, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![opcode | if fin { 0x80 } else { 0 }];
    match payload.len() {
        0..=125 => bytes.push(0x80 | u8::try_from(payload.len()).expect("short")),
        length => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(length).expect("two bytes").to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

async fn after(early: &[u8], later: &[u8], limit: usize) -> (Socket<DuplexStream>, DuplexStream, Incoming) {
    let (near, mut far) = tokio::io::duplex(1 << 20);
    far.write_all(later).await.expect("the pipe is large");
    let mut socket = Socket::new(near, early, limit);
    let incoming = poll_fn(|cx| socket.poll_next(cx)).await;
    (socket, far, incoming)
}

async fn first(bytes: &[u8], limit: usize) -> Incoming {
    after(&[], bytes, limit).await.2
}

#[tokio::test]
async fn the_limit_counts_a_frame_and_the_sum_of_its_pieces() {
    assert!(matches!(first(&frame(1, true, &[b'x'; 100]), 100).await, Incoming::Text(text) if text.len() == 100));
    assert_eq!(first(&frame(1, true, &[b'x'; 101]), 100).await, Incoming::TooBig);
    let halves = |second: usize| [frame(1, false, &[b'x'; 50]), frame(0, true, &vec![b'x'; second])].concat();
    assert!(matches!(first(&halves(50), 100).await, Incoming::Text(text) if text.len() == 100));
    assert_eq!(first(&halves(51), 100).await, Incoming::TooBig);
    let crumbs = |count: usize| {
        let middle = frame(0, false, b"").repeat(count - 2);
        [frame(1, false, b"x"), middle, frame(0, true, b"")].concat()
    };
    assert!(matches!(first(&crumbs(64), 100).await, Incoming::Text(_)));
    assert_eq!(first(&crumbs(65), 100).await, Incoming::TooBig);
}

#[tokio::test]
async fn a_raised_limit_holds_for_what_follows() {
    let (mut socket, mut far, incoming) = after(&[], &frame(1, true, b"hello"), 10).await;
    assert_eq!(incoming, Incoming::Text("hello".into()));
    socket.allow(1_000);
    far.write_all(&[frame(1, true, &[b'x'; 1_000]), frame(1, true, &[b'x'; 1_001])].concat()).await.expect("written");
    assert!(matches!(poll_fn(|cx| socket.poll_next(cx)).await, Incoming::Text(text) if text.len() == 1_000));
    assert_eq!(poll_fn(|cx| socket.poll_next(cx)).await, Incoming::TooBig);
}

#[tokio::test]
async fn bytes_read_behind_the_http_head_are_not_lost() {
    let bytes = frame(1, true, b"early bird");
    for cut in [1, 2, 7, bytes.len()] {
        let (_, _, incoming) = after(&bytes[..cut], &bytes[cut..], 100).await;
        assert_eq!(incoming, Incoming::Text("early bird".into()), "cut at {cut}");
    }
}

#[tokio::test]
async fn what_is_not_text_is_named() {
    assert_eq!(first(&frame(2, true, b"\x00"), 100).await, Incoming::Binary);
    assert_eq!(first(&frame(9, true, b"ping"), 100).await, Incoming::Control);
    assert_eq!(first(&frame(1, true, b"\xff"), 100).await, Incoming::Broken);
    assert_eq!(first(&frame(3, true, b""), 100).await, Incoming::Broken);
    assert_eq!(first(&frame(0x41, true, b"compressed"), 100).await, Incoming::Broken);
    assert_eq!(first(&[0x81, 0x01, b'x'], 100).await, Incoming::Broken, "not masked");
    assert_eq!(first(&frame(8, true, &1000u16.to_be_bytes()), 100).await, Incoming::Gone);
}

#[tokio::test]
async fn queued_frames_leave_with_one_flush_and_before_the_close() {
    let (mut socket, mut far, _) = after(&[], &frame(9, true, b""), 100).await;
    let long = "y".repeat(9_000);
    for text in ["one", long.as_str()] {
        socket.queue(text.into()).expect("there is room");
    }
    assert!(!socket.is_clear() && socket.written() == 0);
    poll_fn(|cx| socket.poll_flush(cx)).await.expect("the pipe is large");
    assert!(socket.is_clear() && socket.written() > 9_000);
    socket.queue("last".into()).expect("there is room");
    let closing = tokio::spawn(socket.close(Close::Silent));
    let mut received = Vec::new();
    far.read_to_end(&mut received).await.expect("read to the end");
    drop(far);
    closing.await.expect("the close ends");
    let tail = [&[0x81, 4][..], b"last", &[0x88, 2], &4012u16.to_be_bytes()].concat();
    assert!(received.ends_with(&tail), "{received:?}");
    assert!(received.windows(5).any(|window| window == b"\x81\x03one"));
}

#[tokio::test]
async fn a_peer_that_takes_nothing_fills_a_bounded_buffer() {
    let (near, _far) = tokio::io::duplex(64);
    let mut socket = Socket::new(near, &[], 100);
    let queued = (0..1_000).take_while(|_| socket.queue("z".repeat(10_000)).is_ok()).count();
    assert!((20..60).contains(&queued), "{queued}");
    let pending = poll_fn(|cx| Poll::Ready(socket.poll_flush(cx).is_pending())).await;
    assert!(pending && socket.written() == 64);
}
