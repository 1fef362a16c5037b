//! The bytes of an extract on their way to the parser: no row may grow without end, whatever a stray
//! quote does; other encodings become UTF-8, and every line end, the last one too, a line feed.

use std::io::{self, Read};

/// The largest row, in bytes as they stand in the file. The parser reads ahead a little.
pub(super) const ROW_BYTES_MAX: usize = 1 << 20;

/// How an extract's text is encoded.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// Windows-1252, which has the letters of ISO 8859-1 (Latin-1) at the same places.
    Windows1252,
}

/// A reader that stops where one row takes too much, and counts what it has read.
pub(super) struct Bounded<'a> {
    inner: Box<dyn Read + 'a>,
    encoding: Encoding,
    left: usize,
    read: u64,
    /// The last byte of the file so far; nothing before the first.
    last: Option<u8>,
    /// Whoever reads was told that this is the end.
    has_ended: bool,
}

impl<'a> Bounded<'a> {
    pub(super) fn new(inner: Box<dyn Read + 'a>, encoding: Encoding) -> Self {
        Self { inner, encoding, left: ROW_BYTES_MAX, read: 0, last: None, has_ended: false }
    }

    /// A row has ended: the next one may take as much.
    pub(super) const fn refill(&mut self) {
        self.left = ROW_BYTES_MAX;
    }

    /// Tells whether a row took too much.
    pub(super) const fn is_exhausted(&self) -> bool {
        self.left == 0
    }

    /// Tells whether all was read, and the end too. A row is over at its line end, before that: one that
    /// needed the end of the file has a quote open.
    pub(super) const fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Returns how many bytes of the file were read.
    pub(super) const fn bytes_read(&self) -> u64 {
        self.read
    }
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.is_exhausted() {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a row without end"));
            }
            let wanted = match self.encoding {
                Encoding::Utf8 => buffer.len(),
                // A character becomes three bytes at most.
                Encoding::Windows1252 => buffer.len() / 3,
            };
            let window = buffer.get_mut(..wanted.min(self.left)).unwrap_or_default();
            let count = self.inner.read(window)?;
            self.left = self.left.saturating_sub(count);
            self.read += u64::try_from(count).unwrap_or(0);
            if count == 0 {
                return Ok(self.end(buffer));
            }
            let kept = self.end_lines(buffer, count);
            // A line feed alone, behind the carriage return of the part before, is not the end of the file.
            if kept > 0 {
                return Ok(match self.encoding {
                    Encoding::Utf8 => kept,
                    Encoding::Windows1252 => spell_out(buffer, kept),
                });
            }
        }
    }
}

impl Bounded<'_> {
    /// Gives the last line its end, once, if it has none.
    fn end(&mut self, buffer: &mut [u8]) -> usize {
        let is_open = self.last.is_some_and(|last| !matches!(last, b'\n' | b'\r'));
        match buffer.first_mut().filter(|_| is_open) {
            Some(place) => {
                *place = b'\n';
                self.last = Some(b'\n');
                1
            }
            None => {
                self.has_ended = true;
                0
            }
        }
    }

    /// Makes line feeds of all line ends in the first `count` bytes; returns how many it are then.
    fn end_lines(&mut self, buffer: &mut [u8], count: usize) -> usize {
        let mut kept = 0;
        for place in 0..count {
            let Some(byte) = buffer.get(place).copied() else { break };
            let belongs_to_last = byte == b'\n' && self.last == Some(b'\r');
            self.last = Some(byte);
            if belongs_to_last {
                continue;
            }
            if let Some(place) = buffer.get_mut(kept) {
                *place = if byte == b'\r' { b'\n' } else { byte };
            }
            kept += 1;
        }
        kept
    }
}

/// Turns the first `count` bytes of the buffer, which are Windows-1252, into UTF-8 at the same place;
/// returns how many it are then.
fn spell_out(buffer: &mut [u8], count: usize) -> usize {
    let text: String = buffer.iter().take(count).map(|byte| letter(*byte)).collect();
    buffer.iter_mut().zip(text.bytes()).for_each(|(place, byte)| *place = byte);
    text.len()
}

/// Returns the character of a Windows-1252 byte (WHATWG Encoding Standard, index windows-1252).
fn letter(byte: u8) -> char {
    const FROM_80: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    let place = usize::from(byte).checked_sub(0x80);
    place.and_then(|place| FROM_80.get(place).copied()).unwrap_or(char::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(bytes: &[u8], encoding: Encoding) -> (Vec<u8>, u64) {
        let mut bounded = Bounded::new(Box::new(bytes), encoding);
        let mut all = Vec::new();
        let mut buffer = [0; 7];
        loop {
            match bounded.read(&mut buffer).unwrap() {
                0 => return (all, bounded.bytes_read()),
                count => all.extend_from_slice(&buffer[..count]),
            }
        }
    }

    #[test]
    fn windows_1252_becomes_utf_8_whatever_the_buffer() {
        let (text, read) = read_all(b"S\xf8rensen, \x80 5, O\x92Brien \xff", Encoding::Windows1252);
        assert_eq!(String::from_utf8(text).unwrap(), "Sørensen, € 5, O’Brien ÿ\n");
        assert_eq!(read, 24);
        assert_eq!(read_all("Sørensen".as_bytes(), Encoding::Utf8), ("Sørensen\n".into(), 9));
    }

    #[test]
    fn every_line_ends_with_a_line_feed() {
        for text in ["a\nb\n\nc", "a\r\nb\r\n\r\nc\r\n", "a\rb\r\rc\r", "a\nb\r\rc\r\n"] {
            for encoding in [Encoding::Utf8, Encoding::Windows1252] {
                let (lines, read) = read_all(text.as_bytes(), encoding);
                assert_eq!(lines, b"a\nb\n\nc\n", "{text:?}");
                assert_eq!(read, text.len() as u64);
            }
        }
        assert_eq!(read_all(b"", Encoding::Utf8).0, b"");
    }

    #[test]
    fn what_never_ends_is_read_up_to_the_bound() {
        let mut bounded = Bounded::new(Box::new(io::repeat(b'x')), Encoding::Utf8);
        let read = io::copy(&mut bounded, &mut io::sink());
        read.expect_err("without end");
        assert_eq!(bounded.bytes_read(), ROW_BYTES_MAX as u64);
        bounded.refill();
        assert!(!bounded.is_exhausted());
    }
}
