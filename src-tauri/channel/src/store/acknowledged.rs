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

#[derive(Clone, Debug, PartialEq, Eq)]
enum Row {
    /// That it is bound.
    Bound(DeviceKey),
    /// That it is not any more.
    Removed(DeviceKey),
    Turn(TurnId),
    /// The count of a device, which never goes down: the reply itself may have been given up since.
    Reply(DeviceKey, u64),
}

impl Row {
    fn device(&self) -> &DeviceKey {
        match self {
            Self::Turn(turn) => &turn.device,
            Self::Bound(device) | Self::Removed(device) | Self::Reply(device, _) => device,
        }
    }
}

impl Acknowledged {
    /// Nothing yet, of a store with this name.
    pub(super) fn of(epoch: String) -> Self {
        Self { epoch, ..Self::default() }
    }

    pub(super) fn bound(&mut self, device: &DeviceKey) {
        self.open.push(Row::Bound(device.clone()));
    }

    pub(super) fn removed(&mut self, device: &DeviceKey) {
        self.open.push(Row::Removed(device.clone()));
    }

    pub(super) fn turn(&mut self, device: &DeviceKey, message: &MessageId) {
        self.open.push(Row::Turn(TurnId { device: device.clone(), message: message.clone() }));
    }

    pub(super) fn reply(&mut self, device: &DeviceKey, n: u64) {
        self.open.push(Row::Reply(device.clone(), n));
    }

    pub(super) fn committed(&mut self) {
        for row in self.open.drain(..) {
            match &row {
                // With a device go its messages and replies.
                Row::Removed(device) => self.newest.retain(|older| older.device() != device),
                Row::Bound(device) => self.newest.retain(|older| *older != Row::Removed(device.clone())),
                Row::Turn(_) | Row::Reply(..) => {}
            }
            self.newest.push_back(row);
        }
        let extra = self.newest.len().saturating_sub(REMEMBERED);
        self.newest.drain(..extra);
    }

    pub(super) fn rolled_back(&mut self) {
        self.open.clear();
    }

    /// Old turns were deleted: these may be among them.
    pub(super) fn forget_all(&mut self) {
        self.open.clear();
        self.newest.clear();
    }
}

impl Store {
    /// How many of these rows are not in this store. A device whose removal is gone is removed once more.
    pub(super) fn mend(&mut self, acknowledged: &Acknowledged) -> rusqlite::Result<usize> {
        let mut missing = 0;
        for row in &acknowledged.newest {
            let is_there = match row {
                Row::Bound(device) => self.device_name(device)?.is_some(),
                Row::Removed(device) => self.remove_device(device)?.is_none(),
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
        assert_eq!(store.reopen(1).unwrap(), 0, "what was not committed was not acknowledged");
        lose(&mut store, folder.path(), "DELETE FROM turn WHERE seq = 2; UPDATE device SET last_n = 0");
        assert_eq!(store.reopen(1).unwrap(), 2);
        store.remove_device(&device).unwrap();
        store.commit().unwrap();
        store.close();
        assert_eq!(store.reopen(1).unwrap(), 0, "a removed device is not missed");
    }

    /// What a disk that lies loses while the store is open.
    fn lose(store: &mut Store, folder: &std::path::Path, rows: &str) {
        store.close();
        let raw = rusqlite::Connection::open(folder.join("channel.db")).unwrap();
        raw.execute_batch(rows).unwrap();
    }

    #[test]
    fn a_store_that_lost_something_lives_another_life_from_then_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let key = SigningKey::from_bytes(&[1; 32]).verifying_key();
        store.bind_device(&key, "d", Kind::Phone, 1).unwrap();
        turn(&mut store, &DeviceKey::of(&key), 1);
        store.set_meta("link_generation", Some("7")).unwrap();
        store.commit().unwrap();
        let (before, of) = (store.epoch().unwrap(), |store: &Store| store.meta("link_generation").unwrap().unwrap());
        store.close();
        assert_eq!(store.reopen(5_000).unwrap(), 0);
        assert_eq!((store.epoch().unwrap(), of(&store).as_str()), (before.clone(), "7"), "nothing was lost");
        lose(&mut store, folder.path(), "DELETE FROM turn");
        assert_eq!(store.reopen(5_000).unwrap(), 1);
        let after = store.epoch().unwrap();
        assert_ne!(after, before, "devices begin to count anew");
        assert_eq!(of(&store), "5000", "no link ever had it");
        store.close();
        assert_eq!(store.reopen(6_000).unwrap(), 0, "told once");
        assert_eq!((store.epoch().unwrap(), of(&store).as_str()), (after, "5000"));
    }

    #[test]
    fn a_binding_that_is_gone_is_missed_and_a_removal_that_is_gone_is_done_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let keys = [1, 2].map(|seed| SigningKey::from_bytes(&[seed; 32]).verifying_key());
        let [bound, removed] = keys.map(|key| DeviceKey::of(&key));
        keys.iter().for_each(|key| store.bind_device(key, "d", Kind::Phone, 1).unwrap());
        store.commit().unwrap();
        store.remove_device(&removed).unwrap();
        store.rollback();
        store.close();
        assert_eq!(store.reopen(1).unwrap(), 0, "what was rolled back did not happen");
        store.remove_device(&removed).unwrap();
        store.commit().unwrap();
        let again = format!(
            "DELETE FROM device; INSERT INTO device (device_key, public_key, name, kind, bound_at)
             VALUES ('{removed}', x'{}', 'd', 'phone', 1)",
            data_encoding::HEXLOWER.encode(keys[1].as_bytes())
        );
        lose(&mut store, folder.path(), &again);
        assert_eq!(store.reopen(1).unwrap(), 2);
        assert!(store.device_name(&removed).unwrap().is_none(), "who was removed stays out");
        assert!(store.device_name(&bound).unwrap().is_none(), "its key is gone with its row");
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
