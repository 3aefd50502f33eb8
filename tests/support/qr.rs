//! Reads a QR code as a camera would: one that a program drew into a terminal with half blocks, or one in a picture.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::process::installed;

/// What the QR code in a PNG says, as two decoders of different origin read it: rqrr and zbar.
///
/// # Errors
/// A picture in which one of them finds nothing, and two that differ.
pub fn read_png(png: &[u8]) -> Result<String> {
    let picture = image::load_from_memory(png).context("not a picture")?.into_luma8();
    let (width, height) = picture.dimensions();
    let grey = |x: usize, y: usize| {
        u32::try_from(x).ok().zip(u32::try_from(y).ok()).map_or(255, |(x, y)| picture.get_pixel(x, y).0[0])
    };
    let mut prepared =
        rqrr::PreparedImage::prepare_from_greyscale(usize::try_from(width)?, usize::try_from(height)?, grey);
    let grids = prepared.detect_grids();
    let grid = grids.first().context("rqrr sees no QR code")?;
    let (_, by_rqrr) = grid.decode().context("rqrr cannot read the QR code")?;
    let by_zbar = zbar(png)?;
    ensure!(by_rqrr == by_zbar, "rqrr reads {by_rqrr:?} and zbar {by_zbar:?}");
    Ok(by_rqrr)
}

fn zbar(png: &[u8]) -> Result<String> {
    let mut file = tempfile::Builder::new().prefix("smartpi-qr-").suffix(".png").tempfile()?;
    file.write_all(png)?;
    let mut command = Command::new(installed("zbarimg", "zbar-tools")?);
    // D-Bus is off: it would tell the machine's bus what it read.
    command.args(["--quiet", "--raw", "--nodbus", "-Sdisable", "-Sqrcode.enable"]).arg(file.path());
    let output = command.stdin(Stdio::null()).output().context("cannot start zbarimg")?;
    ensure!(output.status.success(), "zbarimg sees no QR code: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8(output.stdout)?.trim_end_matches('\n').to_owned())
}

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

    /// A picture of a code, eight pixels a module.
    fn picture(code: &QrCode) -> Vec<u8> {
        let drawn = code.render::<char>().quiet_zone(true).module_dimensions(8, 8).build();
        let rows = drawn.lines().map(|line| line.chars().collect::<Vec<_>>()).collect::<Vec<_>>();
        let (width, height) = (rows[0].len(), rows.len());
        let picture = image::GrayImage::from_fn(width.try_into().unwrap(), height.try_into().unwrap(), |x, y| {
            image::Luma([if rows[y as usize][x as usize] == ' ' { 255 } else { 0 }])
        });
        let mut png = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
        png.into_inner()
    }

    #[test]
    fn two_decoders_read_a_picture_and_none_reads_a_white_one() {
        let url = "http://192.168.77.1:8765/b#1.AAECAwQFBgc.AAECAwQFBgcICQoLDA0ODw.AAECAwQFBgcICQoLDA0ODw";
        let png = picture(&QrCode::new(url).unwrap());
        assert_eq!(read_png(&png).unwrap(), url);
        assert_eq!(zbar(&png).unwrap(), url);
        let mut white = std::io::Cursor::new(Vec::new());
        image::GrayImage::from_pixel(200, 200, image::Luma([255]))
            .write_to(&mut white, image::ImageFormat::Png)
            .unwrap();
        read_png(white.get_ref()).unwrap_err();
        zbar(white.get_ref()).unwrap_err();
    }

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
