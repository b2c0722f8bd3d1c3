//! The least HTTP that a client needs, so that a test says every byte it sends.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::Value;

use crate::server::PATIENCE;

/// One request.
#[derive(Clone)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Self {
        Request { method: method.into(), target: target.into(), headers: Vec::new(), body: None }
    }

    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.into(), value.to_string()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut text =
            format!("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = &self.body {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        text += "\r\n";
        let mut bytes = text.into_bytes();
        bytes.extend(self.body.iter().flatten());
        bytes
    }

    /// Sends it over a connection of its own and takes the whole answer.
    pub fn send(&self, socket: &Path) -> Answer {
        Answer::parse(&raw(socket, &self.bytes()))
    }

    /// Sends it and leaves the connection open to read from: events.
    pub fn open(&self, socket: &Path) -> Events {
        let mut stream = connect(socket);
        stream.write_all(&self.bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut status = String::new();
        reader.read_line(&mut status).unwrap();
        assert!(status.starts_with("HTTP/1.1 200"), "{status}");
        Events { reader, last_id: None }
    }
}

pub fn connect(socket: &Path) -> UnixStream {
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends these bytes and takes all that comes until the server closes.
pub fn raw(socket: &Path, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(socket);
    // A server that refuses early closes while we still send: what it said counts.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// One answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    pub fn parse(bytes: &[u8]) -> Self {
        let split = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let split = split.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
        let head = str::from_utf8(&bytes[..split]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_lowercase(), value.to_owned())
        });
        Answer { status, headers: headers.collect(), body: bytes[split + 4..].to_vec() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|err| panic!("{err}: {} {}", self.status, self.text()))
    }

    /// The answer, if it is of this status.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// The paths of everything that is wrong.
    #[track_caller]
    pub fn paths(&self) -> Vec<String> {
        let json = self.json();
        json["problems"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| one["path"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// Server-sent events, as they come.
pub struct Events {
    reader: BufReader<UnixStream>,
    last_id: Option<String>,
}

impl Events {
    /// The next event: its name and data. None: the server ended them.
    pub fn next(&mut self) -> Option<(String, Value)> {
        let (mut event, mut line) = (None, String::new());
        loop {
            line.clear();
            // The lines between events that are neither are the sizes of HTTP's chunks.
            if self.reader.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some(name) = line.strip_prefix("event: ") {
                event = Some(name.trim().to_owned());
            } else if let Some(id) = line.strip_prefix("id: ") {
                self.last_id = Some(id.trim().to_owned());
            } else if let Some(data) = line.strip_prefix("data: ") {
                return Some((event.take().unwrap(), serde_json::from_str(data).unwrap()));
            }
        }
    }

    /// The number to come back with.
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// The next event of this name.
    pub fn next_of(&mut self, name: &str) -> Value {
        loop {
            let (event, data) = self.next().unwrap();
            if event == name {
                return data;
            }
        }
    }
}
