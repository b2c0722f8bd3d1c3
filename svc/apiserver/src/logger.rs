//! This service's own log: one line per record on standard error, `level service: phrase key=value`.

use std::fmt::Write as _;
use std::io::Write as _;

use log::kv::{self, Key, Value, VisitSource};
use log::{Level, LevelFilter, Log, Metadata, Record};

const SERVICE: &str = "apiserver";

struct Lines;

/// Sends the records of this process to standard error. A second call changes nothing.
pub fn start() {
    if log::set_logger(&Lines).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

impl Log for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Libraries log for their authors; what matters comes back to us as an error.
        metadata.target().starts_with(SERVICE)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            // There is nobody to tell that standard error is closed.
            let _ = std::io::stderr().write_all(line(record).as_bytes());
        }
    }

    fn flush(&self) {}
}

fn line(record: &Record<'_>) -> String {
    let level = match record.level() {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug | Level::Trace => "debug",
    };
    let mut pairs = Pairs(format!("{level} {SERVICE}: {}", record.args()));
    // Only a visitor can fail, and ours does not.
    let _ = record.key_values().visit(&mut pairs);
    pairs.0.push('\n');
    pairs.0
}

struct Pairs(String);

impl<'kvs> VisitSource<'kvs> for Pairs {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        let value = value.to_string();
        // One record stays one line, and a value one word, whatever a caller put into it.
        let plain =
            !value.is_empty() && value.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != '"');
        let _ = if plain { write!(self.0, " {key}={value}") } else { write!(self.0, " {key}={value:?}") };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_whatever_its_values_hold() {
        let pairs: &[(&str, &str)] = &[("name", "web"), ("why", "no\nanswer \"x\""), ("none", "")];
        let record =
            Record::builder().level(Level::Warn).args(format_args!("pull failed")).key_values(&pairs).build();
        assert_eq!(
            line(&record),
            "warn apiserver: pull failed name=web why=\"no\\nanswer \\\"x\\\"\" none=\"\"\n"
        );
    }
}
