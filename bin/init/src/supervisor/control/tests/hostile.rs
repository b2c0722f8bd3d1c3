//! Callers that are slow, half gone, loud, long, many or somebody else's.

use super::*;

#[test]
fn a_caller_that_never_ends_its_line_is_let_go() {
    let mut bench = Bench::new();
    let mut client = bench.connect();
    let line = Request::List {}.to_line();
    for byte in line.trim_end().bytes() {
        client.send(&[byte]);
        bench.later(400);
    }
    assert!(client.hears_nothing(), "it has ten seconds");
    for _ in 0..11 {
        let _ = client.stream.write_all(b" ");
        bench.later(450);
    }
    assert!(client.is_let_go(), "however often a byte comes");
}

#[test]
fn a_caller_that_goes_while_it_waits_leaves_nothing_behind() {
    let mut bench = Bench::new();
    for _ in 0..3 * CALLERS_MAX {
        let mut client = bench.connect();
        client.send(wait_for("db", 1_000_000).to_line().as_bytes());
        bench.settle();
        drop(client);
        bench.settle();
    }
    assert_eq!(bench.desk.callers(), 0);
    assert_eq!(bench.desk.wake(bench.now), None);
}

#[test]
fn a_caller_that_talks_while_it_waits_wakes_nobody() {
    let mut bench = Bench::new();
    let mut client = bench.connect();
    client.send(wait_for("db", 60_000).to_line().as_bytes());
    bench.settle();
    client.send(&[b'x'; 4096]);
    for _ in 0..100 {
        assert!(!bench.turn(), "the loop sleeps");
    }
    bench.ready("db");
    bench.settle();
    assert_eq!(client.answer(), Answer::Settled { outcome: Outcome::Ready });
    assert!(matches!(refused(&client.answer()), Refusal::NotARequest { .. }));
}

#[test]
fn a_line_without_end_is_refused_and_its_caller_let_go() {
    let mut bench = Bench::new();
    let mut client = bench.connect();
    client.stream.set_nonblocking(true).unwrap();
    let chunk = [b'{'; 64 << 10];
    let mut sent = 0;
    while let Ok(length) = client.stream.write(&chunk) {
        sent += length;
    }
    client.stream.set_nonblocking(false).unwrap();
    assert!(sent > 100 * REQUEST_MAX_BYTES, "{sent}");
    bench.settle();
    assert_eq!(bench.served, 1);
    assert!(matches!(refused(&client.answer()), Refusal::NotARequest { .. }));
    assert!(client.is_let_go());
    assert_eq!(bench.desk.callers(), 0);
}

#[test]
fn what_is_no_request_is_refused_and_the_next_line_heard() {
    let mut bench = Bench::new();
    let mut client = bench.connect();
    for line in ["\n", "\0\n", "list\n", "{\"ask\":\"halt\"}\n", "\u{feff}{}\n", "[[[[[[[[\n"] {
        client.send(line.as_bytes());
        bench.settle();
        assert!(matches!(refused(&client.answer()), Refusal::NotARequest { .. }), "{line:?}");
    }
    client.send(b"\xff\xfe\n");
    bench.settle();
    assert!(matches!(refused(&client.answer()), Refusal::NotARequest { .. }));
    assert!(matches!(bench.ask(&mut client, &Request::List {}), Answer::Units { .. }));
}

#[test]
fn a_caller_that_floods_and_never_reads_holds_up_nobody_and_is_let_go() {
    let mut bench = Bench::new();
    let mut flood = bench.connect();
    let mut honest = bench.connect();
    flood.stream.set_nonblocking(true).unwrap();
    let lines = Request::List {}.to_line().repeat(1_000);
    let mut stalled = 0;
    while stalled < 50 {
        let before = bench.served;
        let blocked = flood.stream.write(lines.as_bytes()).is_err();
        let idle = !bench.turn() && bench.served == before;
        stalled = if blocked && idle { stalled + 1 } else { 0 };
    }
    let before = bench.served;
    assert!(!bench.turn() && bench.served == before, "its answers are not taken: nothing of it is served");
    assert!(bench.desk.held_bytes() < 64 << 10, "{} bytes", bench.desk.held_bytes());
    assert!(matches!(bench.ask(&mut honest, &Request::Timeline {}), Answer::Timeline { .. }));
    bench.later(10_000);
    assert_eq!(bench.desk.callers(), 1, "the honest one stays");
    assert!(matches!(bench.ask(&mut honest, &Request::Timeline {}), Answer::Timeline { .. }));
}

#[test]
fn whoever_has_nothing_to_do_makes_room() {
    let mut bench = Bench::new();
    let mut crowd: Vec<Client> = Vec::new();
    for _ in 0..CALLERS_MAX {
        bench.now = bench.now.after_ms(1);
        crowd.push(bench.connect());
    }
    // The first one asks, and so is not the one that was idle for the longest time.
    bench.now = bench.now.after_ms(1);
    let (first, rest) = crowd.split_first_mut().unwrap();
    bench.ask(first, &Request::Timeline {});
    let mut late = bench.connect();
    assert!(matches!(bench.ask(&mut late, &Request::Timeline {}), Answer::Timeline { .. }));
    assert!(rest[0].is_let_go());
    assert!(matches!(bench.ask(first, &Request::Timeline {}), Answer::Timeline { .. }));
}

