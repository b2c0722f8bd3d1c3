//! Bytes of a service into lines of a log.
//!
//! Holds always: a line has no control characters, is valid UTF-8, and is no longer than [`TEXT_MAX`] bytes of
//! input (four times that when every byte has to be escaped); no input makes a splitter hold more than that.

/// Longest piece of one line, in bytes as written by the service. A longer line becomes several, so that a service
/// which never ends its line cannot take memory, and nothing is lost.
pub const TEXT_MAX: usize = 4096;

/// One stream's unfinished line.
#[derive(Debug, Default)]
pub struct Splitter {
    held: Vec<u8>,
}

impl Splitter {
    /// Takes what was read and calls `emit` with each line that is complete now, escaped.
    pub fn feed(&mut self, bytes: &[u8], emit: &mut impl FnMut(&str)) {
        let mut lines = bytes.split(|&byte| byte == b'\n').peekable();
        while let Some(mut rest) = lines.next() {
            // Cut only when more of the line follows: one that ends exactly at the limit is whole.
            while self.held.len() + rest.len() > TEXT_MAX {
                let (piece, more) = rest.split_at(TEXT_MAX - self.held.len());
                self.held.extend_from_slice(piece);
                self.finish(emit);
                rest = more;
            }
            self.held.extend_from_slice(rest);
            if lines.peek().is_some() {
                self.finish(emit);
            }
        }
    }

    /// The stream has ended: what is left is a line too.
    pub fn end(&mut self, emit: &mut impl FnMut(&str)) {
        if !self.held.is_empty() {
            self.finish(emit);
        }
    }

    fn finish(&mut self, emit: &mut impl FnMut(&str)) {
        // Programs that think they write to a terminal end lines with \r\n.
        let line = self.held.strip_suffix(b"\r").unwrap_or(&self.held);
        emit(&escape(line));
        self.held.clear();
    }
}

/// Makes bytes harmless in a log and on a terminal: control characters and bytes that are not UTF-8 become `\xNN`.
///
/// A backslash stays as it is: readers are people, and `\x1b` in the text of a program is harmless too.
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\t' => text.push(letter),
                _ if letter.is_control() => {
                    let mut units = [0; 4];
                    push_hex(&mut text, letter.encode_utf8(&mut units).as_bytes());
                }
                _ => text.push(letter),
            }
        }
        push_hex(&mut text, chunk.invalid());
    }
    text
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push_str("\\x");
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

#[cfg(test)]
mod tests {
    use super::{Splitter, TEXT_MAX, escape};

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut splitter = Splitter::default();
        for chunk in chunks {
            splitter.feed(chunk, &mut |line| lines.push(line.to_owned()));
        }
        splitter.end(&mut |line| lines.push(line.to_owned()));
        lines
    }

    #[test]
    fn lines_come_out_whole_however_they_were_cut() {
        let text = b"one\n\ntwo\r\nthree".as_slice();
        let want = lines(&[text]);
        assert_eq!(want, ["one", "", "two", "three"]);
        for cut in 0..=text.len() {
            assert_eq!(lines(&[&text[..cut], &text[cut..]]), want, "cut at {cut}");
        }
    }

    #[test]
    fn a_line_without_end_comes_in_pieces_and_nothing_is_lost() {
        let long = vec![b'x'; 3 * TEXT_MAX + 7];
        let pieces = lines(&[&long]);
        assert_eq!(pieces.iter().map(String::len).collect::<Vec<_>>(), [TEXT_MAX, TEXT_MAX, TEXT_MAX, 7]);
        let mut splitter = Splitter::default();
        splitter.feed(&vec![b'x'; 100 * TEXT_MAX + 5], &mut |_| {});
        assert!(splitter.held.capacity() <= 2 * TEXT_MAX);
    }

    #[test]
    fn a_line_of_exactly_the_limit_is_one_line() {
        let mut exact = vec![b'x'; TEXT_MAX];
        exact.push(b'\n');
        exact.extend_from_slice(b"next\n");
        let found = lines(&[&exact]);
        assert_eq!(found.iter().map(String::len).collect::<Vec<_>>(), [TEXT_MAX, 4]);
    }

    #[test]
    fn control_characters_and_broken_text_become_visible() {
        assert_eq!(escape("a\0b\x1b[2Jc\tä\u{85}".as_bytes()), "a\\x00b\\x1b[2Jc\tä\\xc2\\x85");
        assert_eq!(escape(b"\xff\xfeok\xc3"), "\\xff\\xfeok\\xc3");
    }
}
