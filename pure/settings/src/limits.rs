//! Every bound on what a settings document may be, in one place.

/// Bounds on one source of settings. Each is far above any sane document and below what would hurt a small machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length of the text, after decompression. Answers a source that never ends and a gzip bomb. Cloud providers
    /// stop at 16 to 64 KiB; a document of 10 000 keys has about 400 KiB.
    pub text_bytes: usize,
    /// Tables and lists inside each other. Answers documents made to exhaust the stack; the deepest key we
    /// know (`settings.containers.NAME.mounts[].source`) is 6 deep. The parser's own bound is 80.
    pub depth: usize,
    /// Values and tables altogether. Answers documents made to exhaust memory: a two byte value (`1,`) becomes a
    /// node of about a hundred bytes.
    pub nodes: usize,
    /// Bytes read again and again to find the tables with syntax errors, before the source is given up.
    /// Answers text that is not TOML at all; a document of ordinary size has hundreds of tries.
    pub repair_bytes: usize,
}

/// The bounds that hosts use.
pub const LIMITS: Limits = Limits { text_bytes: 1 << 20, depth: 16, nodes: 50_000, repair_bytes: 8 << 20 };
