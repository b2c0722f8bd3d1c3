//! Verbs over Linux: every system call that needs `unsafe`, and the few that need care, wrapped once.
//!
//! One kernel facility per file, owned file descriptors in and out, no policy. Everything `unsafe` in userland is in
//! this crate; each file that needs it says so at its top.

pub mod backdoor;
pub mod blkpg;
pub mod cgroup;
pub mod channel;
pub mod detached;
pub mod device;
pub mod dm;
pub mod events;
pub mod ext4;
pub mod handed;
pub mod kmsg;
pub mod module;
pub mod mount;
pub mod mountns;
pub mod netlink;
pub mod netns;
pub mod notify;
pub mod packet;
pub mod patience;
pub mod peer;
pub mod power;
pub mod signals;
pub mod spawn;
pub mod stop;
pub mod uevent;
pub mod usage;
pub mod watchdog;
