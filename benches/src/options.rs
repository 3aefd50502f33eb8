//! What one can type.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::desktop;
use crate::peer::Peer;
use crate::report::Part;

/// The command line.
#[derive(Debug)]
pub(crate) struct Options {
    /// The file that takes the sections.
    pub(crate) write: Option<PathBuf>,
    pub(crate) parts: Vec<Part>,
    pub(crate) load: Load,
    pub(crate) fleet: Fleet,
    pub(crate) desktop: desktop::Options,
}

/// The part that loads servers.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) rounds: usize,
    /// Of one reading.
    pub(crate) span: Duration,
    pub(crate) peers: Vec<Peer>,
}

/// The part with very many devices.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// That are held.
    pub(crate) devices: usize,
    /// That come back after a kill.
    pub(crate) storm: usize,
    /// Messages a second of all devices together.
    pub(crate) rate: u32,
    /// How long they are held.
    pub(crate) span: Duration,
}

impl Options {
    /// Reads the words behind the program's name.
    pub(crate) fn read(words: impl IntoIterator<Item = String>) -> anyhow::Result<Self> {
        let seconds = Duration::from_secs;
        let mut options = Self {
            write: None,
            // The desktop first: later the driver stays on one core.
            parts: vec![Part::Desktop, Part::Load, Part::Fleet],
            fleet: Fleet { devices: 10_000, storm: 5_000, rate: 1_000, span: seconds(600) },
            load: Load { rounds: 5, span: seconds(10), peers: Peer::ALL.into() },
            desktop: desktop::Options { rounds: 5, with_peers: true, settle: seconds(20), quiet: seconds(60) },
        };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word.as_str() {
                "--write" => options.write = Some(value()?.into()),
                "--only" => {
                    options.parts = match value()?.as_str() {
                        "desktop" => vec![Part::Desktop],
                        "fleet" => vec![Part::Fleet],
                        "load" => vec![Part::Load],
                        other => bail!("--only desktop, fleet or load, not {other}"),
                    }
                }
                "--rounds" => {
                    let rounds = value()?.parse()?;
                    (options.load.rounds, options.desktop.rounds) = (rounds, rounds);
                }
                "--seconds" => options.load.span = seconds(value()?.parse()?),
                "--hold" => options.fleet.span = seconds(value()?.parse()?),
                "--devices" => options.fleet.devices = value()?.parse()?,
                "--storm" => options.fleet.storm = value()?.parse()?,
                "--rate" => options.fleet.rate = value()?.parse()?,
                "--peers" => {
                    let peers = value()?.split(',').map(Peer::parse).collect::<Option<_>>();
                    options.load.peers = peers.context("an unknown peer")?;
                }
                "--without-peers" => options.desktop.with_peers = false,
                "--settle" => options.desktop.settle = seconds(value()?.parse()?),
                "--quiet" => options.desktop.quiet = seconds(value()?.parse()?),
                _ => bail!(
                    "usage: benches [--write FILE] [--only desktop|fleet|load] [--rounds N]\n\
                     load: [--seconds N] [--peers {}]\n\
                     fleet: [--devices N] [--hold SECONDS] [--rate MESSAGES-A-SECOND] [--storm N]\n\
                     desktop: [--without-peers] [--settle SECONDS] [--quiet SECONDS]",
                    Peer::KEYS.join(",")
                ),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> anyhow::Result<Options> {
        Options::read(line.split_whitespace().map(Into::into))
    }

    #[test]
    fn each_part_can_run_alone() {
        assert_eq!(read("").unwrap().parts, [Part::Desktop, Part::Load, Part::Fleet]);
        let fleet = read("--only fleet --devices 200 --hold 5 --storm 100 --rate 20").unwrap();
        assert_eq!(fleet.parts, [Part::Fleet]);
        assert_eq!(
            (fleet.fleet.devices, fleet.fleet.span.as_secs(), fleet.fleet.storm, fleet.fleet.rate),
            (200, 5, 100, 20)
        );
        assert_eq!(read("--only load").unwrap().parts, [Part::Load]);
        let desktop = read("--only desktop --without-peers --rounds 2 --settle 3 --write x.md").unwrap();
        assert_eq!(desktop.parts, [Part::Desktop]);
        assert!(!desktop.desktop.with_peers && desktop.desktop.rounds == 2);
        assert_eq!((desktop.desktop.settle.as_secs(), desktop.write.unwrap().to_str()), (3, Some("x.md")));
    }

    #[test]
    fn nonsense_is_refused() {
        for line in ["--only window", "--only", "--rounds x", "--peers nginx", "--help"] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
