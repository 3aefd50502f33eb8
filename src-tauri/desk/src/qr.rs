//! A binding URL as a QR code: in a terminal, and as an image.

use std::io::Cursor;
use std::path::Path;

use image::{GrayImage, ImageFormat, Luma};
use qrcode::{Color, EcLevel, QrCode};

use crate::failure::{Failure, FailureCode};
use crate::private_file;

/// Light modules around the code; the standard asks for 4.
const QUIET: usize = 4;
/// Pixels of a module in an image.
const MODULE: usize = 10;

/// A QR code. Holds a secret when its text does: neither printed by `Debug` nor logged.
pub struct Qr {
    side: usize,
    dark: Vec<bool>,
}

impl std::fmt::Debug for Qr {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Qr").field("side", &self.side).finish_non_exhaustive()
    }
}

/// No QR code, or no image of it.
#[derive(Debug, thiserror::Error)]
pub enum QrError {
    /// The text does not fit a QR code.
    #[error("the text does not fit a QR code")]
    TooLong(#[source] qrcode::types::QrError),
    /// The image cannot be encoded.
    #[error("cannot encode the image")]
    Encode(#[source] image::ImageError),
    /// The image cannot be saved.
    #[error("cannot write the image")]
    Write(#[source] std::io::Error),
}

impl From<QrError> for Failure {
    fn from(error: QrError) -> Self {
        Self::caused(FailureCode::QrNotMade, &error)
    }
}

impl Qr {
    /// Makes the code of a text; 15 % of it may be damaged.
    ///
    /// # Errors
    /// [`QrError::TooLong`].
    pub fn of(text: &str) -> Result<Self, QrError> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(QrError::TooLong)?;
        Ok(Self {
            side: code.width(),
            dark: code.into_colors().into_iter().map(|color| color == Color::Dark).collect(),
        })
    }

    /// Modules along a side, without the quiet zone.
    pub fn side(&self) -> usize {
        self.side
    }

    /// Whether the module is dark, the quiet zone included in the coordinates: it is light.
    fn is_dark(&self, x: usize, y: usize) -> bool {
        let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < self.side);
        match (inside(x), inside(y)) {
            (Some(x), Some(y)) => self.dark[y * self.side + x],
            _ => false,
        }
    }

    /// Lines for a terminal, two modules a character.
    ///
    /// With `colour`, black on white whatever the terminal's own colours are. Without (no terminal, `NO_COLOR`), light modules are drawn with the text
    /// colour: right where text is lighter than its ground.
    pub fn terminal(&self, colour: bool) -> String {
        let side = self.side + 2 * QUIET;
        let mut lines = String::new();
        for y in (0..side).step_by(2) {
            if colour {
                // 231 and 16: white and black of the colour cube, which themes leave alone.
                lines.push_str("\x1b[38;5;231;48;5;16m");
            }
            for x in 0..side {
                // The row past an odd side is left as the ground, except with colour: there it is part of the quiet zone.
                let lower_light = if y + 1 < side { !self.is_dark(x, y + 1) } else { colour };
                lines.push(match (!self.is_dark(x, y), lower_light) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                });
            }
            if colour {
                lines.push_str("\x1b[0m");
            }
            lines.push('\n');
        }
        lines
    }

    /// A black-and-white SVG document with the quiet zone, one unit a module; each run of dark modules is one stroke.
    pub fn to_svg(&self) -> String {
        use std::fmt::Write;
        let whole = self.side + 2 * QUIET;
        let mut path = String::new();
        for y in QUIET..QUIET + self.side {
            let mut x = QUIET;
            while x < QUIET + self.side {
                let run = (x..).take_while(|x| self.is_dark(*x, y)).count();
                if run > 0 {
                    write!(path, "M{x} {y}h{run}v1h-{run}z").expect("a String takes everything");
                }
                x += run.max(1);
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {whole} {whole}\" shape-rendering=\"crispEdges\">\
             <path fill=\"#fff\" d=\"M0 0h{whole}v{whole}H0z\"/><path fill=\"#000\" d=\"{path}\"/></svg>"
        )
    }

    /// A black-and-white PNG with the quiet zone, 10 pixels a module.
    ///
    /// # Errors
    /// [`QrError::Encode`].
    pub fn png(&self) -> Result<Vec<u8>, QrError> {
        let side = u32::try_from((self.side + 2 * QUIET) * MODULE).expect("a QR code has at most 177 modules");
        let image = GrayImage::from_fn(side, side, |x, y| {
            let module = |at: u32| usize::try_from(at).expect("usize has 32 bits at least") / MODULE;
            Luma([if self.is_dark(module(x), module(y)) { 0 } else { 255 }])
        });
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).map_err(QrError::Encode)?;
        Ok(bytes.into_inner())
    }

