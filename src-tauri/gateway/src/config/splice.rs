//! Stretches of a text that are cut, put in or replaced; everything between them stays byte for byte.

/// A stretch of the text and what takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Splice {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) with: String,
}

impl Splice {
    pub(super) fn put(at: usize, with: impl Into<String>) -> Self {
        Self { from: at, to: at, with: with.into() }
    }

    fn cut(from: usize, to: usize) -> Self {
        Self { from, to, with: String::new() }
    }
}

/// Makes all of them. They may touch, and must not overlap.
pub(super) fn apply(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_by_key(|splice| (splice.from, splice.to));
    let mut edited = String::with_capacity(text.len());
    let mut done = 0;
    for splice in splices {
        edited.push_str(&text[done..splice.from.max(done)]);
        edited.push_str(&splice.with);
        done = splice.to.max(done);
    }
    edited.push_str(&text[done..]);
    edited
}

/// Where the next thing begins that is neither blank nor comment.
pub(super) fn after_trivia(text: &str, mut at: usize) -> usize {
    loop {
        let rest = &text[at..];
        let blank = rest.len() - rest.trim_start_matches(is_blank).len();
        at += blank;
        let rest = &text[at..];
        let comment = if rest.starts_with("//") {
            rest.find(is_line_end).unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else {
            return at;
        };
        at += comment;
    }
}

/// Where the blanks begin that end at `to`, and not before `from`.
pub(super) fn blanks_before(text: &str, from: usize, to: usize) -> usize {
    from + text[from..to].trim_end_matches(is_blank).len()
}

pub(super) fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || letter == '\u{feff}'
}

pub(super) fn is_line_end(letter: char) -> bool {
    matches!(letter, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

/// Whether the last comment of a stretch without values runs to the end of its line.
pub(super) fn ends_in_line_comment(text: &str, from: usize, to: usize) -> bool {
    let mut at = from;
    let mut line = false;
    while at < to {
        let rest = &text[at..to];
        if rest.starts_with("//") {
            let end = rest.find(is_line_end);
            line = end.is_none();
            at += end.unwrap_or(rest.len());
        } else if rest.starts_with("/*") {
            line = false;
            at += rest.find("*/").map_or(rest.len(), |end| end + 2);
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    line
}

/// Cuts item `index` out of a list or an object that reaches from `open` to `close`, with one comma. Comments beside it stay.
pub(super) fn cut(text: &str, open: usize, close: usize, items: &[(usize, usize)], index: usize) -> Vec<Splice> {
    let (start, end) = items[index];
    let inside = open + 1;
    let before = index.checked_sub(1).map(|previous| items[previous].1);
    let next = after_trivia(text, end);
    let comma_after = text[next..].starts_with(',').then_some(next);
    // A stretch of blanks and comments only; with the comma of the item before, where there is one.
    let comma_before = before.map(|previous| after_trivia(text, previous));
    let trivia = comma_before.map_or(inside, |comma| comma + 1);
    let mut from = blanks_before(text, trivia, start);
    let rest = comma_after.map_or(end, |comma| comma + 1);
    let follows = text[rest..close].trim_start_matches([' ', '\t']);
    let blank_line = follows.starts_with(is_line_end) || text[rest..close - 1].chars().all(is_blank);
    if !blank_line || ends_in_line_comment(text, trivia, from) && !follows.starts_with(is_line_end) {
        // Something stands behind it in the same line: that keeps its place and its indentation.
        from = start;
    }
    let mut splices = vec![Splice::cut(from, end)];
    match (comma_after, comma_before) {
        (Some(comma), _) => splices.push(Splice::cut(comma, comma + 1)),
        (None, Some(comma)) => splices.push(Splice::cut(comma, comma + 1)),
        (None, None) => {}
    }
    let alone = items.len() == 1;
    let left_before = text[inside..start].chars().all(is_blank);
    let left_after = text[end..close - 1].chars().all(|letter| is_blank(letter) || letter == ',');
    if alone && left_before && left_after {
        return vec![Splice::cut(inside, close - 1)];
    }
    splices
}
