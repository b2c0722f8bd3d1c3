//! Telling the service manager how far this process is: sd_notify(3), one datagram of `KEY=value` lines.
//!
//! The manager names its socket in `NOTIFY_SOCKET`: a path, or `@` and an abstract name (unix(7)). Who starts a service
//! without a manager (a test, a developer) sets nothing, and nothing is sent.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::time::{ClockId, clock_gettime};

/// The service does its work.
pub const READY: &str = "READY=1";
/// The answer to a reload, in place of [`READY`]: the service could not take its settings again, and goes on with what it had
/// (or without them). The number is EINVAL; its log says what is wrong.
pub const NOT_TAKEN: &str = "READY=1\nERRNO=22";
/// The service has begun to end.
pub const STOPPING: &str = "STOPPING=1";

/// Where the manager's address stands.
const VARIABLE: &str = "NOTIFY_SOCKET";

/// The service takes its settings again; [`READY`] follows when it has. Says since when, so that a manager who asked for
/// it can tell this answer from an earlier one.
pub fn reloading() -> String {
    let now = clock_gettime(ClockId::Monotonic);
    let usec = now.tv_sec.unsigned_abs().saturating_mul(1_000_000) + now.tv_nsec.unsigned_abs() / 1_000;
    format!("RELOADING=1\nMONOTONIC_USEC={usec}")
}

/// Sends `state` to the manager. Without one nothing is sent, and nothing is wrong.
pub fn tell(state: &str) -> io::Result<()> {
    std::env::var_os(VARIABLE).map_or(Ok(()), |socket| send(&socket, state))
}

fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    let address = match socket.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(socket)?,
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "NOTIFY_SOCKET names no unix socket")),
    };
    let sender = UnixDatagram::unbound()?;
    loop {
        match sender.send_to_addr(state.as_bytes(), &address) {
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            other => return other.map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(manager: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = manager.recv(&mut buffer).unwrap();
        str::from_utf8(&buffer[..length]).unwrap().to_owned()
    }

    #[test]
    fn a_state_reaches_a_socket_at_a_path() {
        let path = std::env::temp_dir().join(format!("notify-{}", std::process::id()));
        let manager = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str(), READY).unwrap();
        assert_eq!(heard(&manager), "READY=1");
        drop(manager);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(send(path.as_os_str(), READY).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_state_reaches_an_abstract_socket() {
        let name = format!("notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        send(OsStr::new(&format!("@{name}")), "STOPPING=1\nSTATUS=going").unwrap();
        assert_eq!(heard(&manager), "STOPPING=1\nSTATUS=going", "all lines are one datagram");
    }

    #[test]
    fn an_address_of_another_kind_is_refused() {
        for socket in ["", "relative", "vsock:2:1234"] {
            assert_eq!(send(OsStr::new(socket), READY).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn without_a_manager_nothing_is_wrong() {
        if std::env::var_os(VARIABLE).is_none() {
            tell(READY).unwrap();
        }
    }

    #[test]
    fn reloading_says_since_when() {
        let usec = || {
            let message = reloading();
            message.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().parse::<u64>().unwrap()
        };
        let first = usec();
        assert!(first > 0 && usec() >= first);
    }
}
