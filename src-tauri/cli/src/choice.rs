//! One of several things that a person named.

/// What was named is not one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unclear {
    /// Nothing is called so.
    None,
    /// Several are.
    Several,
}

/// A whole key first, then a name, then the beginning of a key of at least `prefix` letters; never a guess between two. `called`: the key and the name.
pub(crate) fn choose<T: Clone>(
    all: Vec<T>,
    what: &str,
    prefix: usize,
    called: impl Fn(&T) -> (&str, Option<&str>),
) -> Result<T, Unclear> {
    let by_key = |one: &T| called(one).0 == what;
    let by_name = |one: &T| called(one).1 == Some(what);
    let by_prefix = |one: &T| what.len() >= prefix && called(one).0.starts_with(what);
    let ways: [&dyn Fn(&T) -> bool; 3] = [&by_key, &by_name, &by_prefix];
    for way in ways {
        let mut matching = all.iter().filter(|one| way(one));
        match (matching.next(), matching.next()) {
            (Some(one), None) => return Ok(one.clone()),
            (Some(_), Some(_)) => return Err(Unclear::Several),
            (None, _) => {}
        }
    }
    Err(Unclear::None)
}
