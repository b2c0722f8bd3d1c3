//! A report for people.

use std::fmt::Write as _;

use partition::Copies;
use slots::{State, Why};

use crate::report::{Image, Report, SetReport};

/// The page that `signpost status` prints.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail; so below.
    let _ = writeln!(text, "disk   {}, {}", report.disk, table(report));
    for set in &report.sets {
        let _ = writeln!(text, "\nset {}  {}: {}", set.set, set.state, meaning(set));
        let _ = writeln!(
            text,
            "       priority {}, tries {}, successful {}, failures {}",
            set.priority,
            set.tries,
            if set.successful { "yes" } else { "no" },
            set.failures
        );
        let _ = writeln!(text, "       {}", image(&set.image));
    }
    text.push('\n');
    let _ = match report.running {
        Some(set) => writeln!(text, "runs   set {set}{}", machine(report)),
        None => writeln!(text, "runs   none of them"),
    };
    let _ = match &report.next {
        Some(next) => writeln!(text, "next   set {}: {}", next.set, reason(next.why)),
        None => {
            writeln!(text, "next   none can boot; stage a set and confirm it before this machine restarts")
        }
    };
    if report.live {
        trace(&mut text, report);
    }
    for problem in &report.problems {
        let _ = writeln!(text, "\nproblem: {problem}");
    }
    text
}

fn table(report: &Report) -> String {
    let why = report.table.why.as_deref().unwrap_or_default();
    match report.table.copies {
        Copies::Whole => "both copies of its table are whole".into(),
        Copies::Differ => {
            format!("the copies of its table differ ({why}); the next edit or boot mends it")
        }
        Copies::PrimaryDamaged => {
            format!("the first copy of its table is damaged ({why}); the next edit or boot mends it")
        }
        Copies::BackupDamaged => {
            format!("the second copy of its table is damaged ({why}); the next edit or boot mends it")
        }
        // No damage: the fault says it all.
        Copies::BackupNotAtEnd => {
            format!("the second copy of its table {why}; the next edit or boot moves it there")
        }
    }
}

fn machine(report: &Report) -> String {
    let mut text = String::new();
    match report.secure_boot {
        Some(true) => text.push_str("; Secure Boot is on"),
        Some(false) => text.push_str("; Secure Boot is OFF: nothing verifies what the firmware starts"),
        None => {}
    }
    match report.root_repaired {
        Some(0) => text.push_str("; its root reads without repairs"),
        Some(count) => {
            let _ = write!(text, "; at least {count} reads of its root needed repair: the disk is failing");
        }
        None => {}
    }
    text
}

fn meaning(set: &SetReport) -> String {
    let running = if set.running { "runs now; " } else { "" };
    let failures = set.failures;
    let words = match set.state {
        State::Empty => "nothing to boot".into(),
        State::Staged => "written and read back; upgrade-to-inactive makes it next".into(),
        State::Trial => format!("may start {} more times until it is confirmed", set.tries),
        State::Exhausted if set.running => "this is its last try".into(),
        State::Exhausted => "its tries are used up and nobody confirmed it; it boots no more".into(),
        State::Parked => {
            "good once, but its priority 0 keeps it from booting; rollback-to-inactive makes it next".into()
        }
        State::Confirmed if failures > 0 && !set.running => {
            format!("good; its last {failures} starts failed")
        }
        State::Confirmed => "good".into(),
        State::Failing => {
            format!("good once, but its last {failures} starts failed: boots only when nothing better can")
        }
    };
    format!("{running}{words}")
}

fn image(image: &Image) -> String {
    let release = match image {
        Image::Uki(release) => release,
        Image::Empty => return "holds no image".into(),
        Image::NoPartition => return "has no partition".into(),
        Image::Unreadable { why } => return format!("holds no image that can be read: {why}"),
    };
    let or = |text: &Option<String>, other: &str| text.clone().unwrap_or_else(|| other.into());
    let root = match (&release.root_hash, release.root_in_place) {
        (None, _) => ", names no root",
        (Some(_), true) => "",
        (Some(_), false) => ", its root is NOT in its partition",
    };
    format!(
        "version {} ({}), security version {}, kernel {}{root}",
        or(&release.version, "unknown"),
        or(&release.variant, "no variant"),
        release.security_version,
        or(&release.kernel, "unknown"),
    )
}

fn reason(why: Why) -> String {
    let words = match why {
        Why::HighestPriority => "it has the highest priority",
        Why::FirstOfEquals => "both have the same priority",
        Why::OnlyBootable => "the other cannot boot",
        Why::OtherLostStanding => "the other failed too often in a row",
        Why::FreshRound => "all that can boot failed too often in a row; they take turns",
        Why::OtherRefused => "the other was refused",
    };
    format!("{words} ({why})")
}

fn trace(text: &mut String, report: &Report) {
    let _ = match (&report.boot_trace, report.booted) {
        (Some(lines), _) => {
            let _ = writeln!(text, "\nhow the boot manager chose:");
            lines.iter().try_for_each(|line| writeln!(text, "       {line}"))
        }
        (None, Some(set)) => writeln!(text, "\nthe boot manager started set {set}, and left no trace of why"),
        (None, None) => writeln!(text, "\nno boot manager of ours left word of how it chose"),
    };
}
