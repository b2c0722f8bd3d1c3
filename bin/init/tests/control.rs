//! PID 1 as a process, asked over its socket.
#![allow(clippy::unwrap_used)]

mod guest;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use control::{Control, ControlError, Outcome, Pid1, Refusal, Renewal, Shutdown, Taken, UnitState, Units};
use guest::{Guest, POWERED_OFF, RESTARTED};

/// Generous: the machine may be busy with other tests.
const LONG: Duration = Duration::from_secs(60);

/// A service that says that it is up, and what it makes of SIGHUP.
fn service(hang_up: &str, keys: &str) -> String {
    let program = format!(
        "use IO::Socket::UNIX; $| = 1; \
         sub notify {{ IO::Socket::UNIX->new(Type => SOCK_DGRAM, Peer => $ENV{{NOTIFY_SOCKET}})->send($_[0]) or die }} \
         $SIG{{HUP}} = sub {{ {hang_up} }}; notify('READY=1'); sleep 1 while 1"
    );
    format!(
        "kind = \"service\"\nready = \"notify\"\nreload = \"SIGHUP\"\nexec = [\"/bin/perl\", \"-e\", {program:?}]\n{keys}"
    )
}

const TAKES_FILES: &str = "notify('RELOADING=1'); notify('READY=1')";
const STEADY: &str = "kind = \"service\"\nexec = [\"/bin/sleep\", \"1000\"]\n";

fn outcomes(renewed: &[control::Renewed]) -> Vec<String> {
    renewed.iter().map(|one| format!("{} {} {}", one.unit, one.how, one.outcome)).collect()
}

#[test]
fn units_are_seen_renewed_and_taken_down_over_the_socket() {
    let db = service(TAKES_FILES, "milestone = \"db\"\n");
    let web = format!("{STEADY}requires = [\"db\"]\n");
    // Not root, and not let in: EACCES.
    let nobody = "kind = \"oneshot\"\nafter = [\"web\"]\nuser = \"65534:65534\"\nexec = [\"/bin/perl\", \"-e\", \
                  \"use IO::Socket::UNIX; IO::Socket::UNIX->new(Peer => '/run/gantry/init.sock'); exit($! != 13)\"]\n";
    let Some(mut guest) = Guest::boot(
        "socket",
        &[
            ("db", &db),
            ("web", &web),
            ("nobody", nobody),
            (
                "default",
                "kind = \"target\"\nwants = [\"db\", \"web\", \"nobody\"]\nmilestone = \"default\"\n",
            ),
        ],
    ) else {
        return;
    };
    guest.expect("init: milestone name=default");
    guest.expect("unit nobody state=done");
    let mut control = Control::connect(&guest.control()).unwrap();
    let before = control.list().unwrap();
    let told: Vec<_> = before.iter().map(|unit| (unit.name.as_str(), unit.state)).collect();
    assert_eq!(
        told,
        [
            ("db", UnitState::Ready),
            ("web", UnitState::Ready),
            ("nobody", UnitState::Done),
            ("default", UnitState::Done)
        ]
    );
    assert!(before[0].pid.is_some() && before[2].pid.is_none());

    // Two that depend on each other, named the wrong way round.
    let renewed = Pid1::at(&guest.control()).renew(&["web", "db"], LONG).unwrap();
    assert_eq!(outcomes(&renewed), ["db reloaded ready", "web restarted ready"]);
    let after = control.list().unwrap();
    assert_eq!((after[0].pid, after[0].starts), (before[0].pid, 1), "it took its files as it ran");
    assert_eq!(after[1].starts, 2);
    assert_ne!(after[1].pid, before[1].pid);
    guest.expect("init: asked renew unit=web by_pid=");
    guest.expect("unit web state=stopping why=asked");
    assert!(guest.position("unit db state=reloading") < guest.position("unit web state=stopping why=asked"));

    let refused = control.reload("web").unwrap_err();
    assert!(matches!(refused, ControlError::Refused { refusal: Refusal::CannotReload, .. }), "{refused}");
    assert_eq!(control.reload("db").unwrap(), Taken::Accepted);
    assert_eq!(control.wait("db", LONG).unwrap(), Outcome::Ready);

    // What somebody stopped stays down.
    assert_eq!(control.stop("web").unwrap(), Taken::Accepted);
    guest.expect("unit web state=stopped");
    assert_eq!(outcomes(&control.renew(&["web"], LONG).unwrap()), ["web skipped ready"]);
    assert_eq!(control.status("web").unwrap().state, UnitState::Stopped);
    assert_eq!(control.start("web").unwrap(), Taken::Accepted);
    assert_eq!(control.wait("web", LONG).unwrap(), Outcome::Ready);

    let timeline = control.timeline().unwrap();
    let at = |name: &str| timeline.iter().position(|milestone| milestone.name == name).unwrap();
    assert!(at("pid1") < at("db") && at("db") < at("default"), "{timeline:?}");

    // A caller that makes no sense costs its own connection only.
    let mut noise = UnixStream::connect(guest.control()).unwrap();
    let _ = noise.write_all(&[b'{'; 1 << 20]);
    let mut answer = String::new();
    BufReader::new(noise).read_line(&mut answer).unwrap();
    assert!(answer.contains("not-a-request"), "{answer}");

    assert_eq!(control.shutdown(Shutdown::PowerOff).unwrap(), Taken::Accepted);
    guest.expect("init: asked shutdown how=power-off by_pid=");
    guest.expect("init: powering off");
    assert!(guest.position("unit web state=stopped") < guest.position("init: powering off"));
    assert_eq!(guest.ends(), POWERED_OFF);
}

