//! A device of another computer of the network asks to be let in: whatever token it shows, it waits for a yes to exactly its request. Two network namespaces
//! are the two computers.

use std::time::Instant;

use gateway::{
    Address, Auth, Client, ConnectFailure, PairingReason, Proof, RequestError, RequestId, Shared, Token, Who,
};
use serde_json::json;
use support::lab::Lab;
use support::model::Model;
use support::openclaw::{CURRENT, Gateway};
use tokio::runtime::Builder;

use super::owner::Keeper;
use super::season::until_let_in;
use super::upgrades::{hears_of, hears_request};
use super::{ADMIN, Operator, app, identity, token};

/// The computer across the network.
struct Neighbour<'a> {
    lab: &'a Lab,
    address: Address,
}

impl Neighbour<'_> {
    /// Connects from there. Gives the device token.
    fn connect(&self, show: impl FnOnce(Proof) -> Auth + Send) -> Result<Option<Token>, ConnectFailure> {
        self.lab.phone.block_on(|| async {
            let auth = show(Proof::of_person(self.address.clone(), Instant::now()));
            let device = identity(6);
            let us = app("Kitchen", &ADMIN[2..3]);
            let client = Client::connect(&self.address, &us, Who::Device(&device), &auth, gateway::events()).await?;
            Ok(client.greeting().device_token.clone())
        })
    }

    fn with_secret(&self) -> Result<Option<Token>, ConnectFailure> {
        self.connect(|proof| Auth::Shared(Shared::Token(token(Gateway::TOKEN)), proof))
    }

    fn request(&self) -> RequestId {
        let failure = self.with_secret().expect_err("the right token is not enough");
        let ConnectFailure::PairingRequired(pairing) = &failure else { panic!("{failure:?}") };
        assert_eq!(pairing.reason, PairingReason::NotPaired);
        pairing.request_id.clone().expect("a request")
    }
}

#[test]
fn a_device_of_another_computer_waits_for_a_yes_to_exactly_its_request() {
    let lab = Lab::new();
    lab.computer.enter(|| {
        // What listens and is heard goes on while the other computer asks.
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let model = runtime.block_on(async { Model::start() });
        let extras = json!({ "gateway": { "bind": "lan", "controlUi": { "enabled": false } } });
        let mut gateway = Gateway::prepare(CURRENT, &model, &extras);
        runtime.block_on(gateway.boot());
        // A survey looks at the network of the whole process, not of this thread.
        let keeper = Keeper::of(&gateway).trusting();
        runtime.block_on(until_let_in(&keeper.address, |_| true));
        let url = format!("ws://{}:{}/", Lab::COMPUTER, gateway.port);
        let neighbour = Neighbour { lab: &lab, address: Address::parse(&url, None).expect("an address") };
        let mut operator = runtime.block_on(async { Operator::begin(&keeper, 1, None) });
        let client = runtime.block_on(operator.online());

        let wrong = neighbour.connect(|proof| Auth::Shared(Shared::Token(token("wrong")), proof));
        assert!(matches!(wrong, Err(ConnectFailure::TokenMismatch { .. })), "{wrong:?}");
        let rejected = neighbour.request();
        runtime.block_on(hears_request(&mut operator, &rejected));
        assert_eq!(neighbour.request(), rejected, "the same again is the same request");
        runtime.block_on(client.reject(&rejected)).expect("rejected");
        runtime.block_on(hears_of(&mut operator, &rejected, false));
        let gone = runtime.block_on(client.approve(&rejected)).map(drop);
        assert_eq!(gone, Err(RequestError::UnknownRequest), "what was rejected stays so");

        let asked = neighbour.request();
        assert_ne!(asked, rejected);
        runtime.block_on(hears_request(&mut operator, &asked));
        let paired = runtime.block_on(client.approve(&asked)).expect("approved");
        runtime.block_on(hears_of(&mut operator, &asked, true));
        let device_token = neighbour.with_secret().expect("let in").expect("a device token");
        let back = neighbour.connect(|_| Auth::DeviceToken(device_token.clone()));
        assert!(back.is_ok(), "its own token is enough from now on: {back:?}");
        runtime.block_on(client.remove(&paired.device_id)).expect("removed");
        let left = runtime.block_on(client.devices()).expect("a list").paired;
        assert!(left.iter().all(|device| device.device_id != paired.device_id), "{left:?}");
        let gone = neighbour.connect(|_| Auth::DeviceToken(device_token));
        assert_eq!(gone.map(drop), Err(ConnectFailure::DeviceTokenMismatch));
    });
}
