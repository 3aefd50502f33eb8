//! Waiting for a fact, with a limit.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often the fact is looked at.
const ASK: Duration = Duration::from_millis(20);

/// Asks again and again until the answer is yes.
///
/// # Errors
/// After `limit`, with `what`; and the first error of `asked`.
pub fn until(limit: Duration, what: &str, mut asked: impl FnMut() -> Result<bool>) -> Result<()> {
    let since = Instant::now();
    while !asked().with_context(|| format!("while waiting for {what}"))? {
        if since.elapsed() > limit {
            bail!("still not after {limit:?}: {what}");
        }
        std::thread::sleep(ASK);
    }
    Ok(())
}
