//! What a container's machine hears and says.

/// Number of an operation.
pub type Op = u64;

/// What containerd has of a container when we look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// Parts without a process: of an earlier boot, of a start that was cut short.
    Leftover,
    /// A running task. `current`: it was started from the settings that hold now.
    Running {
        /// See above.
        current: bool,
    },
    /// A task whose process exited while nobody looked.
    Exited {
        /// Exit status.
        code: u32,
    },
    /// The mark of a container that was left ended, in this boot, by its restart policy and from these
    /// settings.
    Ended {
        /// Exit status.
        code: u32,
    },
}

/// Something that happened. `bool` results: did it work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// containerd answered, and this is what it has.
    Found(Found),
    /// The connection to containerd is gone, and with it everything under way.
    Lost,
    /// The image is (not) in the store and unpacked.
    Pulled(Op, bool),
    /// The process does (not) run.
    Started(Op, bool),
    /// The process exited.
    Exited(Op, u32),
    /// Task, snapshot and network are (not) removed.
    Cleaned(Op, bool),
    /// It should not run any more: not wanted, or the host stops.
    Stop,
    /// Time passed.
    Tick,
}

/// What stays of a container after clean-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Nothing.
    Nothing,
    /// A mark that it ended with this status.
    Mark(u32),
}

/// Something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Get the image. Answer with `Pulled`.
    Pull(Op),
    /// Stop getting the image.
    Abort(Op),
    /// Make and start the container. Answer with `Started`, then with `Exited`.
    Start(Op),
    /// Look after a process that runs already: its output, its exit. Answer with `Exited`.
    Adopt(Op),
    /// Ask the process to end.
    Terminate,
    /// End its processes.
    Kill,
    /// Remove what is there. Answer with `Cleaned`.
    Clean(Op, Keep),
    /// Send a `Tick` no later than this, milliseconds of the same clock as `step`'s.
    WakeAt(u64),
    /// Tell people.
    Tell(News),
}

/// Transitions worth a line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It runs; `adopted`: it did before we looked.
    Running {
        /// See above.
        adopted: bool,
    },
    /// It exited.
    Exited {
        /// Exit status.
        code: u32,
        /// How long it had run.
        ran_ms: u64,
    },
    /// It is started again after a pause.
    Paused {
        /// Length of the pause.
        in_ms: u64,
        /// Failures in a row.
        failures: u32,
    },
    /// Its image is asked for again after a pause.
    PullAgain {
        /// Length of the pause.
        in_ms: u64,
        /// Failures in a row.
        failures: u32,
    },
    /// It exited and is left so.
    Ended {
        /// Exit status.
        code: u32,
    },
    /// It did not end when asked.
    Killing,
    /// It is stopped and removed.
    Gone,
}
