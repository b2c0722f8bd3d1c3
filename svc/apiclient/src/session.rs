//! What every command works with: the way to the server, and where to print.

use std::ffi::OsString;
use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::show::{Style, clean_lines, pretty};
use crate::transport::{Answer, Ask, Client};

/// What the program sees besides the server; a test has its own.
pub struct World<'w> {
    /// Environment variables.
    pub environment: &'w dyn Fn(&str) -> Option<OsString>,
    /// Standard input.
    pub stdin: &'w mut dyn Read,
    /// Standard output is a terminal.
    pub terminal: bool,
}

/// One run of one command.
pub struct Session<'s> {
    /// The way to the server.
    pub client: Client,
    /// Standard input.
    pub stdin: &'s mut dyn Read,
    /// Programs read the output.
    pub json: bool,
    /// Colours, or none.
    pub style: Style,
    /// Standard output is a terminal.
    pub terminal: bool,
    /// `$SSL_CERT_FILE`: authorities of the web, for sources.
    pub web_authorities: Option<std::path::PathBuf>,
    /// How long any one answer may take.
    pub limit: std::time::Duration,
    pub(crate) out: &'s mut dyn Write,
    pub(crate) err: &'s mut dyn Write,
}

impl Session<'_> {
    /// Asks; anything but success is a failure.
    pub async fn ask(&self, ask: Ask) -> Result<Answer, Failure> {
        let answer = self.client.ask(ask).await?;
        if answer.is_good() { Ok(answer) } else { Err(Failure::refused(answer)) }
    }

    /// Asks, prints the answer for programs if they are to read it, and else returns it for people.
    pub async fn show<T: DeserializeOwned>(&mut self, ask: Ask) -> Result<Option<T>, Failure> {
        let answer = self.ask(ask).await?;
        if self.json {
            self.print_json(&answer)?;
            return Ok(None);
        }
        read(&answer).map(Some)
    }

    /// Asks for something that the command itself needs.
    pub async fn learn<T: DeserializeOwned>(&self, ask: Ask) -> Result<T, Failure> {
        read(&self.ask(ask).await?)
    }

    /// Prints an answer for programs.
    pub fn print_json(&mut self, answer: &Answer) -> Result<(), Failure> {
        let value: serde_json::Value = read(answer)?;
        self.print_value(&value)
    }

    /// Prints JSON. What a terminal would obey in it is escaped, for JSON itself leaves some of that alone.
    pub fn print_value(&mut self, value: &serde_json::Value) -> Result<(), Failure> {
        let text = pretty(value);
        match self.terminal {
            true => self.print(&clean_lines(&text)),
            false => self.print(&text),
        }
    }

    /// Prints JSON on one line of its own, for programs that read line by line.
    pub fn print_line(&mut self, value: &serde_json::Value) -> Result<(), Failure> {
        let text = format!("{value}\n");
        match self.terminal {
            true => self.print(&clean_lines(&text)),
            false => self.print(&text),
        }
    }

    /// Prints text that is ours or cleaned.
    pub fn print(&mut self, text: &str) -> Result<(), Failure> {
        self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()).map_err(Failure::Output)
    }

    /// Prints bytes that nobody looked at: a program asked for them.
    pub fn print_bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self.terminal {
            true => self.print(&clean_lines(&String::from_utf8_lossy(bytes))),
            false => self.out.write_all(bytes).and_then(|()| self.out.flush()).map_err(Failure::Output),
        }
    }

    /// Says something beside the output.
    pub fn note(&mut self, text: &str) {
        // A reader of stderr that went away does not change what was done.
        let _ = writeln!(self.err, "apiclient: {text}");
    }

    /// Standard input, whole.
    pub fn read_stdin(&mut self, limit: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.stdin.take(limit as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > limit {
            return Err(io::Error::other(format!("longer than {limit} bytes")));
        }
        Ok(bytes)
    }
}

/// The answer as what the API promises.
pub fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, Failure> {
    serde_json::from_slice(&answer.body)
        .map_err(|err| Failure::Answer { asked: answer.asked.clone(), why: err.to_string() })
}
