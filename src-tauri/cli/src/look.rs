//! A fresh look at what is between SmartPi and OpenClaw, by the running service.

use desk::control::answer::{CareView, Nothing};
use desk::control::client::Client;
use desk::control::request::Request;
use desk::failure::{Failure, FailureCode};
use desk::folders::Folders;
use desk::view::View;

use crate::exit::Stop;

/// What is wrong, and what would mend it.
pub(crate) async fn care(folders: &Folders) -> Result<CareView, Stop> {
    Ok(everything(folders).await?.care)
}

/// The same, with everything else that the window shows.
pub(crate) async fn everything(folders: &Folders) -> Result<View, Stop> {
    let mut watch = Client::connect(folders).await?.watch::<View>(&Request::ViewWatch {}).await?;
    let lost = || Stop::from(Failure::bare(FailureCode::ControlLost));
    let before = watch.next().await?.ok_or_else(lost)?.care.looked_ms;
    let _: Nothing = Client::connect(folders).await?.ask(&Request::CareLook {}).await?;
    loop {
        let view = watch.next().await?.ok_or_else(lost)?;
        if !view.care.looking && view.care.looked_ms != before {
            return Ok(view);
        }
    }
}
