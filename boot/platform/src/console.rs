//! The console, as far as there is one.
//!
//! A line that cannot be shown is lost, and the boot goes on. Firmware writes to all consoles at once and fails when one of them takes
//! nothing: a serial line, say, whose other end is connected and does not read. `uefi`'s own `println!` panics then, and so would the
//! panic's message: a machine that resets for ever because nobody listens. It panics as well where there is no console at all, and then
//! the panic's message would panic without end.
#![allow(unsafe_code)]

use core::fmt::{self, Write as _};

use uefi::proto::console::text::Output;
use uefi::{CStr16, system, table};

/// Characters for one call. A stalled serial line costs each call the firmware's timeout, so a line is best one call.
const CALL_CHARS: usize = 256;

/// Prints a line, as far as the console takes it.
#[macro_export]
macro_rules! say {
    ($($argument:tt)*) => { $crate::print_line(::core::format_args!($($argument)*)) };
}

#[doc(hidden)]
pub fn print_line(line: fmt::Arguments<'_>) {
    // SAFETY: the table lives as long as we run.
    let has_console =
        table::system_table_raw().is_some_and(|table| unsafe { !table.as_ref().stdout.is_null() });
    if !has_console {
        return;
    }
    system::with_stdout(|output| {
        let mut line_buffer = Line { output, chars: [0; CALL_CHARS], used: 0 };
        let _ = writeln!(line_buffer, "{line}");
        line_buffer.flush();
    });
}

/// Collects characters without allocating: it also prints the message of a failed allocation.
struct Line<'a> {
    output: &'a mut Output,
    /// The last place is for the zero that ends the text.
    chars: [u16; CALL_CHARS],
    used: usize,
}

impl Line<'_> {
    fn push(&mut self, char: u16) {
        if self.used == CALL_CHARS - 1 {
            self.flush();
        }
        self.chars[self.used] = char;
        self.used += 1;
    }

    fn flush(&mut self) {
        self.chars[self.used] = 0;
        if let Ok(text) = CStr16::from_u16_with_nul(&self.chars[..=self.used]) {
            let _ = self.output.output_string(text);
        }
        self.used = 0;
    }
}

impl fmt::Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            match char {
                '\n' => ['\r', '\n'].into_iter().for_each(|char| self.push(char as u16)),
                // Firmware knows UCS-2; a zero would end the text.
                '\0' | '\u{e000}'.. => self.push(u16::from(b'?')),
                char => self.push(char as u16),
            }
        }
        Ok(())
    }
}
