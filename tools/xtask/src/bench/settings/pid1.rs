//! A PID 1 without units: the server asks it, as on a host, and nothing is ever restarted.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use anyhow::{Context as _, Result};
use supervise::control::{Answer, Refusal, Request};

/// Answers on the socket for as long as this program runs.
pub fn listen(socket: &Path) -> Result<()> {
    let listener =
        UnixListener::bind(socket).with_context(|| format!("cannot listen on {}", socket.display()))?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || converse(&stream));
        }
    });
    Ok(())
}

fn converse(stream: &UnixStream) {
    let mut writer = stream;
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        let answer = match Request::from_line(line.as_bytes()) {
            Ok(Request::List {}) => Answer::Units { units: Vec::new() },
            _ => Answer::Refused { refusal: Refusal::Unknown },
        };
        if writer.write_all(answer.to_line().as_bytes()).is_err() {
            return;
        }
    }
}
