//! Reads a QR code that a program drew into a terminal with half blocks, as a camera would from the screen.

/// What the QR code in a printed text says; `None` if there is none that can be read.
///
/// A code is drawn two rows a line with ` `, `▀`, `▄` and `█`; which of them is dark depends on the colours, so both ways are tried.
#[must_use]
pub fn read(text: &str) -> Option<String> {
    let rows = text.lines().map(modules).collect::<Vec<_>>();
    rows.split(|row| row.is_none())
        .map(|block| block.iter().flatten().flatten().map(Vec::as_slice).collect::<Vec<_>>())
        .filter(|block| block.len() >= 21)
        .find_map(|block| [false, true].into_iter().find_map(|inverted| scan(&block, inverted)))
}

/// The two rows of modules in a line of nothing but half blocks.
fn modules(line: &str) -> Option<[Vec<bool>; 2]> {
    let rows = line.chars().map(|half| match half {
        ' ' => Some((false, false)),
        '▀' => Some((true, false)),
        '▄' => Some((false, true)),
        '█' => Some((true, true)),
        _ => None,
    });
    let (upper, lower): (Vec<bool>, Vec<bool>) = rows.collect::<Option<Vec<_>>>()?.into_iter().unzip();
    (upper.len() >= 21).then_some([upper, lower])
}

fn scan(block: &[&[bool]], inverted: bool) -> Option<String> {
    /// Side of a module in the picture that the reader gets, in pixels, and the empty border around it, in modules.
    const SIDE: usize = 6;
    const BORDER: usize = 4;
    let columns = block.iter().map(|row| row.len()).max()?;
    let (width, height) = ((columns + 2 * BORDER) * SIDE, (block.len() + 2 * BORDER) * SIDE);
    let dark = |x: usize, y: usize| {
        let module = |at: usize| (at / SIDE).checked_sub(BORDER);
        let drawn =
            module(y).and_then(|row| block.get(row)).zip(module(x)).map(|(row, column)| row.get(column) == Some(&true));
        drawn.is_some_and(|drawn| drawn != inverted) && module(x).is_some_and(|column| column < columns)
    };
    let mut picture =
        rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| if dark(x, y) { 0 } else { 255 });
    picture.detect_grids().first()?.decode().ok().map(|(_, words)| words)
}

#[cfg(test)]
mod tests {
    use qrcode::QrCode;
    use qrcode::render::unicode::Dense1x2;

    use super::*;

    #[test]
    fn a_drawn_code_is_read_whichever_colour_is_dark_and_a_torn_one_is_not() {
        let url = "http://192.168.77.1:8765/b#1.AAECAwQFBgc.AAECAwQFBgcICQoLDA0ODw.AAECAwQFBgcICQoLDA0ODw";
        let code = QrCode::new(url).unwrap();
        let light = code.render::<Dense1x2>().build();
        let dark = code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
        for drawn in [light, dark] {
            assert_eq!(read(&format!("Scan this:\n\n{drawn}\n\nor open it")).as_deref(), Some(url));
            let torn = drawn.lines().take(drawn.lines().count() / 2).collect::<Vec<_>>().join("\n");
            assert_eq!(read(&torn), None);
        }
        assert_eq!(read("no code at all\n"), None);
    }
}
