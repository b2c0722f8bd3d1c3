//! What a request needs: an answer at once, a step of the machine, or patience.

use supervise::control::{self, Milestone, Refusal, UnitStatus, WAIT_MAX_MS};
use supervise::machine;
use supervise::{Instant, Machine, UnitId};

/// What to do about a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    /// This is the answer.
    Now(control::Answer),
    /// The machine has it.
    Machine(machine::Request),
    /// What becomes of the unit is the answer.
    Wait {
        /// Which.
        unit: UnitId,
        /// How long at most.
        until: Instant,
    },
}

/// Reads a line. `pid` knows the units' processes.
pub fn reply(
    line: &[u8],
    machine: &Machine,
    pid: impl Fn(UnitId) -> Option<u32>,
    milestones: &[Milestone],
    now: Instant,
) -> Reply {
    use control::Request;
    let refused = |refusal| Reply::Now(control::Answer::Refused { refusal });
    let request = match Request::from_line(line) {
        Ok(request) => request,
        Err(err) => return refused(Refusal::NotARequest { error: err.why }),
    };
    let set = machine.set();
    let status = |id: UnitId| machine.status(id).map(|status| UnitStatus { pid: pid(id), ..status });
    let with = |name: &str, then: &dyn Fn(UnitId) -> Reply| {
        set.find(name).map_or_else(|| refused(Refusal::Unknown), then)
    };
    match request {
        Request::List {} => {
            let units = set.start_order().iter().filter_map(|id| status(*id)).collect();
            Reply::Now(control::Answer::Units { units })
        }
        Request::Status { unit } => with(&unit, &|id| match status(id) {
            Some(unit) => Reply::Now(control::Answer::Unit { unit }),
            None => refused(Refusal::Unknown),
        }),
        Request::Start { unit } => with(&unit, &|id| Reply::Machine(machine::Request::Start(id))),
        Request::Stop { unit } => with(&unit, &|id| Reply::Machine(machine::Request::Stop(id))),
        Request::Restart { unit } => with(&unit, &|id| Reply::Machine(machine::Request::Restart(id))),
        Request::Reload { unit } => with(&unit, &|id| Reply::Machine(machine::Request::Reload(id))),
        Request::Renew { unit } => with(&unit, &|id| Reply::Machine(machine::Request::Renew(id))),
        Request::Wait { unit, deadline_ms } => {
            with(&unit, &|id| Reply::Wait { unit: id, until: now.after_ms(deadline_ms.min(WAIT_MAX_MS)) })
        }
        Request::Timeline {} => Reply::Now(control::Answer::Timeline { milestones: milestones.to_vec() }),
        Request::Shutdown { how } => Reply::Machine(machine::Request::Shutdown(how)),
    }
}

/// The machine's answer as it goes out.
pub fn answer(answer: machine::Answer) -> control::Answer {
    use control::Answer as Out;
    use machine::Answer as In;
    let refused = |refusal| Out::Refused { refusal };
    match answer {
        In::Accepted => Out::Accepted {},
        In::Already => Out::Already {},
        In::Renewing(how) => Out::Renewing { how },
        In::Unknown => refused(Refusal::Unknown),
        In::NotBooted => refused(Refusal::NotBooted),
        In::ShuttingDown => refused(Refusal::ShuttingDown),
        In::CannotReload => refused(Refusal::CannotReload),
        In::NotUp => refused(Refusal::NotUp),
    }
}
