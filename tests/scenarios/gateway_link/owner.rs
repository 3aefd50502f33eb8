//! The owner of a link: keeps what it is told, and asks the survey of this computer whose gateway is on the port.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use care::survey::{Place, Survey, other_end, take};
use care::who::{Whose, whose};
use gateway::{Address, NoProof, Owner, Proof, Shared, Token};
use support::openclaw::Gateway;

/// Every device token that was kept, and `None` for each that was forgotten.
type Kept = Arc<Mutex<Vec<Option<Token>>>>;

#[derive(Clone)]
pub(super) struct Keeper {
    pub(super) address: Address,
    place: Place,
    kept: Kept,
    secret: Arc<Mutex<Option<Shared>>>,
    /// Believes everybody, as a person may who says so; in a story of strangers a planted fault.
    trusting: bool,
}

impl Keeper {
    pub(super) fn of(gateway: &Gateway) -> Self {
        let temp = gateway.environment().into_iter().find(|(name, _)| *name == "TMPDIR").expect("a folder").1;
        let place = Place {
            port: gateway.port,
            state_dir: gateway.state_dir.clone(),
            config_path: gateway.config_path(),
            temp_dirs: vec![temp.into()],
        };
        let secret = Some(Shared::Token(Token::new(Gateway::TOKEN.into())));
        let address = Address::local(gateway.port);
        Self { address, place, kept: Kept::default(), secret: Arc::new(Mutex::new(secret)), trusting: false }
    }

    /// The same, with nothing kept.
    pub(super) fn apart(&self) -> Self {
        Self { kept: Kept::default(), ..self.clone() }
    }

    /// The same, believing everybody.
    pub(super) fn trusting(&self) -> Self {
        Self { trusting: true, ..self.apart() }
    }

    pub(super) fn kept(&self) -> Vec<Option<Token>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_secret(&self, secret: &str) {
        *self.secret.lock().unwrap_or_else(PoisonError::into_inner) = Some(Shared::Token(Token::new(secret.into())));
    }

    pub(super) async fn prove(&self) -> Result<Proof, NoProof> {
        if self.trusting {
            return Ok(Proof::of_person(self.address.clone(), Instant::now()));
        }
        let (place, address) = (self.place.clone(), self.address.clone());
        let look = move || {
            let at = Instant::now();
            match whose(&survey(&place)) {
                Whose::Mine(mine) => {
                    let (pid, proof) = (mine.gateway.pid, mine.proof);
                    Ok(Proof::of_listener(address, pid, at, move |ends| {
                        proof.holds(&survey(&place)) && proof.confirms(&other_end(ends.local, ends.peer))
                    }))
                }
                Whose::Nobody(_) => Err(NoProof::Nobody),
                Whose::Other(_) | Whose::Foreign(_) => Err(NoProof::Another),
                Whose::CannotSee(_) => Err(NoProof::Unknown),
            }
        };
        tokio::task::spawn_blocking(look).await.expect("a look does not panic")
    }
}

fn survey(place: &Place) -> Survey {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    take(place.clone(), i64::try_from(since.as_millis()).expect("a clock of this age"))
}

impl Owner for Keeper {
    async fn prove(&self, _: &Address) -> Result<Proof, NoProof> {
        Keeper::prove(self).await
    }

    async fn secret(&self) -> Option<Shared> {
        self.secret.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, device_token: Option<&Token>) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(device_token.cloned());
    }
}