#[test]
fn when_all_wait_the_next_is_told_to_come_again() {
    let mut bench = Bench::new();
    let mut crowd: Vec<Client> = (0..CALLERS_MAX).map(|_| bench.connect()).collect();
    for client in &mut crowd {
        client.send(wait_for("db", 60_000).to_line().as_bytes());
    }
    bench.settle();
    for _ in 0..100 {
        let mut late = bench.connect();
        assert_eq!(refused(&late.answer()), &Refusal::Busy);
        assert!(late.is_let_go());
    }
    assert_eq!(bench.desk.callers(), CALLERS_MAX);
    bench.ready("db");
    bench.settle();
    for client in &mut crowd {
        assert_eq!(client.answer(), Answer::Settled { outcome: Outcome::Ready });
    }
    let mut late = bench.connect();
    assert!(matches!(bench.ask(&mut late, &Request::Timeline {}), Answer::Timeline { .. }));
}

#[test]
fn another_users_program_is_turned_away() {
    let mut bench = Bench::for_user(rustix::process::geteuid().as_raw() + 1);
    let mut client = bench.connect();
    assert_eq!(refused(&client.answer()), &Refusal::Forbidden);
    assert!(client.is_let_go());
    assert_eq!((bench.desk.callers(), bench.served), (0, 0));
}

/// The kernel's word counts, not the file's mode: here anyone may connect.
#[test]
fn a_program_of_another_user_that_gets_to_the_socket_is_turned_away_too() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: needs root");
        return;
    }
    let mut bench = Bench::new();
    for path in
        [bench.path.as_path(), bench.path.parent().unwrap(), bench.path.parent().unwrap().parent().unwrap()]
    {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    let path = bench.path.clone();
    let connected = std::thread::spawn(move || {
        // Of this thread alone, and gone with it.
        let nobody = rustix::process::Uid::from_raw(65_534);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        UnixStream::connect(path).unwrap()
    });
    let stream = connected.join().unwrap();
    stream.set_read_timeout(Some(AT_MOST)).unwrap();
    let mut client = Client { stream, read: Vec::new() };
    bench.settle();
    assert_eq!(refused(&client.answer()), &Refusal::Forbidden);
    assert!(client.is_let_go());
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

/// Random callers; one of them is honest and must always be served at once. `STORM=seed` runs one storm alone.
#[test]
fn whatever_others_do_the_honest_one_has_its_answer_and_memory_is_bounded() {
    let alone = std::env::var("STORM").ok().and_then(|seed| seed.parse::<u64>().ok());
    for seed in alone.map_or(0..100, |seed| seed..seed + 1) {
        println!("storm seed {seed}");
        storm(seed);
    }
}

fn storm(seed: u64) {
    let mut dice = Dice(seed);
    let mut bench = Bench::new();
    let mut crowd: Vec<Client> = Vec::new();
    let mut honest = bench.connect();
    for _ in 0..150 {
        let (many, place) = (crowd.len() >= 3 * CALLERS_MAX, dice.roll(crowd.len() + 1));
        match (dice.roll(12), crowd.get_mut(place)) {
            (0 | 1, _) if !many => {
                let stream = UnixStream::connect(&bench.path).unwrap();
                stream.set_nonblocking(true).unwrap();
                crowd.push(Client { stream, read: Vec::new() });
            }
            (2, Some(_)) => drop(crowd.swap_remove(place)),
            (3, Some(client)) => drop(client.stream.shutdown(Shutdown::Write)),
            (4, Some(client)) => drop(client.stream.read(&mut [0; 3_000])),
            (5, Some(client)) => {
                let noise: Vec<u8> = (0..dice.roll(3_000)).map(|_| dice.roll(256) as u8).collect();
                drop(client.stream.write(&noise));
            }
            (6, Some(client)) => drop(client.stream.write(&[b'{'; 200_000])),
            (7, Some(client)) => {
                let list = Request::List {}.to_line().repeat(1 + dice.roll(300));
                drop(client.stream.write(list.as_bytes()));
            }
            (8, Some(client)) => {
                let request = wait_for(["db", "web", "nobody"][dice.roll(3)], dice.roll(20_000) as u64);
                drop(client.stream.write(request.to_line().as_bytes()));
            }
            (9, Some(client)) => {
                let restart = Request::Restart { unit: "web".into() }.to_line();
                drop(client.stream.write(&restart.as_bytes()[..dice.roll(restart.len() + 1)]));
            }
            (10, _) => bench.now = bench.now.after_ms(dice.roll(12_000) as u64),
            _ => drop(bench.turn()),
        }
        assert!(bench.desk.callers() <= CALLERS_MAX);
        assert!(bench.desk.held_bytes() <= CALLERS_MAX * (8 << 10), "{} bytes", bench.desk.held_bytes());
        if dice.roll(5) > 0 {
            continue;
        }
        // It may have had to make room while it was idle; then it comes again, and again until somebody waits less long.
        let _ = honest.stream.write_all(Request::Timeline {}.to_line().as_bytes());
        bench.settle();
        match honest.next() {
            Some(Answer::Timeline { .. }) => {}
            None => honest = again(&mut bench),
            other => panic!("{other:?}"),
        }
    }
    drop(crowd);
    bench.settle();
    assert!(bench.desk.callers() <= 1, "what is gone is gone");
}

/// Connects until there is room: at the latest when every wait of the crowd and every half line is over.
fn again(bench: &mut Bench) -> Client {
    for _ in 0..4 {
        let mut client = bench.connect();
        client.send(Request::Timeline {}.to_line().as_bytes());
        bench.settle();
        match client.next() {
            Some(Answer::Timeline { .. }) => return client,
            Some(Answer::Refused { refusal: Refusal::Busy }) => bench.later(20_000),
            other => panic!("{other:?}"),
        }
    }
    panic!("no room ever")
}
