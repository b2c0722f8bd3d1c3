//! Many callers at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Barrier;

use crate::http::{Answer, Request};
use crate::server::{Machine, PATIENCE, many_files, mode, until};

const READERS: usize = 1000;
const COMMITS: u64 = 20;

/// Each commit sets both: a reader that sees one of each saw half a commit.
fn both(number: u64) -> String {
    json!({ "settings": { "motd": number.to_string(), "network": { "hostname": format!("host-{number}") } } })
        .to_string()
}

async fn exchange(stream: &mut UnixStream, request: &[u8]) -> Answer {
    stream.write_all(request).await.unwrap();
    let mut bytes = Vec::new();
    loop {
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "the server closed");
        let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let answer = Answer::parse(&bytes);
        let length: usize = answer.header("content-length").unwrap().parse().unwrap();
        if bytes.len() == head + 4 + length {
            return answer;
        }
    }
}

/// One reader: connects, waits for all others, then reads until the writer has ended. Returns the last generation it saw.
async fn read(
    socket: PathBuf,
    all_there: Arc<Barrier>,
    written: Arc<AtomicBool>,
    reads: Arc<AtomicUsize>,
) -> u64 {
    let mut stream = UnixStream::connect(&socket).await.unwrap();
    let request = b"GET /v1/settings HTTP/1.1\r\nHost: x\r\n\r\n";
    exchange(&mut stream, request).await;
    all_there.wait().await;
    let mut seen = 0;
    loop {
        let last = written.load(Ordering::Acquire);
        let answer = exchange(&mut stream, request).await.is(200).json();
        let number = answer["generation"].as_u64().unwrap();
        let want: Value = serde_json::from_str(&both(number)).unwrap();
        assert_eq!(answer["settings"], want["settings"]);
        assert!(number >= seen, "{number} after {seen}");
        seen = number;
        reads.fetch_add(1, Ordering::Relaxed);
        if last {
            return seen;
        }
    }
}

#[test]
fn a_thousand_readers_see_whole_generations_while_one_writer_commits() {
    many_files();
    let machine = Machine::new("readers");
    machine.patch("/v1/settings", &both(1)).is(200);
    let (written, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (ready, all_ready) = channel();
    let readers = {
        let (socket, written, reads) = (machine.socket(), written.clone(), reads.clone());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let all_there = Arc::new(Barrier::new(READERS + 1));
                let one = || read(socket.clone(), all_there.clone(), written.clone(), reads.clone());
                let readers: Vec<_> = (0..READERS).map(|_| tokio::spawn(one())).collect();
                all_there.wait().await;
                ready.send(()).unwrap();
                let mut seen = Vec::new();
                for reader in readers {
                    seen.push(reader.await.unwrap());
                }
                seen
            })
        })
    };
    all_ready.recv_timeout(PATIENCE).unwrap();
    let began = Instant::now();
    for number in 2..=COMMITS {
        machine.patch("/v1/settings", &both(number)).is(200);
    }
    let took = began.elapsed();
    written.store(true, Ordering::Release);
    assert_eq!(readers.join().unwrap(), [COMMITS; READERS]);
    let reads = reads.load(Ordering::Relaxed);
    println!("{} commits beside {READERS} readers: {took:?}, {reads} reads", COMMITS - 1);
}

#[test]
fn writers_come_one_at_a_time_and_none_is_lost() {
    let machine = Machine::new("writers");
    let socket = machine.socket();
    let writers: Vec<_> = (0..8_u64)
        .map(|writer| {
            let socket = socket.clone();
            thread::spawn(move || {
                for number in 0..5 {
                    let host = format!("w{writer}-{number}");
                    let body = json!({ "settings": { "network": { "hosts": [[format!("192.0.2.{}", writer + 1), [host]]] } } });
                    let body = if number == 4 { body } else { json!({ "settings": { "motd": format!("{writer} {number}") } }) };
                    Request::new("PATCH", "/v1/settings").body(body.to_string()).send(&socket).is(200);
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    let list = machine.get("/v1/generations").json();
    let numbers: Vec<_> =
        list.as_array().unwrap().iter().map(|one| one["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=40).rev().collect::<Vec<_>>());
    assert_eq!(machine.get("/v1/apply").json()["last"]["generation"], 40);
}

#[test]
fn more_writers_than_may_wait_are_told_to_come_back() {
    let limits = apiserver::Limits { writers: 2, ..apiserver::LIMITS };
    let machine = Machine::within("crowd", limits);
    machine.init.hold(true);
    let socket = machine.socket();
    let write = move |image: &str| {
        let body = json!({ "settings": { "containers": { "web": { "image": image } } } }).to_string();
        Request::new("PATCH", "/v1/settings").body(body).send(&socket)
    };
    let first = thread::spawn({
        let write = write.clone();
        move || write("docker.io/library/caddy:2")
    });
    crate::server::until("the first has its turn", || machine.generation() == 1);
    let others: Vec<_> = (0..2)
        .map(|number| {
            let write = write.clone();
            thread::spawn(move || write(&format!("docker.io/library/caddy:{number}")))
        })
        .collect();
    crate::server::until("one was turned away", || others.iter().any(|other| other.is_finished()));
    machine.get("/v1/settings").is(200);
    machine.init.hold(false);
    first.join().unwrap().is(200);
    let mut statuses: Vec<_> = others.into_iter().map(|other| other.join().unwrap().status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 429]);
}

#[test]
fn the_socket_is_roots_and_its_groups() {
    let machine = Machine::new("mode");
    assert_eq!(mode(&machine.socket()), 0o660);
}

#[test]
fn pid_1_always_has_a_place_for_a_change() {
    let machine = Machine::new("places");
    let limits = apiserver::LIMITS;
    machine.init.hold(true);
    let asking: Vec<_> = (0..40)
        .map(|_| {
            let socket = machine.socket();
            thread::spawn(move || Request::new("GET", "/v1/services").send(&socket).status)
        })
        .collect();
    until("asked", || machine.init.callers().0 == limits.init_callers);
    let restarting: Vec<_> = (0..limits.restarts)
        .map(|_| {
            let socket = machine.socket();
            thread::spawn(move || Request::new("POST", "/v1/services/netd/restart").send(&socket).status)
        })
        .collect();
    until("restarting", || machine.init.callers().0 == limits.init_callers + limits.restarts);
    let refused = machine.post("/v1/services/netd/restart").is(429).json();
    assert!(refused["remedy"].as_str().unwrap().contains("try again"), "{refused}");
    machine.init.hold(false);
    assert!(asking.into_iter().chain(restarting).all(|asked| asked.join().unwrap() == 200));
    // PID 1 hears 16.
    assert!(machine.init.callers().1 < 16, "{:?}", machine.init.callers());
}
