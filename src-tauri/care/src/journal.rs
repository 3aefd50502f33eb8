//! What was done to this computer: one line of JSON for each thing, synced before and after each step, never changed.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::plan::{Plan, Step, Undo};
use crate::target::Target;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Entry {
    /// A plan that a person agreed to is begun.
    Started {
        /// ms since 1970.
        at_ms: i64,
        /// The whole plan, with its evidence.
        plan: Box<Plan>,
    },
    /// A step is about to be done.
    StepStarted {
        /// ms since 1970.
        at_ms: i64,
        /// The plan's name.
        plan: String,
        /// Which one, from 0.
        step: usize,
    },
    /// What a step is about to change can be put back by this, whatever becomes of the step. The latest of a step counts.
    PutAside {
        /// ms since 1970.
        at_ms: i64,
        /// The plan's name.
        plan: String,
        /// Which one, from 0.
        step: usize,
        /// What brings it back: a path, the name of a keyring's entry, how a service was.
        undo: String,
    },
    /// A step was done, or failed.
    StepEnded {
        /// ms since 1970.
        at_ms: i64,
        /// The plan's name.
        plan: String,
        /// Which one, from 0.
        step: usize,
        /// How it went.
        result: StepResult,
    },
    /// The plan ended.
    Ended {
        /// ms since 1970.
        at_ms: i64,
        /// The plan's name.
        plan: String,
        /// How.
        result: Outcome,
    },
    /// A person saw what became of a plan that was interrupted.
    Acknowledged {
        /// ms since 1970.
        at_ms: i64,
        /// The plan's name.
        plan: String,
    },
    /// A step was undone.
    Undone {
        /// ms since 1970.
        at_ms: i64,
        /// The plan's name.
        plan: String,
        /// Which one, from 0.
        step: usize,
    },
}

/// How a step went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum StepResult {
    /// It was done. What was put aside lies here: a path, or the name of a keyring's entry.
    Done {
        /// Where.
        undo: Option<String>,
    },
    /// It failed, for the reason that this code names.
    Failed {
        /// A failure's code.
        code: String,
    },
}

/// How a plan ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(rename = "RepairOutcome")]
pub enum Outcome {
    /// All was done, and two looks show that it helped.
    Verified,
    /// All was done, and it did not help.
    DidNotHelp,
    /// A step failed; the ones after it were not begun.
    Failed {
        /// Which one, from 0.
        #[specta(type = specta_typescript::Number)]
        step: usize,
    },
    /// The facts changed before this step, which was not begun.
    Changed {
        /// Which one, from 0.
        #[specta(type = specta_typescript::Number)]
        step: usize,
    },
    /// The plan was too old to begin.
    Expired,
    /// The journal could not be written, so nothing more was done.
    NotRecorded,
}

/// The journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system refuses.
    #[error("cannot use the journal {}", path.display())]
    File {
        /// File.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An entry cannot be written as JSON.
    #[error("cannot write this entry")]
    Entry(#[source] serde_json::Error),
}

/// The journal's file. Nobody else may read it.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

/// A journal that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The lines that make sense, oldest first.
    pub entries: Vec<Entry>,
    /// How many do not: a crash tears the last one, a newer version writes others.
    pub unreadable: usize,
}

impl Journal {
    /// Opens the journal, and makes it if there is none.
    ///
    /// # Errors
    /// [`JournalError::File`].
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let wrap = |source| JournalError::File { path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        options.create(true).append(true).read(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let is_new = !path.exists();
        let file = options.open(path).map_err(wrap)?;
        #[cfg(unix)]
        if is_new && let Some(folder) = path.parent() {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(wrap)?;
        }
        #[cfg(not(unix))]
        let _ = is_new;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Writes an entry. When this returns it is on the disk.
    ///
    /// # Errors
    /// [`JournalError`]; then nothing may be done that the entry speaks of.
    pub fn append(&mut self, entry: &Entry) -> Result<(), JournalError> {
        let mut line = serde_json::to_vec(entry).map_err(JournalError::Entry)?;
        line.push(b'\n');
        self.write(&line).map_err(|source| JournalError::File { path: self.path.clone(), source })
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        // A line that a crash tore ends here, and does not swallow the next.
        let end = self.file.seek(SeekFrom::End(0))?;
        if end > 0 {
            let mut last = [0];
            self.file.seek(SeekFrom::Start(end - 1))?;
            self.file.read_exact(&mut last)?;
            if last != *b"\n" {
                self.file.write_all(b"\n")?;
            }
        }
        self.file.write_all(line)?;
        self.file.sync_all()
    }

    /// Reads a journal. That there is none is an empty one.
    ///
    /// # Errors
    /// [`JournalError::File`].
    pub fn read(path: &Path) -> Result<Reading, JournalError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Reading::default()),
            Err(source) => return Err(JournalError::File { path: path.to_owned(), source }),
        };
        let mut reading = Reading::default();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line) {
                Ok(entry) => reading.entries.push(entry),
                Err(_) => reading.unreadable += 1,
            }
        }
        Ok(reading)
    }
}

