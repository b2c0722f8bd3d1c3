//! Server-sent events, as the HTML standard has them (9.2.6): lines, an empty one ends an event.
//!
//! Holds always: any bytes in any pieces give the same events; a line or event beyond its limit is an error, not memory.

/// Longest event. A log line has at most some KiB.
const EVENT_BYTES: usize = 4 << 20;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// Its kind; `message` when it names none.
    pub kind: String,
    /// What it says.
    pub data: String,
}

/// An event that is longer than any server of ours sends.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLong;

/// Puts events together from pieces.
#[derive(Debug, Default)]
pub struct Events {
    line: Vec<u8>,
    kind: String,
    data: Option<String>,
    after_return: bool,
}

impl Events {
    /// Takes the next piece. Returns the events that it ends.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        for &byte in bytes {
            // A line ends with \n, \r or \r\n.
            let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => events.extend(self.end_of_line()),
                byte => self.line.push(byte),
            }
            if self.line.len() + self.data.as_ref().map_or(0, String::len) > EVENT_BYTES {
                return Err(TooLong);
            }
        }
        Ok(events)
    }

    fn end_of_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        if line.is_empty() {
            let kind = std::mem::take(&mut self.kind);
            let kind = if kind.is_empty() { "message".into() } else { kind };
            return self.data.take().map(|data| Event { kind, data });
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.kind = value.to_owned(),
            "data" => match &mut self.data {
                Some(data) => data.extend(["\n", value]),
                None => self.data = Some(value.to_owned()),
            },
            // Comments keep the connection alive; ids and retry times are for browsers.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] =
        b": hello\n\nevent: generation\ndata: {\"a\":\ndata: 1}\n\ndata:x\r\n\r\nevent: lost\n\nid: 3\rdata: \xc3\xbc\r\rdata: unfinished\n";

    fn expected() -> Vec<Event> {
        let event = |kind: &str, data: &str| Event { kind: kind.into(), data: data.into() };
        vec![event("generation", "{\"a\":\n1}"), event("message", "x"), event("message", "ü")]
    }

    #[test]
    fn pieces_of_any_size_give_the_same_events() {
        for size in 1..=STREAM.len() {
            let mut events = Events::default();
            let all: Vec<Event> = STREAM.chunks(size).flat_map(|piece| events.feed(piece).unwrap()).collect();
            assert_eq!(all, expected(), "pieces of {size}");
        }
    }

    #[test]
    fn an_endless_event_is_an_error() {
        let mut events = Events::default();
        let line = [b"data: ".as_slice(), &[b'x'; 1 << 20], b"\n"].concat();
        assert!((0..8).any(|_| events.feed(&line).is_err()));
        let mut events = Events::default();
        assert!((0..8).any(|_| events.feed(&[b'x'; 1 << 20]).is_err()));
    }
}
