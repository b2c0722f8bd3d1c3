//! PID 1's own log: the kernel's, which is there before and after every service.

use std::fmt::Display;
use std::rc::Rc;

use sys::kmsg::{Level, Writer};

/// A handle to the log; without /dev/kmsg (it cannot happen on a host) lines go to stderr.
#[derive(Clone, Debug)]
pub struct Journal(Rc<Option<Writer>>);

impl Journal {
    pub fn open() -> Self {
        Self(Rc::new(Writer::open().ok()))
    }

    /// Someone must act.
    pub fn error(&self, text: &dyn Display) {
        self.write(Level::Error, text);
    }

    /// Not as it should be, and handled.
    pub fn warn(&self, text: &dyn Display) {
        self.write(Level::Warning, text);
    }

    /// A transition: shown on the console.
    pub fn note(&self, text: &dyn Display) {
        self.write(Level::Notice, text);
    }

    /// A step towards one: in the log only. Every line on an emulated serial console costs the boot a millisecond.
    pub fn debug(&self, text: &dyn Display) {
        self.write(Level::Debug, text);
    }

    fn write(&self, level: Level, text: &dyn Display) {
        match &*self.0 {
            Some(writer) => writer.write(level, "init", text),
            None => eprintln!("init: {text}"),
        }
    }
}
