//! One connection to the API that is kept open: requests and answers, without more of HTTP than our server says.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// A crowd on two processors takes its time.
const PATIENCE: Duration = Duration::from_secs(60);

/// An open connection.
pub struct Conversation {
    stream: BufReader<UnixStream>,
}

impl Conversation {
    /// Connects.
    pub fn open(socket: &Path) -> Result<Self> {
        let stream =
            UnixStream::connect(socket).with_context(|| format!("cannot connect to {}", socket.display()))?;
        stream.set_read_timeout(Some(PATIENCE)).context("cannot set a time limit")?;
        Ok(Conversation { stream: BufReader::new(stream) })
    }

    /// Reads something.
    pub fn get(&mut self, path: &str) -> Result<Vec<u8>> {
        self.send("GET", path, "")
    }

    /// Sends a request; an answer that is not a success is an error that holds it.
    pub fn send(&mut self, method: &str, path: &str, body: &str) -> Result<Vec<u8>> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut request = head.into_bytes();
        request.extend_from_slice(body.as_bytes());
        self.stream.get_mut().write_all(&request).context("cannot send")?;
        let status = self.line()?;
        let mut length = 0;
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().context("bad Content-Length")?;
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).context("the answer is cut off")?;
        ensure!(
            status.split(' ').nth(1).is_some_and(|code| code.starts_with('2')),
            "{method} {path}: {status}: {}",
            String::from_utf8_lossy(&answer)
        );
        Ok(answer)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let length = self.stream.read_line(&mut line).context("no answer")?;
        ensure!(length > 0, "the server closed the connection");
        Ok(line.trim_end().to_owned())
    }
}