/// A plan that was begun and neither ended nor looked at since: this program died meanwhile. It is reported and never continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The step that was begun and may or may not have been done.
    pub unsure: Option<usize>,
    /// How many were done for sure.
    pub done: usize,
}

/// The newest plan that was interrupted.
pub fn interrupted(entries: &[Entry]) -> Option<Interrupted<'_>> {
    let plan = entries.iter().filter_map(begun).next_back()?;
    let mut unsure = None;
    let mut done = 0;
    for entry in entries.iter().filter(|entry| entry.plan() == plan.id) {
        match entry {
            Entry::StepStarted { step, .. } => unsure = Some(*step),
            Entry::StepEnded { result, .. } => {
                unsure = None;
                done += usize::from(matches!(result, StepResult::Done { .. }));
            }
            Entry::Ended { .. } | Entry::Acknowledged { .. } => return None,
            Entry::Started { .. } | Entry::PutAside { .. } | Entry::Undone { .. } => {}
        }
    }
    Some(Interrupted { plan, unsure, done })
}

/// What of a plan can be undone, the last step first, each with where that was put which it put aside.
pub fn undoable<'a>(entries: &'a [Entry], plan: &str) -> Vec<(usize, &'a str)> {
    let of_plan = || entries.iter().filter(|entry| entry.plan() == plan);
    let steps = of_plan().find_map(begun).map(|plan| plan.steps.as_slice()).unwrap_or_default();
    let undone = |undone: usize| of_plan().any(|entry| matches!(entry, Entry::Undone { step, .. } if *step == undone));
    let mut found = BTreeMap::new();
    for entry in of_plan() {
        let (Entry::PutAside { step, undo, .. }
        | Entry::StepEnded { step, result: StepResult::Done { undo: Some(undo) }, .. }) = entry
        else {
            continue;
        };
        let back = steps.get(*step).is_some_and(|planned| planned.undo == Undo::PutBack);
        if back && !undone(*step) {
            found.insert(*step, undo.as_str());
        }
    }
    found.into_iter().rev().collect()
}

/// The gateways that were asked to end and did not while somebody waited.
pub fn asked_in_vain(entries: &[Entry]) -> Vec<&Target> {
    let failed = entries.iter().filter_map(|entry| match entry {
        Entry::StepEnded { plan, step, result: StepResult::Failed { code }, .. } if code == STILL_RUNS => {
            Some((plan, *step))
        }
        Entry::Started { .. }
        | Entry::StepStarted { .. }
        | Entry::PutAside { .. }
        | Entry::StepEnded { .. }
        | Entry::Ended { .. }
        | Entry::Acknowledged { .. }
        | Entry::Undone { .. } => None,
    });
    let asked = failed.filter_map(|(id, step)| {
        let plan = entries.iter().filter_map(begun).find(|plan| plan.id == *id)?;
        let Step::EndGateway { target, .. } = &plan.steps.get(step)?.step else { return None };
        Some(target)
    });
    asked.collect()
}

/// The code of a step that waited in vain for a gateway's end.
pub const STILL_RUNS: &str = "repair_still_runs";

fn begun(entry: &Entry) -> Option<&Plan> {
    let Entry::Started { plan, .. } = entry else { return None };
    Some(plan)
}

impl Entry {
    /// The name of the plan that it is about.
    pub fn plan(&self) -> &str {
        match self {
            Self::Started { plan, .. } => &plan.id,
            Self::StepStarted { plan, .. }
            | Self::PutAside { plan, .. }
            | Self::StepEnded { plan, .. }
            | Self::Ended { plan, .. }
            | Self::Acknowledged { plan, .. }
            | Self::Undone { plan, .. } => plan,
        }
    }
}
