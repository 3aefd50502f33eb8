//! Counts the fragments of a message as its bytes pass by: tungstenite bounds their sum, not their number.

/// Most frames of one message.
const MOST: u32 = 64;

/// Reads frame headers and skips payloads.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    header: [u8; 14],
    have: usize,
    skip: u64,
    count: u32,
    too_many: bool,
}

impl Fragments {
    /// The next bytes of the stream, before any of their messages are handed on.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.too_many {
            if self.skip > 0 {
                let skipped = usize::try_from(self.skip).map_or(bytes.len(), |skip| skip.min(bytes.len()));
                self.skip -= skipped as u64;
                bytes = &bytes[skipped..];
                continue;
            }
            self.header[self.have] = bytes[0];
            self.have += 1;
            bytes = &bytes[1..];
            if self.have >= 2 && self.have == header_length(self.header[1]) {
                self.have = 0;
                self.skip = payload_length(&self.header);
                self.note(self.header[0]);
            }
        }
    }

    /// Whether a message had too many.
    pub(super) fn too_many(&self) -> bool {
        self.too_many
    }

    fn note(&mut self, first: u8) {
        match first & 0x0f {
            0 => self.count += 1,
            1..=7 => self.count = 1,
            _ => {}
        }
        self.too_many = self.count > MOST;
    }
}

fn header_length(second: u8) -> usize {
    let extended = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + extended + if second & 0x80 == 0 { 0 } else { 4 }
}

fn payload_length(header: &[u8; 14]) -> u64 {
    match header[1] & 0x7f {
        126 => u64::from(u16::from_be_bytes([header[2], header[3]])),
        127 => u64::from_be_bytes(std::array::from_fn(|index| header[2 + index])),
        short => u64::from(short),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(opcode: u8, fin: bool, masked: bool, length: usize) -> Vec<u8> {
        let mut bytes = vec![opcode | if fin { 0x80 } else { 0 }];
        let mask = if masked { 0x80 } else { 0 };
        match length {
            0..=125 => bytes.push(mask | u8::try_from(length).expect("short")),
            126..=0xffff => {
                bytes.push(mask | 126);
                bytes.extend(u16::try_from(length).expect("two bytes").to_be_bytes());
            }
            _ => {
                bytes.push(mask | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(vec![0x80; if masked { 4 } else { 0 }]);
        bytes.extend(vec![0x00; length]);
        bytes
    }

    fn message(pieces: usize, length: usize) -> Vec<u8> {
        (0..pieces).flat_map(|piece| frame(u8::from(piece == 0), piece + 1 == pieces, true, length)).collect()
    }

    #[test]
    fn sixty_four_pieces_are_a_message_and_sixty_five_are_not() {
        let mut fragments = Fragments::default();
        for _ in 0..3 {
            fragments.pass(&message(64, 3));
            assert!(!fragments.too_many());
        }
        fragments.pass(&message(65, 0));
        assert!(fragments.too_many());
    }

    #[test]
    fn control_frames_between_pieces_do_not_count() {
        let mut fragments = Fragments::default();
        fragments.pass(&frame(1, false, true, 10));
        for _ in 0..200 {
            fragments.pass(&frame(9, true, true, 4));
        }
        fragments.pass(&message(64, 1)[frame(1, false, true, 1).len()..]);
        assert!(!fragments.too_many());
    }

    proptest! {
        #[test]
        fn the_count_does_not_depend_on_how_bytes_arrive(
            pieces in 1usize..80, length in prop::sample::select(vec![0usize, 1, 125, 126, 300, 66_000]), masked: bool,
            cuts in prop::collection::vec(1usize..5_000, 1..60),
        ) {
            let bytes: Vec<u8> = (0..pieces)
                .flat_map(|piece| frame(u8::from(piece == 0) * 2, piece + 1 == pieces, masked, length))
                .collect();
            let mut fragments = Fragments::default();
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                fragments.pass(now);
                rest = later;
            }
            prop_assert_eq!(fragments.too_many(), pieces > 64);
        }
    }
}
