//! A shortcut of Windows (`.lnk`): what it starts, read off its bytes as [MS-SHLLINK] has them. Nothing is looked up, so what only the shell could find is not
//! found: a program of the store, a file of another computer.

const SIZE: u32 = 0x4c;
const CLASS: [u8; 16] = [1, 0x14, 2, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46];

const HAS_ID_LIST: u32 = 1;
const HAS_LINK_INFO: u32 = 1 << 1;
const HAS_ARGUMENTS: u32 = 1 << 5;
/// A description, a relative path, a working folder, the arguments, an icon: in this order.
const STRINGS: [u32; 5] = [1 << 2, 1 << 3, 1 << 4, HAS_ARGUMENTS, 1 << 6];
const IS_UNICODE: u32 = 1 << 7;

/// In a link's information: it tells of a file of this computer.
const IS_LOCAL: u32 = 1;
/// The size of its head from which on it has its paths in Unicode too.
const WITH_UNICODE: u32 = 0x24;
/// What else may follow: a path with variables.
const ENVIRONMENT: u32 = 0xa000_0001;
const ANSI_PATH: usize = 260;

/// What a shortcut starts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shortcut {
    /// The program or the script; it may have variables in it.
    pub(super) target: String,
    /// As one line.
    pub(super) arguments: String,
}

impl Shortcut {
    /// `ansi`: text in the code page of this Windows.
    pub(super) fn read(bytes: &[u8], ansi: impl Fn(&[u8]) -> Option<String>) -> Option<Self> {
        let mut rest = Rest(bytes);
        if rest.number()? != SIZE || rest.take(CLASS.len())? != CLASS {
            return None;
        }
        let flags = rest.number()?;
        // Attributes, times, an icon, a key.
        rest.take(0x4c - 24)?;
        if flags & HAS_ID_LIST != 0 {
            let length = rest.short()?;
            rest.take(length.into())?;
        }
        let mut target = None;
        if flags & HAS_LINK_INFO != 0 {
            let length = rest.clone().number()?;
            target = local_path(rest.take(usize::try_from(length).ok()?)?, &ansi);
        }
        let mut arguments = String::new();
        for string in STRINGS.into_iter().filter(|string| flags & string != 0) {
            let letters = usize::from(rest.short()?);
            let text = if flags & IS_UNICODE != 0 { wide(rest.take(letters * 2)?) } else { ansi(rest.take(letters)?)? };
            if string == HAS_ARGUMENTS {
                arguments = text;
            }
        }
        let target = target.or_else(|| with_variables(rest))?;
        Some(Self { target, arguments })
    }
}

/// Numbers have their low byte first.
#[derive(Clone)]
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn short(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }
}

/// The path in a link's information: its beginning, and what follows it.
fn local_path(info: &[u8], ansi: &impl Fn(&[u8]) -> Option<String>) -> Option<String> {
    let number = |at: usize| Rest(info.get(at..)?).number();
    let from = |at: usize| info.get(usize::try_from(number(at)?).ok()?..);
    if number(8)? & IS_LOCAL == 0 {
        return None;
    }
    let narrow = |at: usize| {
        let bytes = from(at)?;
        let text = &bytes[..bytes.iter().position(|byte| *byte == 0)?];
        if text.is_empty() { Some(String::new()) } else { ansi(text) }
    };
    let unicode = |at: usize| from(at).filter(|_| number(4).is_some_and(|head| head >= WITH_UNICODE)).map(wide);
    let path = unicode(28).or_else(|| narrow(16))? + &unicode(32).or_else(|| narrow(24)).unwrap_or_default();
    (!path.is_empty()).then_some(path)
}

/// The path among what follows.
fn with_variables(mut rest: Rest<'_>) -> Option<String> {
    loop {
        let length = usize::try_from(rest.clone().number()?).ok()?;
        let mut block = Rest(rest.take(length)?);
        block.number()?;
        if block.number()? == ENVIRONMENT {
            block.take(ANSI_PATH)?;
            return Some(wide(block.0)).filter(|path| !path.is_empty());
        }
    }
}

