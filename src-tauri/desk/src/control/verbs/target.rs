//! Which gateway is meant: tried first, then remembered.

use serde_json::Value;

use super::{Verbs, json, nothing};
use crate::control::request::GatewayChoice;
use crate::controller::Wish;
use crate::failure::Failure;

impl Verbs {
    /// What is not saved is not done: then its secret is forgotten, too.
    pub(super) async fn choose_gateway(&self, choice: &GatewayChoice) -> Result<Value, Failure> {
        let (other, chosen) = self.operator.try_out(choice).await?;
        if let Err(failure) = self.wish(Wish::GatewayElsewhere(Some(other))).await {
            self.forget_elsewhere().await;
            return Err(failure);
        }
        tracing::info!(approved = chosen.request_id.is_none(), "a person chose the gateway of another computer");
        json(&chosen)
    }

    pub(super) async fn choose_local_gateway(&self) -> Result<Value, Failure> {
        self.wish(Wish::GatewayElsewhere(None)).await?;
        self.forget_elsewhere().await;
        tracing::info!("a person chose the gateway of this computer");
        nothing()
    }

    async fn forget_elsewhere(&self) {
        if let Err(failure) = self.operator.forget_elsewhere().await {
            // It is of no use for any other address, and the next choice replaces it.
            tracing::warn!(code = failure.code.as_str(), "the secret of another computer's gateway is still kept");
        }
    }
}
