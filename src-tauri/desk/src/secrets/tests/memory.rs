//! A place for tests: it remembers, refuses when told to, and can be made to wait for a person.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};

use super::super::{Secret, SecretName, Secrets, SecretsError};
use crate::view::KeyringTrouble;

#[derive(Clone, Default)]
pub(in crate::secrets) struct Memory(Arc<(Mutex<Inside>, Condvar)>);

#[derive(Default)]
struct Inside {
    kept: HashMap<SecretName, Secret>,
    /// Every call is refused.
    trouble: Option<KeyringTrouble>,
    /// Writes are refused, as where there is no collection.
    read_only: Option<KeyringTrouble>,
    /// Writes are lost.
    forgets: bool,
    /// Removing is refused.
    keeps: bool,
    /// Every call but [`Secrets::is_ready`] waits until this ends.
    prompting: bool,
    waiting: usize,
    calls: usize,
}

impl Memory {
    pub(in crate::secrets) fn troubled(trouble: KeyringTrouble) -> Self {
        let memory = Self::default();
        memory.refuse(Some(trouble));
        memory
    }

    pub(in crate::secrets) fn refuse(&self, trouble: Option<KeyringTrouble>) {
        self.0.0.lock().unwrap().trouble = trouble;
    }

    pub(in crate::secrets) fn refuse_writes(&self, trouble: KeyringTrouble) {
        self.0.0.lock().unwrap().read_only = Some(trouble);
    }

    pub(in crate::secrets) fn forget_writes(&self) {
        self.0.0.lock().unwrap().forgets = true;
    }

    pub(in crate::secrets) fn keep_for_ever(&self) {
        self.0.0.lock().unwrap().keeps = true;
    }

    pub(in crate::secrets) fn prompt(&self, on: bool) {
        self.0.0.lock().unwrap().prompting = on;
        self.0.1.notify_all();
    }

    pub(in crate::secrets) fn kept(&self, name: SecretName) -> Option<Secret> {
        self.0.0.lock().unwrap().kept.get(&name).cloned()
    }

    pub(in crate::secrets) fn calls(&self) -> usize {
        self.0.0.lock().unwrap().calls
    }

    /// Until a call waits for a person.
    pub(in crate::secrets) fn await_prompt(&self) {
        let inside = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(inside, |inside| inside.waiting == 0).unwrap());
    }

    fn enter<T>(&self, work: impl FnOnce(&mut Inside) -> Result<T, SecretsError>) -> Result<T, SecretsError> {
        let mut inside = self.0.0.lock().unwrap();
        inside.calls += 1;
        inside.waiting += 1;
        self.0.1.notify_all();
        let mut inside = self.0.1.wait_while(inside, |inside| inside.prompting).unwrap();
        inside.waiting -= 1;
        match inside.trouble {
            Some(trouble) => Err(SecretsError::Keyring { trouble, source: None }),
            None => work(&mut inside),
        }
    }
}

impl Secrets for Memory {
    fn is_ready(&self) -> Result<(), SecretsError> {
        match self.0.0.lock().unwrap().trouble {
            Some(trouble) => Err(SecretsError::Keyring { trouble, source: None }),
            None => Ok(()),
        }
    }

    fn get(&self, name: SecretName) -> Result<Option<Secret>, SecretsError> {
        self.enter(|inside| Ok(inside.kept.get(&name).cloned()))
    }

    fn set(&self, name: SecretName, secret: &Secret) -> Result<(), SecretsError> {
        self.enter(|inside| match inside.read_only {
            Some(trouble) => Err(SecretsError::Keyring { trouble, source: None }),
            None => {
                if !inside.forgets {
                    inside.kept.insert(name, secret.clone());
                }
                Ok(())
            }
        })
    }

    fn delete(&self, name: SecretName) -> Result<(), SecretsError> {
        self.enter(|inside| {
            if inside.keeps && inside.kept.contains_key(&name) {
                return Err(SecretsError::Keyring { trouble: KeyringTrouble::Broken, source: None });
            }
            inside.kept.remove(&name);
            Ok(())
        })
    }
}

#[test]
fn memory_keeps_the_contract() {
    super::super::check_contract(&Memory::default()).unwrap();
}

#[test]
fn a_place_that_forgets_breaks_the_contract() {
    let memory = Memory::default();
    memory.forget_writes();
    assert_eq!(super::super::check_contract(&memory), Err("what was written is read".to_owned()));
}
