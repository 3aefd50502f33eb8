//! Numbers as tables, and their place in docs/RESULTS.md.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::load::Reading;
use crate::peer::{Peer, version};

/// A part of the bench, with a section of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Desktop,
    Fleet,
    Load,
}

/// The marks around a part's section.
fn marks(part: Part) -> (&'static str, &'static str) {
    match part {
        Part::Desktop => ("<!-- make bench, desktop: begin -->", "<!-- make bench, desktop: end -->"),
        Part::Fleet => ("<!-- make bench, fleet: begin -->", "<!-- make bench, fleet: end -->"),
        Part::Load => ("<!-- make bench: begin -->", "<!-- make bench: end -->"),
    }
}

/// The middle one; of an even count the lower of the two.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

/// Readings of several rounds as one, each column by its own median.
pub(crate) fn middle(readings: &[Reading]) -> Reading {
    let column = |pick: fn(&Reading) -> f64| median(readings.iter().map(pick).collect());
    Reading {
        rate: column(|reading| reading.rate),
        p50: column(|reading| reading.p50),
        p99: column(|reading| reading.p99),
        cpu: column(|reading| reading.cpu),
        driver: column(|reading| reading.driver),
        others: column(|reading| reading.others),
        resident: column(|reading| reading.resident),
    }
}

/// `rows` beside each other; the last one is the limit that the shares refer to.
pub(crate) fn load_table(rows: &[(Peer, Reading)]) -> String {
    let limit = rows.iter().find(|(peer, _)| *peer == Peer::TcpHop).map(|(_, reading)| reading.rate);
    let mut table = String::from(
        "| server | msgs/s | of the TCP hop | p50 ms | p99 ms | server CPU s per 100k | RSS MiB | driver's core | cores of others |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for (peer, reading) in rows {
        let share = limit.map_or_else(|| "-".into(), |limit| format!("{:.0} %", 100.0 * reading.rate / limit));
        table.push_str(&format!(
            "| {} | {:.0} | {share} | {:.2} | {:.2} | {:.2} | {:.1} | {:.0} % | {:.2} |\n",
            peer.name(),
            reading.rate,
            reading.p50,
            reading.p99,
            reading.cpu,
            reading.resident,
            100.0 * reading.driver,
            reading.others,
        ));
    }
    table
}

/// Resident memory: with nobody, with the first count of idle devices, with the second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Idle {
    pub(crate) peer: Peer,
    /// KiB with the plugin only.
    pub(crate) base: u64,
    /// Devices and KiB.
    pub(crate) few: (usize, u64),
    /// Devices and KiB.
    pub(crate) many: (usize, u64),
}

pub(crate) fn idle_table(rows: &[Idle]) -> String {
    let (few, many) = rows.first().map_or((0, 0), |row| (row.few.0, row.many.0));
    let mut table = format!(
        "| server | base RSS MiB | RSS at {few} MiB | RSS at {many} MiB | KiB a device, first {few} | KiB a device, next {} |\n\
         | --- | ---: | ---: | ---: | ---: | ---: |\n",
        many - few,
    );
    for row in rows {
        let mib = |kib: u64| kib as f64 / 1024.0;
        let each = |from: (usize, u64), to: (usize, u64)| (to.1 as f64 - from.1 as f64) / (to.0 - from.0) as f64;
        table.push_str(&format!(
            "| {} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} |\n",
            row.peer.name(),
            mib(row.base),
            mib(row.few.1),
            mib(row.many.1),
            each((0, row.base), row.few),
            each(row.few, row.many),
        ));
    }
    table
}

/// The machine, and what builds for it.
pub(crate) fn machine() -> anyhow::Result<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown processor");
    let memory = fs::read_to_string("/proc/meminfo")?;
    let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or("0 kB");
    let gib = memory.trim().trim_end_matches(" kB").parse::<f64>()? / 1_048_576.0;
    Ok(format!(
        "{}, {} cores, {gib:.0} GiB, Linux {}. {}.",
        model.trim_start_matches([' ', '\t', ':']),
        cpu.matches("processor\t").count(),
        fs::read_to_string("/proc/sys/kernel/osrelease")?.trim(),
        version("rustc", &["--version"])?,
    ))
}

/// How the programs are built, as far as this one shows it: all come from one build.
pub(crate) fn build() -> &'static str {
    if cfg!(debug_assertions) { "**unoptimised**" } else { "release" }
}

/// Today, UTC.
pub(crate) fn today() -> anyhow::Result<String> {
    version("date", &["-u", "+%Y-%m-%d"])
}

/// Puts the section of `part` between its marks in the file, or at its end.
pub(crate) fn write(path: &Path, part: Part, section: &str) -> anyhow::Result<()> {
    let old = fs::read_to_string(path).unwrap_or_else(|_| "# Results\n".into());
    fs::write(path, placed(&old, part, section)).with_context(|| format!("cannot write {}", path.display()))
}

fn placed(old: &str, part: Part, section: &str) -> String {
    let (first, last) = marks(part);
    let section = format!("{first}\n{section}{last}");
    match (old.find(first), old.find(last)) {
        (Some(begin), Some(end)) if begin < end => format!("{}{section}{}", &old[..begin], &old[end + last.len()..]),
        _ => format!("{}\n\n{section}\n", old.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_a_number_that_was_measured() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0]), 1.0);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn a_section_replaces_its_older_self_and_nothing_else() {
        let first = placed("# Results\n\nmine\n", Part::Load, "one\n");
        assert!(first.starts_with("# Results\n\nmine\n") && first.contains("one\n"));
        let second = placed(&format!("{first}\nafter\n"), Part::Load, "two\n");
        assert!(second.contains("mine") && second.contains("two\n") && second.ends_with("\nafter\n"));
        assert!(!second.contains("one\n"));
    }

    #[test]
    fn parts_keep_out_of_each_others_sections() {
        let load = placed("# Results\n", Part::Load, "load\n");
        let both = placed(&load, Part::Desktop, "desktop\n");
        assert!(both.contains("load\n") && both.contains("desktop\n"));
        let again = placed(&placed(&both, Part::Load, "load 2\n"), Part::Desktop, "desktop 2\n");
        assert!(again.contains("load 2\n") && again.contains("desktop 2\n"));
        assert!(!again.contains("load\n") && !again.contains("desktop\n"), "{again}");
    }
}
