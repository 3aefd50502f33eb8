//! Installs our entries in a configuration and takes them out again, until it is killed: `config-writer FILE COPIES [in-place]`, a line after each write.
//! `in-place` writes as a careless program does, so that the story can be seen to notice it.

use std::io::Write as _;
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
    let store = FileStore::new(&file, Backups::new(copies), Arc::new(Accepted));
    let install: Vec<Change> = Change::install("/home/li/link.key").into();
    for round in 0.. {
        let made = write(&store, &file, &install, in_place, round).await?;
        write(&store, &file, &[Change::Remove { made }], in_place, round).await?;
    }
    Ok(())
}

async fn write(
    store: &FileStore,
    file: &Path,
    changes: &[Change],
    in_place: bool,
    now_ms: u64,
) -> Result<Vec<gateway::config::Path>> {
    let made = if in_place {
        let edited = edit(&std::fs::read_to_string(file)?, changes)?;
        std::fs::write(file, edited.text)?;
        edited.made
    } else {
        let plan = store.plan(changes).await?;
        store.apply(&plan, now_ms).await?;
        plan.made
    };
    writeln!(std::io::stdout(), "written")?;
    std::io::stdout().flush()?;
    Ok(made)
}
