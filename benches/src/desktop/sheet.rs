//! What was measured on the desktop, as tables, beside what it should be.

use super::candidate::Candidate;
use super::footprint::Wakeups;
use super::rig::Trouble;
use crate::report::median;

/// Private memory with the service running and no window, MiB.
const PRIVATE: f64 = 35.0;
/// Of the memory before the window.
const AFTER_WINDOW: f64 = 1.1;
/// A second, with no device and no gateway.
const WAKEUPS: f64 = 0.1;
/// Of the bare indicator's time to the tray.
const ITEM: f64 = 2.0;
/// Milliseconds from execution until devices are accepted.
const ACCEPTED: f64 = 50.0;

/// Everything, one entry a round.
#[derive(Clone, Debug, Default)]
pub(super) struct Sheet {
    pub(super) rows: Vec<Row>,
    pub(super) starts: Vec<(Trouble, Starts)>,
    pub(super) window: Window,
}

/// One application.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) candidate: Candidate,
    /// Milliseconds.
    pub(super) item: Vec<f64>,
    /// Milliseconds.
    pub(super) cpu: Vec<f64>,
    /// MiB.
    pub(super) private: Vec<f64>,
    /// Of it dirty, MiB.
    pub(super) dirty: Vec<f64>,
    /// MiB.
    pub(super) resident: Vec<f64>,
    pub(super) processes: Vec<f64>,
    /// By thread.
    pub(super) wakeups: Vec<Vec<Wakeups>>,
    /// Threads that came or went while wakeups were counted.
    pub(super) moved: usize,
    /// Size of the program, bytes.
    pub(super) binary: u64,
}

/// Ours on one kind of desktop, milliseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Starts {
    pub(super) accepted: Vec<f64>,
    pub(super) item: Vec<f64>,
}

/// Ours before, with and after its window; MiB of private memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    pub(super) before: Vec<f64>,
    pub(super) open: Vec<f64>,
    pub(super) after: Vec<f64>,
    /// Web processes that stayed.
    pub(super) left: Vec<f64>,
}

/// A promise and what came of it.
#[derive(Clone, Debug, PartialEq)]
struct Aim {
    what: String,
    limit: String,
    measured: String,
    met: bool,
}

impl Row {
    pub(super) fn new(candidate: Candidate, binary: u64) -> Self {
        Self {
            candidate,
            item: Vec::new(),
            cpu: Vec::new(),
            private: Vec::new(),
            dirty: Vec::new(),
            resident: Vec::new(),
            processes: Vec::new(),
            wakeups: Vec::new(),
            moved: 0,
            binary,
        }
    }

    /// Wakeups a second of all threads.
    fn wakeups(&self) -> f64 {
        median(self.wakeups.iter().map(|round| round.iter().map(|thread| thread.rate).sum()).collect())
    }
}

impl Sheet {
    fn row(&self, candidate: Candidate) -> Option<&Row> {
        self.rows.iter().find(|row| row.candidate == candidate)
    }

