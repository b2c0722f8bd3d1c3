//! The client against a service on loopback, good and bad.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::*;

/// Long enough for a machine under load where an answer is awaited; where none comes, this is what the test takes.
pub(crate) const PATIENCE: Patience = Patience {
    exchange: Duration::from_secs(20),
    question: Duration::from_secs(60),
    first_pause: Duration::from_millis(1),
    longest_pause: Duration::from_millis(5),
};

/// With these a service that does not answer is given up soon.
const HASTE: Patience = Patience {
    exchange: Duration::from_millis(50),
    question: Duration::from_millis(200),
    first_pause: Duration::from_millis(1),
    longest_pause: Duration::from_millis(20),
};

/// What a service does with a connection: method and path in, the bytes to send out; none keeps the connection open and says nothing.
type Behaviour = Box<dyn FnMut(&str, &str) -> Option<Vec<u8>> + Send>;

/// A service on loopback, until dropped.
pub(crate) struct Service {
    pub(crate) at: SocketAddr,
    /// The first line, and the value of the token's header, of each question.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    pub(crate) fn start(mut behaviour: Behaviour) -> Service {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let at = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let question = header(&mut stream);
                // The connection that ends the service asks nothing.
                let Some(first) = question.lines().next() else { return };
                let mut words = first.split(' ');
                let (method, path) = (words.next().unwrap(), words.next().unwrap());
                let token = question.lines().find_map(|line| line.strip_prefix("x-aws-ec2-metadata-token"));
                log.lock().unwrap().push(format!("{method} {path}{}", token.unwrap_or_default()));
                match behaviour(method, path) {
                    // Whoever hears enough hangs up in the middle: no failure of ours.
                    Some(bytes) => drop(stream.write_all(&bytes)),
                    None => drop(stream.read(&mut [0])),
                }
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
        Service { at, asked, thread: Some(thread) }
    }

    /// One that has these paths, and gives the token `TOKEN`.
    pub(crate) fn with(paths: &[(&str, &str)]) -> Service {
        let paths: BTreeMap<String, String> =
            paths.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Service::start(Box::new(move |method, path| {
            Some(match (method, paths.get(path)) {
                ("PUT", _) => ok(b"TOKEN"),
                (_, Some(text)) => ok(text.as_bytes()),
                (_, None) => status(404),
            })
        }))
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(TcpStream::connect(self.at));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn header(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        bytes.push(byte[0]);
    }
    String::from_utf8(bytes).unwrap()
}

