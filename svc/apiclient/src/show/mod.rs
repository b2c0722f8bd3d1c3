//! How answers look to people: tables, colours, times, differences.
//!
//! Holds always: nothing that came from outside reaches a terminal as a control sequence ([`clean`]).

mod clean;
mod clock;
mod diff;
mod style;
mod table;
mod value;

pub use clean::{clean, clean_lines};
pub use clock::{left, span, utc};
pub use diff::unified;
pub use style::{Paint, Style};
pub use table::{Cell, Table};
pub use value::{canonical, inline, pretty};
