//! The limit of everything durable: how often a second this disk takes an append and says that it is safe.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

const ROW: [u8; 200] = [b'x'; 200];
const SPAN: Duration = Duration::from_secs(2);

/// Appends of 200 bytes a second, each followed by `fdatasync`.
pub(crate) fn appends_a_second(folder: &Path) -> anyhow::Result<f64> {
    let mut file = tempfile::tempfile_in(folder)?;
    let began = Instant::now();
    let mut appends = 0_u32;
    while began.elapsed() < SPAN {
        file.write_all(&ROW)?;
        file.sync_data()?;
        appends += 1;
    }
    Ok(f64::from(appends) / began.elapsed().as_secs_f64())
}
