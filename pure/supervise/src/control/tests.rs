//! The lines on the wire.

use std::format;
use std::string::ToString;
use std::vec;
use std::vec::Vec;

use super::*;
use crate::set::MAX_UNITS;
use crate::unit::Kind;

fn requests() -> Vec<(&'static str, Request)> {
    let unit = || "netd".to_string();
    vec![
        (r#"{"ask":"list"}"#, Request::List {}),
        (r#"{"ask":"status","unit":"netd"}"#, Request::Status { unit: unit() }),
        (r#"{"ask":"start","unit":"netd"}"#, Request::Start { unit: unit() }),
        (r#"{"ask":"stop","unit":"netd"}"#, Request::Stop { unit: unit() }),
        (r#"{"ask":"restart","unit":"netd"}"#, Request::Restart { unit: unit() }),
        (r#"{"ask":"reload","unit":"netd"}"#, Request::Reload { unit: unit() }),
        (r#"{"ask":"renew","unit":"netd"}"#, Request::Renew { unit: unit() }),
        (
            r#"{"ask":"wait","unit":"netd","deadline_ms":500}"#,
            Request::Wait { unit: unit(), deadline_ms: 500 },
        ),
        (r#"{"ask":"timeline"}"#, Request::Timeline {}),
        (r#"{"ask":"shutdown","how":"power-off"}"#, Request::Shutdown { how: Shutdown::PowerOff }),
        (r#"{"ask":"shutdown","how":"reboot"}"#, Request::Shutdown { how: Shutdown::Reboot }),
    ]
}

fn status(name: &str) -> UnitStatus {
    UnitStatus {
        name: name.to_string(),
        description: "links, addresses, resolver".to_string(),
        kind: Kind::Service,
        state: UnitState::Held,
        why: Some("failures in a row: 10, the last one by signal-11; its log may say why".to_string()),
        since_ms: u64::MAX,
        wanted: true,
        pid: Some(u32::MAX),
        starts: u64::MAX,
        failures: u32::MAX,
        last_end: Some("signal-11".to_string()),
        first_ready_ms: Some(u64::MAX),
        milestone: Some("m".repeat(64)),
        can_reload: true,
        requires: vec!["u".repeat(64); 4],
    }
}

#[test]
fn requests_are_these_lines() {
    for (line, request) in requests() {
        assert_eq!(request.to_line(), format!("{line}\n"));
        assert_eq!(Request::from_line(line.as_bytes()), Ok(request.clone()));
        assert_eq!(Request::from_line(request.to_line().as_bytes()), Ok(request));
    }
}

#[test]
fn answers_are_these_lines() {
    let failed = Outcome::Failed { why: "it was asked to stop".to_string() };
    let milestones = vec![Milestone { name: "pid1".to_string(), at_ms: 7 }];
    let error = "expected value".to_string();
    for (line, answer) in [
        (r#"{"answer":"accepted"}"#, Answer::Accepted {}),
        (r#"{"answer":"already"}"#, Answer::Already {}),
        (r#"{"answer":"renewing","how":"reloaded"}"#, Answer::Renewing { how: Renewal::Reloaded }),
        (r#"{"answer":"settled","outcome":{"is":"ready"}}"#, Answer::Settled { outcome: Outcome::Ready }),
        (
            r#"{"answer":"settled","outcome":{"is":"failed","why":"it was asked to stop"}}"#,
            Answer::Settled { outcome: failed },
        ),
        (
            r#"{"answer":"timeline","milestones":[{"name":"pid1","at_ms":7}]}"#,
            Answer::Timeline { milestones },
        ),
        (r#"{"answer":"refused","refusal":{"why":"not-up"}}"#, Answer::Refused { refusal: Refusal::NotUp }),
        (
            r#"{"answer":"refused","refusal":{"why":"not-a-request","error":"expected value"}}"#,
            Answer::Refused { refusal: Refusal::NotARequest { error } },
        ),
    ] {
        assert_eq!(answer.to_line(), format!("{line}\n"));
        assert_eq!(Answer::from_line(line.as_bytes()), Ok(answer));
    }
    let unit = Answer::Unit { unit: status("netd") };
    assert_eq!(Answer::from_line(unit.to_line().as_bytes()), Ok(unit));
}

#[test]
fn what_is_no_request_is_refused_with_its_reason() {
    let long = format!(r#"{{"ask":"status","unit":"{}"}}"#, "x".repeat(REQUEST_MAX_BYTES));
    let deep = "[".repeat(REQUEST_MAX_BYTES);
    for line in [
        "",
        "\n",
        "{}",
        "null",
        "list",
        r#""list""#,
        r#"{"ask":"halt"}"#,
        r#"{"ask":"list","unit":"netd"}"#,
        r#"{"ask":"status"}"#,
        r#"{"ask":"status","unit":7}"#,
        r#"{"ask":"status","unit":"a","unit":"b"}"#,
        r#"{"ask":"status","ask":"list"}"#,
        r#"{"ask":"wait","unit":"netd","deadline_ms":-1}"#,
        r#"{"ask":"shutdown","how":"halt"}"#,
        r#"{"ask":"list"} {"ask":"list"}"#,
        "{\"ask\":\"status\",\"unit\":\"\u{0}\"}",
        &long,
        &deep,
    ] {
        let err = Request::from_line(line.as_bytes()).expect_err(line);
        assert!(err.to_string().starts_with("not a request: "), "{err}");
        assert!(err.why.len() < 200, "a reason is no echo: {}", err.why);
    }
    assert!(Request::from_line(b"{\"ask\":\"status\",\"unit\":\"\xff\"}").is_err());
}

#[test]
fn the_longest_list_is_an_answer() {
    let units = vec![status(&"n".repeat(64)); MAX_UNITS];
    let answer = Answer::Units { units };
    let line = answer.to_line();
    assert!(line.len() < ANSWER_MAX_BYTES, "{} bytes", line.len());
    assert_eq!(line.matches('\n').count(), 1);
    assert_eq!(Answer::from_line(line.as_bytes()), Ok(answer));
}

#[test]
fn states_read_as_they_are_named() {
    for (name, state) in UnitState::ALL {
        assert_eq!(state.to_string(), name);
        assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{name}\""));
    }
}

#[test]
fn every_refusal_says_what_to_do_or_what_is_so() {
    for refusal in [
        Refusal::Unknown,
        Refusal::CannotReload,
        Refusal::NotUp,
        Refusal::NotBooted,
        Refusal::ShuttingDown,
        Refusal::Forbidden,
        Refusal::Busy,
    ] {
        let line = Answer::Refused { refusal: refusal.clone() }.to_line();
        assert_eq!(Answer::from_line(line.as_bytes()), Ok(Answer::Refused { refusal: refusal.clone() }));
        assert!(refusal.to_string().len() > 10);
    }
}
