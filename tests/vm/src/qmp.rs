//! QEMU's monitor (QMP): JSON lines over a Unix socket.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::{Error, Result};

/// The monitor answers at once or not at all, unless the host is very busy.
const ANSWER: Duration = Duration::from_secs(60);

/// Connects to a socket in `dir`. Through the directory's descriptor, because a socket's path may have 107 bytes and a
/// checkout may lie deep.
pub(crate) fn connect(dir: &Path, name: &str) -> std::io::Result<UnixStream> {
    let dir = File::open(dir)?;
    UnixStream::connect(format!("/proc/self/fd/{}/{name}", dir.as_raw_fd()))
}

/// A conversation with one QEMU.
#[derive(Debug)]
pub struct Qmp {
    stream: BufReader<UnixStream>,
}

impl Qmp {
    /// Greets a QEMU that listens already.
    pub fn over(stream: UnixStream) -> Result<Self> {
        let timed = stream.set_read_timeout(Some(ANSWER));
        timed.map_err(|err| Error::Monitor { command: "connect".into(), why: err.to_string() })?;
        let mut qmp = Self { stream: BufReader::new(stream) };
        qmp.ask("qmp_capabilities", Value::Null)?;
        Ok(qmp)
    }

    /// Presses the power button.
    pub fn system_powerdown(&mut self) -> Result<()> {
        self.ask("system_powerdown", Value::Null).map(drop)
    }

    /// Pulls the plug and ends QEMU.
    pub fn quit(&mut self) -> Result<()> {
        self.ask("quit", Value::Null).map(drop)
    }

    /// `running`, `shutdown`, `internal-error`, ...
    pub fn query_status(&mut self) -> Result<String> {
        let answer = self.ask("query-status", Value::Null)?;
        Ok(answer["status"].as_str().unwrap_or_default().to_owned())
    }

    /// The host ports that QEMU itself chose for the ports forwarded into the guest, as (host, guest).
    pub fn forwarded_ports(&mut self) -> Result<Vec<(u16, u16)>> {
        let answer = self.ask("human-monitor-command", json!({ "command-line": "info usernet" }))?;
        Ok(parse_usernet(answer.as_str().unwrap_or_default()))
    }

    fn ask(&mut self, command: &str, arguments: Value) -> Result<Value> {
        let mut request = json!({ "execute": command });
        if !arguments.is_null() {
            request["arguments"] = arguments;
        }
        self.exchange(&request).map_err(|why| Error::Monitor { command: command.to_owned(), why })
    }

    fn exchange(&mut self, request: &Value) -> std::result::Result<Value, String> {
        let line = format!("{request}\n");
        self.stream.get_mut().write_all(line.as_bytes()).map_err(|err| err.to_string())?;
        loop {
            let mut line = String::new();
            match self.stream.read_line(&mut line) {
                Ok(0) => return Err("closed".to_owned()),
                Ok(_) => {}
                Err(err) => return Err(err.to_string()),
            }
            let mut answer: Value = serde_json::from_str(&line).map_err(|err| err.to_string())?;
            // The greeting and events come between; only one request is ever open.
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
            if let Some(error) = answer.get("error") {
                return Err(error["desc"].as_str().unwrap_or("refused").to_owned());
            }
        }
    }
}

/// Lines such as `TCP[HOST_FORWARD]  11  127.0.0.1 39897  10.0.2.15  80  0  0`.
fn parse_usernet(table: &str) -> Vec<(u16, u16)> {
    let rows = table.lines().filter(|line| line.contains("[HOST_FORWARD]"));
    rows.filter_map(|row| {
        let words: Vec<&str> = row.split_whitespace().collect();
        Some((words.get(3)?.parse().ok()?, words.get(5)?.parse().ok()?))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_ports_are_read_from_the_monitors_table() {
        let table = "Hub -1 (n0):\r\n  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n  \
                     TCP[HOST_FORWARD]  11       127.0.0.1 39897       10.0.2.15    80     0     0\r\n  \
                     TCP[ESTABLISHED]  12       127.0.0.1 41000       10.0.2.15    80     0     0\r\n";
        assert_eq!(parse_usernet(table), [(39897, 80)]);
    }
}
