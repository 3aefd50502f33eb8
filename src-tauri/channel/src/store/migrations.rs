//! The schema and how it came about: numbered steps, each one transaction, frozen once released.

use std::collections::BTreeSet;

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::{Batch, Connection};

use super::OpenError;

/// A released step is never edited.
pub(super) const STEPS: [&str; 4] = [
    include_str!("migrations/0001_init.sql"),
    include_str!("migrations/0002_activity.sql"),
    include_str!("migrations/0003_speaks_first.sql"),
    include_str!("migrations/0004_sums.sql"),
];

/// The schema of this build.
pub(super) const NEWEST: usize = STEPS.len();

/// The schema of a file; 0: nothing was ever written to it.
pub(super) fn found(connection: &Connection) -> rusqlite::Result<usize> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Refuses what a newer program made.
pub(super) fn refuse_newer(connection: &Connection) -> Result<usize, OpenError> {
    match found(connection)? {
        found if found > NEWEST => Err(OpenError::Newer { found, known: NEWEST }),
        found => Ok(found),
    }
}

/// Brings a file to the newest schema. A crash leaves the schema of a step, whole.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    step_by_step(connection, NEWEST, &mut || {})
}

/// Brings a file to the schema `to`; `each` is called before every statement and before every commit.
fn step_by_step(connection: &mut Connection, to: usize, each: &mut dyn FnMut()) -> Result<(), OpenError> {
    let found = refuse_newer(connection)?;
    for (index, sql) in STEPS.iter().enumerate().take(to).skip(found) {
        let step = connection.transaction()?;
        let mut statements = Batch::new(&step, sql);
        while let Some(mut statement) = statements.next()? {
            each();
            // A statement that gives rows is driven to its end.
            let mut rows = statement.raw_query();
            while rows.next()?.is_some() {}
        }
        each();
        step.pragma_update(None, "user_version", index + 1)?;
        each();
        step.commit()?;
    }
    Ok(())
}

/// Whether a file holds exactly the tables and indexes of its schema: a damaged name would otherwise be noticed by the first statement that needs it.
pub(super) fn check(connection: &Connection, schema: usize) -> Result<(), OpenError> {
    let mut fresh = Connection::open_in_memory()?;
    step_by_step(&mut fresh, schema, &mut || {})?;
    if shape(connection)? == shape(&fresh)? {
        Ok(())
    } else {
        Err(OpenError::Damaged("its tables are not those of its version".to_owned()))
    }
}

/// Type, name, table, statement.
type Shape = BTreeSet<(String, String, String, Option<String>)>;

fn shape(connection: &Connection) -> rusqlite::Result<Shape> {
    connection
        .prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect()
}

#[cfg(test)]
mod tests;