    /// The table of all applications.
    pub(super) fn applications(&self) -> String {
        let mut table = String::from(
            "| application | to the tray ms | CPU of the start ms | private MiB | of it dirty MiB | RSS MiB | processes | wakeups/s | program MiB |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        );
        for row in &self.rows {
            table.push_str(&format!(
                "| {} | {:.1} | {:.0} | {:.1} | {:.1} | {:.1} | {:.0} | {:.2} | {:.2} |\n",
                row.candidate.name(),
                median(row.item.clone()),
                median(row.cpu.clone()),
                median(row.private.clone()),
                median(row.dirty.clone()),
                median(row.resident.clone()),
                median(row.processes.clone()),
                row.wakeups(),
                row.binary as f64 / 1_048_576.0,
            ));
        }
        table
    }

    /// The table of ours on sound and broken desktops.
    pub(super) fn desktops(&self) -> String {
        let mut table = String::from(
            "| smartpi-tray on a desktop | devices accepted ms | slowest ms | to the tray ms |\n| --- | ---: | ---: | ---: |\n",
        );
        for (trouble, starts) in &self.starts {
            let slowest = starts.accepted.iter().copied().fold(f64::NAN, f64::max);
            table.push_str(&format!(
                "| {} | {:.1} | {slowest:.1} | {:.1} |\n",
                trouble.name(),
                median(starts.accepted.clone()),
                median(starts.item.clone()),
            ));
        }
        table
    }

    /// The table of ours around its window.
    pub(super) fn window(&self) -> String {
        let Window { before, open, after, left } = &self.window;
        format!(
            "| private MiB of smartpi-tray | before the window | with it | after it | web processes left |\n\
             | --- | ---: | ---: | ---: | ---: |\n\
             | all processes | {:.1} | {:.1} | {:.1} | {:.0} |\n",
            median(before.clone()),
            median(open.clone()),
            median(after.clone()),
            most(left),
        )
    }

    /// Which threads of ours woke up, on average.
    pub(super) fn threads(&self) -> String {
        let Some(row) = self.row(Candidate::Smartpi) else { return String::new() };
        let mut sums: Vec<(&str, f64)> = Vec::new();
        for thread in row.wakeups.iter().flatten() {
            match sums.iter_mut().find(|(name, _)| *name == thread.thread) {
                Some((_, sum)) => *sum += thread.rate,
                None => sums.push((&thread.thread, thread.rate)),
            }
        }
        sums.sort_by(|one, other| other.1.total_cmp(&one.1));
        let rounds = row.wakeups.len().max(1) as f64;
        let told: Vec<String> = sums.iter().map(|(name, sum)| format!("{name} {:.3}", sum / rounds)).collect();
        let moved = match row.moved {
            0 => String::new(),
            moved => format!("; {moved} threads came or went and are not counted"),
        };
        format!("{}{moved}", told.join(", "))
    }

    /// The table of promises.
    pub(super) fn aims(&self) -> String {
        let mut table = String::from("| smartpi-tray | aim | measured | |\n| --- | ---: | ---: | --- |\n");
        for Aim { what, limit, measured, met } in self.judged() {
            let word = if met { "met" } else { "**missed**" };
            table.push_str(&format!("| {what} | {limit} | {measured} | {word} |\n"));
        }
        table
    }

    /// NaN, where nothing was measured, meets no aim.
    fn judged(&self) -> Vec<Aim> {
        let of = |candidate: Candidate, number: fn(&Row) -> f64| self.row(candidate).map_or(f64::NAN, number);
        let private = of(Candidate::Smartpi, |row| median(row.private.clone()));
        let wakeups = of(Candidate::Smartpi, Row::wakeups);
        let item = |row: &Row| median(row.item.clone());
        let item = of(Candidate::Smartpi, item) / of(Candidate::BareGtk, item);
        let Window { before, after, left, .. } = &self.window;
        let ratio = median(before.iter().zip(after).map(|(before, after)| after / before).collect());
        let left = most(left);
        let aim =
            |what: &str, limit: String, measured: String, met: bool| Aim { what: what.into(), limit, measured, met };
        let mut aims = vec![
            aim(
                "private memory, service running, no window",
                format!("<= {PRIVATE:.0} MiB"),
                format!("{private:.1} MiB"),
                private <= PRIVATE,
            ),
            aim(
                "the same after the window was closed",
                format!("<= {:.0} %", 100.0 * AFTER_WINDOW),
                format!("{:.0} %", 100.0 * ratio),
                ratio <= AFTER_WINDOW,
            ),
            aim("web processes after the window", "0".into(), format!("{left:.0}"), left == 0.0),
            aim("wakeups a second", format!("<= {WAKEUPS}"), format!("{wakeups:.2}"), wakeups <= WAKEUPS),
            aim(
                "to the tray, of the bare indicator with GTK",
                format!("<= {ITEM:.0} x"),
                format!("{item:.2} x"),
                item <= ITEM,
            ),
        ];
        for (trouble, starts) in &self.starts {
            let accepted = median(starts.accepted.clone());
            aims.push(aim(
                &format!("devices accepted, desktop: {}", trouble.name()),
                format!("<= {ACCEPTED:.0} ms"),
                format!("{accepted:.1} ms"),
                accepted <= ACCEPTED,
            ));
        }
        aims
    }
}

/// NaN of nothing.
fn most(numbers: &[f64]) -> f64 {
    numbers.iter().copied().fold(f64::NAN, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(candidate: Candidate, item: f64, private: f64, wakeups: &[(&str, f64)]) -> Row {
        let wakeups = wakeups.iter().map(|(thread, rate)| Wakeups { thread: (*thread).into(), rate: *rate }).collect();
        Row {
            item: vec![item],
            cpu: vec![60.0],
            private: vec![private],
            dirty: vec![12.0],
            resident: vec![80.0],
            processes: vec![1.0],
            wakeups: vec![wakeups],
            ..Row::new(candidate, 3 << 20)
        }
    }

    fn sheet() -> Sheet {
        let starts = |accepted: &[f64]| Starts { accepted: accepted.into(), item: vec![90.0; accepted.len()] };
        Sheet {
            rows: vec![
                row(Candidate::Smartpi, 150.0, 30.0, &[("main", 0.05), ("timer", 0.04)]),
                row(Candidate::BareGtk, 100.0, 20.0, &[]),
            ],
            starts: vec![(Trouble::None, starts(&[20.0, 90.0, 30.0])), (Trouble::DeadPortal, starts(&[25_000.0]))],
            window: Window {
                before: vec![30.0, 30.0],
                open: vec![150.0, 160.0],
                after: vec![32.0, 33.0],
                left: vec![0.0, 0.0],
            },
        }
    }

    fn met(sheet: &Sheet) -> Vec<bool> {
        sheet.judged().into_iter().map(|aim| aim.met).collect()
    }

    #[test]
    fn each_aim_is_judged_by_its_own_number() {
        let good = sheet();
        assert_eq!(met(&good), [true, true, true, true, true, true, false]);
        let mut bad = good.clone();
        bad.rows[0] = row(Candidate::Smartpi, 201.0, 35.1, &[("main", 0.05), ("timer", 0.06)]);
        bad.window.after = vec![33.4, 33.4];
        // One round with a process left is one too many.
        bad.window.left = vec![0.0, 1.0];
        assert_eq!(met(&bad), [false, false, false, false, false, true, false]);
        assert!(good.aims().contains("| 25000.0 ms | **missed** |"), "{}", good.aims());
    }

    #[test]
    fn what_was_not_measured_meets_nothing() {
        let nothing = Sheet { starts: vec![(Trouble::None, Starts::default())], ..Sheet::default() };
        assert_eq!(met(&nothing), [false; 6]);
    }

    #[test]
    fn tables_show_the_medians() {
        let sheet = sheet();
        assert!(
            sheet.applications().contains("| smartpi-tray | 150.0 | 60 | 30.0 | 12.0 | 80.0 | 1 | 0.09 | 3.00 |\n")
        );
        assert!(sheet.desktops().contains("| as it should be | 30.0 | 90.0 | 90.0 |\n"), "{}", sheet.desktops());
        assert!(sheet.window().contains("| 30.0 | 150.0 | 32.0 | 0 |"), "{}", sheet.window());
    }

    #[test]
    fn threads_are_told_by_their_average() {
        let mut sheet = sheet();
        assert_eq!(sheet.threads(), "main 0.050, timer 0.040");
        sheet.rows[0].wakeups.push(vec![Wakeups { thread: "timer".into(), rate: 0.16 }]);
        sheet.rows[0].moved = 3;
        assert_eq!(sheet.threads(), "timer 0.100, main 0.025; 3 threads came or went and are not counted");
    }
}
