//! Verbs over Linux: every system call that needs `unsafe`, and the few that need care, wrapped once.
//!
//! One kernel facility per file, owned file descriptors in and out, no policy. Everything `unsafe` in userland is in
//! this crate; each file that needs it says so at its top.

pub mod cgroup;
pub mod channel;
pub mod events;
pub mod power;
pub mod signals;
pub mod spawn;
pub mod blkpg;
pub mod dm;
pub mod ext4;
pub mod handed;
pub mod kmsg;
pub mod module;
pub mod mount;
pub mod stop;
pub mod uevent;
pub mod detached;
pub mod device;
pub mod netns;
pub mod packet;
pub mod netlink;
