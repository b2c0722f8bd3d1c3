//! What the network may take of the host, before and after it has shown a certificate.

use std::time::Duration;

/// Bounds beside those on requests. Tests make them smaller.
#[derive(Debug, Clone, Copy)]
pub struct RemoteLimits {
    /// Longest handshake. Answers connections that are opened and left.
    pub handshake_time: Duration,
    /// Handshakes at once. Their own budget: strangers cannot use up the places of those who are let in.
    pub handshakes: usize,
    /// Of these, from one address: one stranger cannot keep everybody else waiting.
    pub handshakes_each: usize,
    /// Connections at once of those who are let in.
    pub connections: usize,
    /// Of these, with one certificate: whoever has stolen one cannot keep the administrator out.
    pub connections_each: usize,
    /// Of all these, those that watch or follow, which have no end. Their own budget: local callers have theirs.
    pub followers: usize,
    /// Of these, with one certificate.
    pub followers_each: usize,
    /// Of all changes that wait for their turn, those of the network: the rest of the places is for local callers, whom nobody can
    /// keep from undoing what others do.
    pub writers: usize,
    /// Of these, with one certificate.
    pub writers_each: usize,
    /// How long a connection may finish what it does when its certificate has expired, or whom we believe has changed.
    pub linger: Duration,
    /// Refusals recorded within a minute; the rest is counted. Answers floods that would push the record's past out.
    pub refusals: u32,
}

/// What the service runs with.
pub const REMOTE_LIMITS: RemoteLimits = RemoteLimits {
    handshake_time: Duration::from_secs(10),
    handshakes: 64,
    handshakes_each: 16,
    connections: 256,
    connections_each: 64,
    followers: 48,
    followers_each: 16,
    writers: 16,
    writers_each: 4,
    linger: Duration::from_secs(60),
    refusals: 20,
};