#[test]
fn what_a_renewal_came_to_is_told_with_its_reason() {
    let silent = service("", "start_timeout_ms = 1500\nbackoff = { initial_ms = 20 }\n");
    let picky = "kind = \"service\"\nexec = [\"/bin/sh\", \"-c\", \"test -e /run/broken && exit 64; exec sleep 1000\"]\n";
    let crashing = "kind = \"service\"\nready = \"notify\"\nexec = [\"/bin/sh\", \"-c\", \"exit 7\"]\n\
                    backoff = { initial_ms = 20, max_ms = 20 }\n";
    let Some(mut guest) = Guest::boot(
        "outcomes",
        &[
            ("silent", &silent),
            ("picky", picky),
            ("crashing", crashing),
            ("client", &format!("{STEADY}requires = [\"picky\"]\n")),
            ("default", "kind = \"target\"\nwants = [\"silent\", \"picky\", \"crashing\", \"client\"]\n"),
        ],
    ) else {
        return;
    };
    guest.expect("unit silent state=ready");
    guest.expect("unit client state=ready");
    let mut control = Control::connect(&guest.control()).unwrap();

    // It never answers: the caller's time is over first, then its own, and a new process takes the files.
    let told = control.renew(&["silent"], Duration::from_millis(200)).unwrap();
    assert_eq!(outcomes(&told), ["silent reloaded timed out"]);
    assert_eq!(control.status("silent").unwrap().state, UnitState::Reloading);
    assert_eq!(control.wait("silent", LONG).unwrap(), Outcome::Ready);
    guest.expect("unit silent state=stopping why=reload-timeout");
    assert_eq!(control.status("silent").unwrap().starts, 2);

    // A restart whose new process says that its configuration is wrong.
    fs::write(guest.file("run/broken"), "").unwrap();
    assert_eq!(control.restart("picky").unwrap(), Taken::Accepted);
    let why = "it says that its configuration is wrong (code-64); its log says what";
    guest.expect("unit picky state=held why=configuration");
    assert_eq!(control.wait("picky", LONG).unwrap(), Outcome::Failed { why: why.into() });
    assert_eq!(control.status("picky").unwrap().last_end.as_deref(), Some("code-64"));
    // What requires it runs on; renewed, it does not come up without it.
    let told = control.renew(&["client"], LONG).unwrap();
    assert_eq!(outcomes(&told), ["client restarted failed: requires picky, which is held"]);
    fs::remove_file(guest.file("run/broken")).unwrap();
    let told = control.renew(&["client", "picky"], LONG).unwrap();
    // It came back together with what it requires, and is renewed all the same.
    assert_eq!(outcomes(&told), ["picky started ready", "client restarted ready"]);

    // One that crashes is not waited for until the end of the time.
    let told = control.renew(&["crashing"], Duration::from_secs(3_600)).unwrap();
    assert!(matches!(told[0].how, Renewal::Started | Renewal::Restarted), "{told:?}");
    let Outcome::Failed { why } = &told[0].outcome else { panic!("{told:?}") };
    assert!(why.contains("code-7"), "{why}");

    assert_eq!(control.shutdown(Shutdown::Reboot).unwrap(), Taken::Accepted);
    assert!(matches!(
        control.start("silent"),
        Err(ControlError::Refused { refusal: Refusal::ShuttingDown, .. } | ControlError::Lost(_))
    ));
    guest.expect("init: rebooting");
    assert_eq!(guest.ends(), RESTARTED);
}
