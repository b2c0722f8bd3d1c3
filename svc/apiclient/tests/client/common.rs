//! A server that says what a test wants said, and keeps what it was asked; and the program, run in this process.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread::JoinHandle;

use apiclient::World;

/// What one run came to.
#[derive(Debug)]
pub struct Ran {
    pub status: u8,
    pub out: String,
    pub err: String,
}

/// Runs the program with nothing on standard input, and no environment.
pub fn run(words: &[&str]) -> Ran {
    run_in(words, "", false)
}

/// Runs the program.
pub fn run_in(words: &[&str], stdin: &str, terminal: bool) -> Ran {
    let arguments: Vec<OsString> = ["apiclient"].iter().chain(words).map(Into::into).collect();
    let mut out = Vec::new();
    let (status, err) = run_into(&arguments, stdin, terminal, &mut out);
    Ran { status, out: String::from_utf8(out).unwrap(), err }
}

/// Runs the program into somebody's hands. Returns its status and what it says beside its output.
pub fn run_into(arguments: &[OsString], stdin: &str, terminal: bool, out: &mut dyn Write) -> (u8, String) {
    let mut err = Vec::new();
    let mut stdin = stdin.as_bytes();
    let mut world = World { environment: &|_| None, stdin: &mut stdin, terminal };
    let status = apiclient::run(arguments, &mut world, out, &mut err);
    (status, String::from_utf8(err).unwrap())
}

/// A server with one prepared answer per request.
pub struct Fake {
    folder: tempfile::TempDir,
    asked: JoinHandle<Vec<String>>,
}

impl Fake {
    /// Each answer is sent as it is; then the connection is closed.
    pub fn new(answers: Vec<Vec<u8>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("api.sock")).unwrap();
        let asked = std::thread::spawn(move || {
            let serve = |answer: &Vec<u8>| {
                let (mut stream, _) = listener.accept().unwrap();
                let asked = request(&stream);
                // The client may have had enough before the end.
                let _ = stream.write_all(answer);
                asked
            };
            answers.iter().map(serve).collect()
        });
        Self { folder, asked }
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("api.sock")
    }

    /// Runs the program against it. Returns what was asked, too, request by request: head and body.
    pub fn run(self, words: &[&str]) -> (Ran, Vec<String>) {
        self.run_in(words, "", false)
    }

    /// The same with standard input, or a terminal.
    pub fn run_in(self, words: &[&str], stdin: &str, terminal: bool) -> (Ran, Vec<String>) {
        let socket = self.socket();
        let words: Vec<&str> =
            ["-s", socket.to_str().unwrap()].into_iter().chain(words.iter().copied()).collect();
        let ran = run_in(&words, stdin, terminal);
        // Nobody comes any more: those that still wait get an end.
        while !self.asked.is_finished() {
            let _ = UnixStream::connect(&socket);
        }
        (ran, self.asked.join().unwrap())
    }
}

/// Reads a request: head, and as much body as it announces.
fn request(stream: &UnixStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

/// An answer with a body.
pub fn answer(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
