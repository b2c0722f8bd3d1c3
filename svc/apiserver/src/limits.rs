//! What a caller may take of the host.

use std::time::Duration;

/// Every bound on requests. Tests make them smaller.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest body. A settings document of ten thousand keys is half of it; answers one that fills the memory.
    pub body_bytes: usize,
    /// Longest request line and headers together. Answers headers without end.
    pub head_bytes: usize,
    /// Most headers. Apiclient sends five.
    pub headers: usize,
    /// Longest wait for a request's line and headers, and for the next request on a connection. Answers slow senders and
    /// connections that are opened and left.
    pub head_time: Duration,
    /// Longest wait for a whole body.
    pub body_time: Duration,
    /// Longest wait for a caller to take more of its answer. Answers callers that ask and do not listen.
    pub stall_time: Duration,
    /// Longest a reader's call may take: the slowest asks PID 1, which answers in 10 s or never.
    pub call_time: Duration,
    /// Connections at once on the local socket; more wait in the kernel's queue. A thousand readers must fit.
    pub connections: usize,
    /// Changes waiting for their turn; one more is told to come back.
    pub writers: usize,
    /// Callers on the local socket that watch or follow, which have no end. Those of the network have their own places.
    pub followers: usize,
    /// Calls that ask PID 1 at once; more wait. PID 1 hears 16 at a time, and a change must find a place among them.
    pub init_callers: usize,
    /// Restarts of units that are waited for at once: each takes one of PID 1's places and one of our threads for minutes.
    pub restarts: usize,
    /// Transactions open at once. Answers names made up without end.
    pub transactions: usize,
    /// How long a connection may take to finish what it does when the service ends.
    pub farewell: Duration,
    /// How long the service waits for a change under way when it ends. PID 1 gives it 30 s in all.
    pub last_turn: Duration,
}

/// What the service runs with.
pub const LIMITS: Limits = Limits {
    body_bytes: wire::BODY_BYTES,
    head_bytes: 32 << 10,
    headers: 64,
    head_time: Duration::from_secs(10),
    body_time: Duration::from_secs(20),
    stall_time: Duration::from_secs(30),
    call_time: Duration::from_secs(30),
    connections: 1536,
    writers: 32,
    followers: 64,
    init_callers: 6,
    restarts: 4,
    transactions: 64,
    farewell: Duration::from_secs(5),
    last_turn: Duration::from_secs(20),
};
