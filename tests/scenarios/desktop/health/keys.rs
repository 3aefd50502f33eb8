//! What the application and OpenClaw keep: keys, accesses and tokens, where each of them has them.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use gateway::{Address, Auth, Client, Identity, Introduction, Proof, Shared, Token, Who};
use serde_json::{Value, json};

use super::ward::Ward;

impl Ward<'_> {
    /// The key by which OpenClaw knows this application.
    pub(super) fn identity(&self) -> Result<Identity> {
        let seed = std::fs::read(self.secret("openclaw-identity"))?;
        Ok(Identity::from_seed(seed.as_slice().try_into()?))
    }

    fn secret(&self, name: &str) -> PathBuf {
        self.app.data().join("secrets").join(name)
    }

    /// The access that OpenClaw gave us is lost.
    pub(super) fn lose_access(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.secret("openclaw-device-token"))?)
    }

    /// The access that OpenClaw gave us is one for less than we ask for.
    pub(super) fn narrow_access(&self, secret: &str, scope: &str) -> Result<()> {
        let (id, name) = self.us()?;
        self.wish(false)?;
        let ourselves = self.identity()?;
        let given = self.run(async {
            self.by_hand(secret).await.remove(&id).await?;
            let address = Address::local(self.gateway.port);
            let auth = Auth::Shared(
                Shared::Token(Token::new(secret.into())),
                Proof::of_person(address.clone(), Instant::now()),
            );
            let introduction = Introduction { display_name: name, version: "0.1.0".into(), scopes: vec![scope.into()] };
            let client =
                Client::connect(&address, &introduction, Who::Device(&ourselves), &auth, gateway::events()).await?;
            anyhow::Ok(client.greeting().device_token.clone())
        })?;
        let file = self.secret("openclaw-device-token");
        let mut kept: Value = serde_json::from_slice(&std::fs::read(&file)?)?;
        kept["token"] = json!(given.context("an access")?.reveal());
        Ok(std::fs::write(file, kept.to_string())?)
    }

    /// OpenClaw itself keeps this in its store of secrets.
    pub(super) fn store(&self, name: &str, secret: &str) -> Result<()> {
        let file = self.gateway.home.join("to-be-stored");
        std::fs::write(&file, secret)?;
        let place = file.to_str().context("a path")?;
        let stored =
            self.run(self.gateway.cli(&["secrets", "store", "set", name, "--kind", "secret", "--value-file", place]));
        stored.expect_ok();
        Ok(std::fs::remove_file(file)?)
    }
}