/// To the first zero.
fn wide(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let units = units.take_while(|unit| *unit != 0);
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn head(flags: u32) -> Vec<u8> {
        let mut bytes = SIZE.to_le_bytes().to_vec();
        bytes.extend(CLASS);
        bytes.extend(flags.to_le_bytes());
        bytes.resize(SIZE as usize, 0);
        bytes
    }

    fn string(text: &str) -> Vec<u8> {
        let letters = u16::try_from(text.encode_utf16().count()).unwrap();
        letters.to_le_bytes().into_iter().chain(utf16(text)).collect()
    }

    /// A link's information with both forms of the path, of which the narrow one is not the whole truth.
    fn info(narrow: &[u8], unicode: Option<&str>) -> Vec<u8> {
        let head = if unicode.is_some() { WITH_UNICODE } else { 0x1c };
        let mut paths = narrow.to_vec();
        paths.extend([0, 0]);
        let suffix = head + u32::try_from(narrow.len()).unwrap() + 1;
        let wide_at = suffix + 1;
        let mut offsets = vec![head, 0, suffix];
        if let Some(unicode) = unicode {
            paths.extend(utf16(unicode));
            paths.extend([0, 0, 0, 0]);
            offsets.extend([wide_at, wide_at + u32::try_from(utf16(unicode).len()).unwrap() + 2]);
        }
        let numbers = [head, IS_LOCAL, 0].into_iter().chain(offsets).flat_map(u32::to_le_bytes);
        let body: Vec<u8> = numbers.chain(paths).collect();
        let length = u32::try_from(body.len() + 4).unwrap();
        length.to_le_bytes().into_iter().chain(body).collect()
    }

    /// Made after the description of the format, with everything that may lie before the arguments.
    pub(in crate::os::windows) fn made(target: &str, arguments: &str) -> Vec<u8> {
        let mut bytes = head(HAS_ID_LIST | HAS_LINK_INFO | IS_UNICODE | STRINGS.iter().sum::<u32>());
        bytes.extend([4, 0, 9, 9, 9, 9]);
        bytes.extend(info(b"C:\\?", Some(target)));
        for text in ["a description", r"..\x", r"C:\work", arguments, r"C:\x.ico"] {
            bytes.extend(string(text));
        }
        bytes.extend([0; 4]);
        bytes
    }

    fn ansi(bytes: &[u8]) -> Option<String> {
        Some(String::from_utf8_lossy(bytes).replace('?', "李"))
    }

    #[test]
    fn the_target_and_the_arguments_are_read_whatever_lies_between() {
        let read = Shortcut::read(&made(r"C:\小李\node.exe", r#""C:\a b\index.js" gateway"#), ansi);
        let (target, arguments) = (r"C:\小李\node.exe".into(), r#""C:\a b\index.js" gateway"#.into());
        assert_eq!(read, Some(Shortcut { target, arguments }));
    }

    #[test]
    fn a_path_in_the_code_page_of_the_system_is_read_by_that() {
        let mut bytes = head(HAS_LINK_INFO);
        bytes.extend(info(b"C:\\?\\gateway.cmd", None));
        let read = Shortcut::read(&bytes, ansi);
        assert_eq!(read, Some(Shortcut { target: r"C:\李\gateway.cmd".into(), arguments: String::new() }));
    }

    #[test]
    fn a_path_with_variables_is_found_behind_what_else_follows() {
        let mut bytes = head(HAS_ARGUMENTS | IS_UNICODE);
        bytes.extend(string("gateway"));
        bytes.extend([12, 0, 0, 0, 2, 0, 0, 0xa0, 7, 7, 7, 7]);
        let mut path = utf16(r"%APPDATA%\npm\openclaw.cmd");
        path.resize(ANSI_PATH * 2, 0);
        bytes.extend(0x314_u32.to_le_bytes());
        bytes.extend(ENVIRONMENT.to_le_bytes());
        bytes.extend([0; ANSI_PATH]);
        bytes.extend(path);
        bytes.extend([0; 4]);
        let read = Shortcut::read(&bytes, ansi).unwrap();
        assert_eq!((read.target.as_str(), read.arguments.as_str()), (r"%APPDATA%\npm\openclaw.cmd", "gateway"));
    }

    #[test]
    fn what_is_no_shortcut_or_ends_too_early_is_nothing() {
        let whole = made(r"C:\node.exe", "gateway");
        let arguments_end = whole.len() - 4 - string(r"C:\x.ico").len();
        for length in 0..arguments_end {
            assert_eq!(Shortcut::read(&whole[..length], ansi), None, "{length}");
        }
        let mut other = whole.clone();
        other[4] = 2;
        assert_eq!(Shortcut::read(&other, ansi), None);
        let mut far = whole;
        let info = SIZE as usize + 6;
        far[info + 28..info + 32].copy_from_slice(&u32::MAX.to_le_bytes());
        far[info + 16..info + 20].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Shortcut::read(&far, ansi), None);
        assert_eq!(Shortcut::read(&head(0), ansi), None, "it names nothing");
    }
}
