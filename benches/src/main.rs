//! `make bench`: what the product costs, beside peers and beside limits, all in one run on one machine.
//!
//! Rounds are interleaved, so that a slow minute of the machine hits everybody; tables show medians. Nothing here asserts a time.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

mod desktop;
mod disk;
mod fleet;
mod load;
mod load_section;
mod options;
mod peer;
mod process;
mod relay;
mod report;
mod smartpi;
mod socket;
mod tcp;

use std::path::Path;

use anyhow::Context;
use options::Options;
use peer::Place;
use report::Part;

fn main() -> anyhow::Result<()> {
    let options = Options::read(std::env::args().skip(1))?;
    let binaries = std::env::current_exe()?.parent().context("the program lies in a folder")?.to_path_buf();
    let disk = binaries.join("bench-data");
    std::fs::create_dir_all(&disk)?;
    let place = Place { binaries, scripts: Path::new(env!("CARGO_MANIFEST_DIR")).join("peers"), disk };
    for part in options.parts {
        let section = match part {
            Part::Desktop => desktop::measure(options.desktop, &place)?,
            Part::Fleet => fleet::measure(&options.fleet, &place)?,
            Part::Load => load_section::measure(&options.load, &place)?,
        };
        println!("\n{section}");
        if let Some(path) = &options.write {
            report::write(path, part, &section)?;
            println!("written to {}", path.display());
        }
    }
    Ok(())
}
