//! Tables for a terminal.

/// Lines with their columns under each other; Chinese letters are two wide.
pub(crate) fn columns<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| cells(&row[column])).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let padded =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cells(cell) + 2)));
        padded.collect::<String>().trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// How many cells of a terminal a text takes.
fn cells(text: &str) -> usize {
    let wide = |letter: char| matches!(u32::from(letter), 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd);
    text.chars().map(|letter| if wide(letter) { 2 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_in_both_languages() {
        let rows = [["名称".to_owned(), "x".to_owned()], ["Kitchen".to_owned(), "y".to_owned()]];
        assert_eq!(columns(&rows), ["名称     x", "Kitchen  y"]);
    }
}