fn ok(body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

fn status(status: u16) -> Vec<u8> {
    format!("HTTP/1.1 {status} X\r\nLocation: http://198.51.100.1/\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

fn ask(endpoints: &[SocketAddr], patience: Patience) -> Result<Option<Vec<u8>>, MetadataError> {
    Metadata::new(endpoints.to_vec(), patience)?.get("/latest/user-data", 100)
}

/// A port on loopback where nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

#[test]
fn each_question_carries_a_token_and_one_token_serves_them_all() {
    let service = Service::with(&[("/latest/user-data", "settings.motd = 'x'"), ("/b", "")]);
    let mut metadata = Metadata::new(vec![service.at], PATIENCE).unwrap();
    assert_eq!(metadata.get("/latest/user-data", 100).unwrap().unwrap(), b"settings.motd = 'x'");
    assert_eq!(metadata.get("/b", 100).unwrap().unwrap(), b"");
    assert_eq!(metadata.get("/none", 100).unwrap(), None, "404 is none");
    let asked = [
        "PUT /latest/api/token-ttl-seconds: 300",
        "GET /latest/user-data: TOKEN",
        "GET /b: TOKEN",
        "GET /none: TOKEN",
    ];
    assert_eq!(service.asked(), asked);
}

#[test]
fn a_token_that_ended_is_asked_for_again() {
    let mut tokens = 0;
    let service = Service::start(Box::new(move |method, path| {
        tokens += usize::from(method == "PUT");
        Some(match (method, path) {
            ("PUT", _) => ok(format!("T{tokens}").as_bytes()),
            ("GET", "/first") => ok(b"1"),
            _ if tokens == 1 => status(401),
            _ => ok(b"2"),
        })
    }));
    let mut metadata = Metadata::new(vec![service.at], PATIENCE).unwrap();
    assert_eq!(metadata.get("/first", 10).unwrap().unwrap(), b"1");
    assert_eq!(metadata.get("/second", 10).unwrap().unwrap(), b"2");
    assert_eq!(
        service.asked()[2..],
        ["GET /second: T1", "PUT /latest/api/token-ttl-seconds: 300", "GET /second: T2"]
    );
}

#[test]
fn a_service_that_never_takes_its_tokens_is_given_up() {
    let service =
        Service::start(Box::new(|method, _| Some(if method == "PUT" { ok(b"T") } else { status(401) })));
    let failed = ask(&[service.at], HASTE).unwrap_err();
    assert!(matches!(failed, MetadataError::Unanswered { .. }), "{failed:?}");
}

#[test]
fn what_passes_is_waited_for() {
    for failure in [
        status(503),
        status(500),
        status(429),
        b"garbage\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut".to_vec(),
        Vec::new(),
        ok(b""),
        ok(b"two\nlines"),
    ] {
        for failing in ["PUT", "GET"] {
            // An empty or odd body is an answer to GET, and no token.
            if failing == "GET" && failure.starts_with(b"HTTP/1.1 200 OK") && !failure.ends_with(b"cut") {
                continue;
            }
            let (mut left, failure) = (3, failure.clone());
            let service = Service::start(Box::new(move |method, _| {
                if method == failing && left > 0 {
                    left -= 1;
                    return Some(failure.clone());
                }
                Some(ok(if method == "PUT" { b"T" } else { b"text" }))
            }));
            assert_eq!(ask(&[service.at], PATIENCE).unwrap().unwrap(), b"text", "{failing}");
        }
    }
}

#[test]
fn what_does_not_pass_is_not_asked_again() {
    for (code, said) in [
        (302, "redirects are not followed"),
        (307, "redirects"),
        (403, "turned off"),
        (400, "status 400"),
        (204, "status 204"),
    ] {
        for failing in ["PUT", "GET"] {
            let service = Service::start(Box::new(move |method, _| {
                Some(if method == failing { status(code) } else { ok(b"T") })
            }));
            let failed = ask(&[service.at], PATIENCE).unwrap_err();
            assert!(files::chain(&failed).contains(said), "{code}: {}", files::chain(&failed));
            assert_eq!(service.asked().iter().filter(|line| line.starts_with(failing)).count(), 1, "{code}");
        }
    }
}

#[test]
fn a_huge_answer_is_refused_however_it_says_its_length() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let bodies = [
        ok(&[b'x'; 101]),
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\nx".to_vec(),
        [chunked, b"80\r\n".to_vec(), vec![b'x'; 128], b"\r\n0\r\n\r\n".to_vec()].concat(),
        [b"HTTP/1.0 200 OK\r\n\r\n".to_vec(), vec![b'x'; 1 << 20]].concat(),
    ];
    for body in bodies {
        let service = Service::start(Box::new(move |method, _| {
            Some(if method == "PUT" { ok(b"T") } else { body.clone() })
        }));
        let failed = ask(&[service.at], PATIENCE).unwrap_err();
        assert!(matches!(failed, MetadataError::Refused(_)), "{failed:?}");
        assert!(files::chain(&failed).ends_with("it sends more than 100 bytes"), "{}", files::chain(&failed));
    }
    let service = Service::with(&[("/latest/user-data", &"x".repeat(100))]);
    assert_eq!(ask(&[service.at], PATIENCE).unwrap().unwrap().len(), 100);
}

#[test]
fn a_header_without_end_is_refused() {
    let service = Service::start(Box::new(|_, _| {
        Some([b"HTTP/1.1 200 OK\r\n".to_vec(), b"X: y\r\n".repeat(100_000)].concat())
    }));
    let failed = ask(&[service.at], HASTE).unwrap_err();
    assert!(matches!(failed, MetadataError::Unanswered { .. }), "{failed:?}");
}

#[test]
fn a_service_that_says_nothing_or_half_of_it_is_given_up_at_the_deadline() {
    for half in
        [None, Some(&b"HTTP/1.1 200 OK\r\n"[..]), Some(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")]
    {
        // The listener's queue takes connections that nobody ever serves; where there is a half answer, it comes and no end.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let at = listener.local_addr().unwrap();
        let server = half.map(|half| {
            std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                header(&mut stream);
                stream.write_all(half).unwrap();
                // Until the client hangs up.
                drop(stream.read(&mut [0]));
                drop(listener);
            })
        });
        let failed = ask(&[at], HASTE).unwrap_err();
        let MetadataError::Unanswered { last, .. } = &failed else { panic!("{failed:?}") };
        assert!(files::chain(last).contains(&at.to_string()), "{last:?}");
        if let Some(server) = server {
            server.join().unwrap();
        }
    }
}

#[test]
fn the_second_endpoint_answers_when_the_first_is_not_there() {
    let service = Service::with(&[("/latest/user-data", "x"), ("/more", "y")]);
    let mut metadata = Metadata::new(vec![nobody(), service.at], PATIENCE).unwrap();
    assert_eq!(metadata.get("/latest/user-data", 9).unwrap().unwrap(), b"x");
    assert_eq!(metadata.get("/more", 9).unwrap().unwrap(), b"y");
    let failed = ask(&[nobody()], HASTE).unwrap_err();
    let text = files::chain(&failed);
    assert!(
        text.starts_with("the metadata service did not answer in ") && text.contains("127.0.0.1:"),
        "{text}"
    );
}
