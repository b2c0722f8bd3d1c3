//! Who is at the other end of a unix socket (unix(7), SO_PEERCRED), as the kernel noted it when they connected.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// The program that connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its effective user.
    pub uid: u32,
    /// Its effective group.
    pub gid: u32,
    /// Its process; none when it cannot be named here, in a process namespace that it is not in.
    pub pid: Option<u32>,
}

/// Asks the kernel about a connected stream socket.
pub fn of(socket: impl AsFd) -> io::Result<Peer> {
    let mut credentials = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let size = size_of::<libc::ucred>();
    let mut length = size as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to `credentials`, a plain structure that is as long; both outlive
    // the call, and the descriptor is borrowed for it.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut credentials).cast(),
            &raw mut length,
        )
    };
    if outcome != 0 {
        return Err(io::Error::last_os_error());
    }
    if usize::try_from(length) != Ok(size) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let pid = u32::try_from(credentials.pid).ok().filter(|pid| *pid > 0);
    Ok(Peer { uid: credentials.uid, gid: credentials.gid, pid })
}

/// Its supplementary groups when it connected (SO_PEERGROUPS).
pub fn groups(socket: impl AsFd) -> io::Result<Vec<u32>> {
    // Most processes have a handful; the kernel says how many, when there are more.
    let mut groups: Vec<libc::gid_t> = vec![0; 32];
    loop {
        let mut length = size_of_val(groups.as_slice()) as libc::socklen_t;
        // SAFETY: the kernel writes at most `length` bytes to the vector, whose elements are initialised and which is that
        // long; it outlives the call, and the descriptor is borrowed for it.
        let outcome = unsafe {
            libc::getsockopt(
                socket.as_fd().as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERGROUPS,
                groups.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        let count = length as usize / size_of::<libc::gid_t>();
        if outcome == 0 {
            groups.truncate(count);
            return Ok(groups);
        }
        let err = io::Error::last_os_error();
        // Longer than there was room for: it cannot change for this connection, so the next call is the last.
        if err.raw_os_error() != Some(libc::ERANGE) || count <= groups.len() {
            return Err(err);
        }
        groups.resize(count, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_socket_knows_its_other_end() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let peer = of(&ours).unwrap();
        assert_eq!(peer.uid, rustix::process::geteuid().as_raw());
        assert_eq!(peer.gid, rustix::process::getegid().as_raw());
        assert_eq!(peer.pid, Some(std::process::id()));
    }

    #[test]
    fn a_socket_knows_the_groups_of_its_other_end() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let mut found = groups(&ours).unwrap();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap();
        let mut want: Vec<u32> = line.split_whitespace().map(|group| group.parse().unwrap()).collect();
        found.sort_unstable();
        want.sort_unstable();
        assert_eq!(found, want);
    }

    #[test]
    fn what_is_no_such_socket_is_an_error() {
        assert!(of(std::fs::File::open("/dev/null").unwrap()).is_err());
        assert!(groups(std::fs::File::open("/dev/null").unwrap()).is_err());
    }
}