    /// Saves the PNG, readable by its owner only: whoever sees the code can claim it.
    ///
    /// # Errors
    /// [`QrError::Encode`], [`QrError::Write`].
    pub fn save_png(&self, path: &Path) -> Result<(), QrError> {
        private_file::replace(path, &self.png()?).map_err(QrError::Write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://192.168.1.23:8765/b#1.AAECAwQFBgc.AAECAwQFBgcICQoLDA0ODw.ABCDEFGHIJKLMNOPQRSTUV";

    fn expected() -> (usize, Vec<Color>) {
        let code = QrCode::with_error_correction_level(URL, EcLevel::M).unwrap();
        (code.width(), code.to_colors())
    }

    /// The modules that a terminal shows, `true` for light.
    fn read_terminal(text: &str) -> Vec<Vec<bool>> {
        let mut rows = Vec::new();
        for line in text.lines() {
            let line = line.replace("\x1b[38;5;231;48;5;16m", "").replace("\x1b[0m", "");
            let halves = |upper: bool| {
                line.chars().map(|half| half == '█' || half == if upper { '▀' } else { '▄' }).collect::<Vec<_>>()
            };
            rows.extend([halves(true), halves(false)]);
        }
        rows
    }

    #[test]
    fn a_terminal_shows_every_module_and_a_quiet_zone() {
        let (side, colors) = expected();
        let qr = Qr::of(URL).unwrap();
        assert_eq!(qr.side(), side);
        for colour in [true, false] {
            let rows = read_terminal(&qr.terminal(colour));
            let whole = side + 2 * QUIET;
            assert_eq!(rows.len(), whole.next_multiple_of(2));
            for (y, row) in rows.iter().take(whole).enumerate() {
                assert_eq!(row.len(), whole);
                for (x, light) in row.iter().enumerate() {
                    let inside = (QUIET..QUIET + side).contains(&x) && (QUIET..QUIET + side).contains(&y);
                    let dark = inside && colors[(y - QUIET) * side + (x - QUIET)] == Color::Dark;
                    assert_eq!(*light, !dark, "{x},{y}");
                }
            }
        }
        assert!(qr.terminal(false).chars().all(|half| "█▀▄ \n".contains(half)));
    }

    #[test]
    fn the_image_shows_every_module_in_large_squares() {
        let (side, colors) = expected();
        let image = image::load_from_memory(&Qr::of(URL).unwrap().png().unwrap()).unwrap().to_luma8();
        const { assert!(MODULE >= 8) };
        assert_eq!(usize::try_from(image.width()).unwrap(), (side + 2 * QUIET) * MODULE);
        for (x, y, pixel) in image.enumerate_pixels() {
            let (x, y) = (usize::try_from(x).unwrap() / MODULE, usize::try_from(y).unwrap() / MODULE);
            let inside = (QUIET..QUIET + side).contains(&x) && (QUIET..QUIET + side).contains(&y);
            let dark = inside && colors[(y - QUIET) * side + (x - QUIET)] == Color::Dark;
            assert_eq!(pixel.0, [if dark { 0 } else { 255 }], "{x},{y}");
        }
    }

    #[test]
    fn the_drawing_covers_exactly_the_dark_modules() {
        let (side, colors) = expected();
        let svg = Qr::of(URL).unwrap().to_svg();
        let whole = side + 2 * QUIET;
        assert!(svg.contains(&format!("viewBox=\"0 0 {whole} {whole}\"")));
        let path = svg.split("#000\" d=\"").nth(1).unwrap().split('"').next().unwrap();
        let mut dark = vec![false; side * side];
        for run in path.split('z').filter(|run| !run.is_empty()) {
            let (start, rest) = run.strip_prefix('M').unwrap().split_once('h').unwrap();
            let (x, y) = start.split_once(' ').unwrap();
            let (length, back) = rest.split_once("v1h-").unwrap();
            assert_eq!(length, back);
            let number = |text: &str| text.parse::<usize>().unwrap();
            let first = (number(y) - QUIET) * side + number(x) - QUIET;
            for module in &mut dark[first..first + number(length)] {
                assert!(!std::mem::replace(module, true), "no module is drawn twice");
            }
        }
        assert_eq!(dark, colors.iter().map(|color| *color == Color::Dark).collect::<Vec<_>>());
    }

    #[test]
    fn a_saved_image_is_private_and_a_long_text_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("bind.png");
        Qr::of(URL).unwrap().save_png(&path).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(matches!(Qr::of(&"x".repeat(3_000)), Err(QrError::TooLong(_))));
        assert!(!format!("{:?}", Qr::of(URL).unwrap()).contains("dark"));
    }
}
