//! The newest rows that somebody was told of: what must be there when the store is opened again after a failure.

use std::collections::VecDeque;

use super::Store;
use crate::id::{DeviceKey, MessageId, TurnId};

/// How many are remembered.
const REMEMBERED: usize = 1_000;

/// The newest rows, in memory.
#[derive(Debug, Default)]
pub(super) struct Acknowledged {
    /// Name of the store they are in.
    pub(super) epoch: String,
    newest: VecDeque<Row>,
    /// In the open transaction.
    open: Vec<Row>,
}

#[derive(Debug)]
enum Row {
    Turn(TurnId),
    /// The count of a device, which never goes down: the reply itself may have been given up since.
    Reply(DeviceKey, u64),
}

impl Row {
    fn device(&self) -> &DeviceKey {
        match self {
            Self::Turn(turn) => &turn.device,
            Self::Reply(device, _) => device,
        }
    }
}

impl Acknowledged {
    pub(super) fn turn(&mut self, device: &DeviceKey, message: &MessageId) {
        self.open.push(Row::Turn(TurnId { device: device.clone(), message: message.clone() }));
    }

    pub(super) fn reply(&mut self, device: &DeviceKey, n: u64) {
        self.open.push(Row::Reply(device.clone(), n));
    }

    pub(super) fn committed(&mut self) {
        self.newest.extend(self.open.drain(..));
        let extra = self.newest.len().saturating_sub(REMEMBERED);
        self.newest.drain(..extra);
    }

    pub(super) fn rolled_back(&mut self) {
        self.open.clear();
    }

    /// A device was removed.
    pub(super) fn forget(&mut self, device: &DeviceKey) {
        self.open.retain(|row| row.device() != device);
        self.newest.retain(|row| row.device() != device);
    }

    /// Old turns were deleted: these may be among them.
    pub(super) fn forget_all(&mut self) {
        self.open.clear();
        self.newest.clear();
    }
}

impl Store {
    /// How many of these rows are not in this store.
    pub(super) fn missing(&self, acknowledged: &Acknowledged) -> rusqlite::Result<usize> {
        let mut missing = 0;
        for row in &acknowledged.newest {
            let is_there = match row {
                Row::Turn(turn) => self.turn_state(turn)?.is_some(),
                Row::Reply(device, n) => self.device(device)?.is_some_and(|row| row.last_n >= *n),
            };
            missing += usize::from(!is_there);
        }
        Ok(missing)
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;
    use crate::store::{NewReply, NewTurn};
    use crate::wire::device::Kind;

    fn turn(store: &mut Store, device: &DeviceKey, index: u32) {
        let message = MessageId::parse(&format!("{index:026}")).unwrap();
        store.insert_turn(NewTurn { device, message: &message, text: "words", received_at: 1, stored_at: 1 }).unwrap();
    }

    #[test]
    fn what_was_acknowledged_and_is_gone_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let key = SigningKey::from_bytes(&[1; 32]).verifying_key();
        let device = DeviceKey::of(&key);
        store.bind_device(&key, "d", Kind::Phone, 1).unwrap();
        turn(&mut store, &device, 1);
        store.commit().unwrap();
        turn(&mut store, &device, 2);
        let reply =
            NewReply { device: &device, rid: "r", re: None, text: "words", late: false, code: None, by: None, now: 1 };
        store.insert_reply(reply).unwrap();
        store.commit().unwrap();
        turn(&mut store, &device, 3);
        store.close();
        assert_eq!(store.reopen().unwrap(), 0, "what was not committed was not acknowledged");
        store.close();
        let raw = rusqlite::Connection::open(folder.path().join("channel.db")).unwrap();
        raw.execute_batch("DELETE FROM turn WHERE seq = 2; UPDATE device SET last_n = 0").unwrap();
        drop(raw);
        assert_eq!(store.reopen().unwrap(), 2);
        store.remove_device(&device).unwrap();
        store.commit().unwrap();
        store.close();
        assert_eq!(store.reopen().unwrap(), 0, "a removed device is not missed");
    }

    #[test]
    fn only_the_newest_are_remembered() {
        let mut acknowledged = Acknowledged::default();
        let device = DeviceKey::of(&SigningKey::from_bytes(&[1; 32]).verifying_key());
        (0..1_500).for_each(|n| acknowledged.reply(&device, n));
        acknowledged.committed();
        assert_eq!(acknowledged.newest.len(), REMEMBERED);
        assert!(matches!(acknowledged.newest.front(), Some(Row::Reply(_, 500))));
    }
}
