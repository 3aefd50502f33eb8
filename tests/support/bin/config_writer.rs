//! Installs our entries in a configuration: `config-writer FILE COPIES [in-place]`.
//! `in-place` writes as a careless program does, so that the story can be seen to notice it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use futures_util::future::BoxFuture;
use gateway::config::{Backups, Change, FileStore, Store, Validate, edit};

/// What is written is what OpenClaw accepted elsewhere: no command is asked each time.
struct Accepted;

impl Validate for Accepted {
    fn validate<'a>(&'a self, _: &'a Path) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let file = PathBuf::from(arguments.next().context("no file")?);
    let copies = PathBuf::from(arguments.next().context("no folder for copies")?);
    let in_place = arguments.next().is_some_and(|argument| argument == "in-place");
    let install: Vec<Change> = Change::install("/home/li/link.key").into();
    if in_place {
        let edited = edit(&std::fs::read_to_string(&file)?, &install)?;
        std::fs::write(&file, edited.text)?;
        return Ok(());
    }
    let store = FileStore::new(&file, Backups::new(copies), Arc::new(Accepted));
    let plan = store.plan(&install).await?;
    store.apply(&plan, 0).await?;
    Ok(())
}
