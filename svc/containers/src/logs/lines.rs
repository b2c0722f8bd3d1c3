//! Bytes into lines.

/// A longer line is broken: a container that writes no line end must not fill our memory.
const LONGEST: usize = 16 << 10;

/// Collects bytes until there is a line.
#[derive(Debug, Default)]
pub struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Takes bytes, gives every line that is whole by now, without its end.
    pub fn push(&mut self, mut bytes: &[u8], mut each: impl FnMut(&[u8])) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.add(&bytes[..end], &mut each);
            let line = std::mem::take(&mut self.partial);
            each(line.strip_suffix(b"\r").unwrap_or(&line));
            bytes = &bytes[end + 1..];
        }
        self.add(bytes, &mut each);
    }

    /// Gives what came after the last line end.
    pub fn end(&mut self, each: impl FnOnce(&[u8])) {
        if !self.partial.is_empty() {
            each(&std::mem::take(&mut self.partial));
        }
    }

    fn add(&mut self, mut bytes: &[u8], each: &mut impl FnMut(&[u8])) {
        while self.partial.len() + bytes.len() > LONGEST {
            let (now, later) = bytes.split_at(LONGEST - self.partial.len());
            self.partial.extend_from_slice(now);
            each(&std::mem::take(&mut self.partial));
            bytes = later;
        }
        self.partial.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut got) = (Lines::default(), Vec::new());
        let mut keep = |line: &[u8]| got.push(String::from_utf8_lossy(line).into_owned());
        for piece in pieces {
            lines.push(piece, &mut keep);
        }
        lines.end(&mut keep);
        got
    }

    #[test]
    fn lines_do_not_depend_on_how_they_were_cut_into_reads() {
        let text = b"one\r\n\ntwo three\nlast";
        let expected = ["one", "", "two three", "last"];
        assert_eq!(lines(&[text]), expected);
        for at in 0..text.len() {
            assert_eq!(lines(&[&text[..at], &text[at..]]), expected, "cut at {at}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(lines(&bytes), expected);
    }

    #[test]
    fn a_line_without_end_is_broken() {
        let endless = vec![b'x'; LONGEST * 2 + 5];
        let got = lines(&[&endless, b"\n"]);
        assert_eq!(got.iter().map(String::len).collect::<Vec<_>>(), [LONGEST, LONGEST, 5]);
    }
}
