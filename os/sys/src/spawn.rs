//! Starting a program, in its cgroup from its first instruction (clone3(2), execve(2)).
//!
//! Why not `std::process::Command`: a child that moves itself into a cgroup makes the kernel wait for every CPU
//! (cgroup_threadgroup_rwsem), tens of milliseconds for each start of a boot; `CLONE_INTO_CGROUP` does not. And nothing
//! of the child runs outside its limits.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char, c_int, c_long};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;

/// What to start, and how. Everything not named here is cleared: environment, descriptors, signals, session, folder.
#[derive(Debug)]
pub struct Plan<'a> {
    /// Program (absolute) and arguments; at least the program.
    pub exec: &'a [CString],
    /// `NAME=value` each.
    pub environment: &'a [CString],
    /// The cgroup (a directory of a cgroup2 file system); none stays in the parent's.
    pub cgroup: Option<BorrowedFd<'a>>,
    /// Descriptors 0, 1, 2 and, if there is one more, 3.
    pub descriptors: &'a [BorrowedFd<'a>],
    /// User and group id; other groups are dropped.
    pub user: (u32, u32),
    /// The kernel's bias when memory runs out.
    pub oom_score_adj: i16,
    /// RLIMIT_NOFILE, soft and hard.
    pub open_files: Option<u64>,
}

/// A step on the way to the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Descriptors for the child.
    Descriptors,
    /// The new process itself, in its cgroup.
    Clone,
    /// The session of its own.
    Session,
    /// Its out-of-memory bias.
    Oom,
    /// Its limit of open files.
    Limit,
    /// Its groups, group and user.
    User,
    /// Its folder.
    Folder,
    /// The program.
    Exec,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Descriptors => "descriptors",
            Self::Clone => "clone",
            Self::Session => "session",
            Self::Oom => "oom_score_adj",
            Self::Limit => "open files limit",
            Self::User => "user",
            Self::Folder => "folder",
            Self::Exec => "exec",
        })
    }
}

/// A program that did not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the program: step {step} failed")]
pub struct SpawnError {
    /// How far it came.
    pub step: Step,
    /// The kernel's answer.
    #[source]
    pub err: io::Error,
}

/// clone3's argument (linux/sched.h), as of its version with `cgroup`.
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// linux/sched.h; libc's constant is too narrow for it.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
/// The first number that child descriptors are moved from, so that placing one never covers another.
const CLEAR_OF_STANDARD: RawFd = 10;
const EXIT_NOT_STARTED: c_int = 127;

/// Starts the program. When this returns a process id, the program itself runs: exec has happened.
///
/// The caller reaps the process (`signals::reap`); a child that never got to its program is reaped here.
pub fn spawn(plan: &Plan<'_>) -> Result<Pid, SpawnError> {
    let at = |step| move |err: rustix::io::Errno| SpawnError { step, err: err.into() };
    let (report_read, low) = pipe_with(PipeFlags::CLOEXEC).map_err(at(Step::Descriptors))?;
    let move_up = |fd: BorrowedFd<'_>| rustix::io::fcntl_dupfd_cloexec(fd, CLEAR_OF_STANDARD);
    let report_write = move_up(low.as_fd()).map_err(at(Step::Descriptors))?;
    // Only the child may keep the pipe open: its closing is the sign that the program runs.
    drop(low);
    let moved: Result<Vec<OwnedFd>, _> = plan.descriptors.iter().map(|fd| move_up(*fd)).collect();
    let moved = moved.map_err(at(Step::Descriptors))?;
    let child = Child {
        argv: pointers(plan.exec),
        envp: pointers(plan.environment),
        descriptors: moved.iter().map(AsRawFd::as_raw_fd).collect(),
        report: report_write.as_raw_fd(),
        user: plan.user,
        oom: plan.oom_score_adj.to_string().into_bytes(),
        open_files: plan.open_files,
    };
    let args = CloneArgs {
        flags: if plan.cgroup.is_some() { CLONE_INTO_CGROUP } else { 0 },
        exit_signal: libc::SIGCHLD as u64,
        cgroup: plan.cgroup.map_or(0, |fd| fd.as_raw_fd() as u64),
        ..CloneArgs::default()
    };
    // SAFETY: 1. `args` is a valid clone_args of the size given and outlives the call. 2. No stack, no CLONE_VM: the
    // child is a copy that returns here, as from fork. 3. The child runs only `Child::run`, which allocates nothing and
    // takes no lock, so it does not matter what other threads held at this moment.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<CloneArgs>()) };
    if pid == 0 {
        child.run();
    }
    if pid < 0 {
        return Err(SpawnError { step: Step::Clone, err: io::Error::last_os_error() });
    }
    drop(report_write);
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(|| SpawnError {
        step: Step::Clone,
        err: io::Error::other("the kernel gave a process id that is none"),
    })?;
    // The write end closes at exec; what comes before is the child's report of failure.
    let mut report = Vec::new();
    let read = File::from(report_read).take(8).read_to_end(&mut report);
    let Some((step, err)) = read.ok().and_then(|_| failure(&report)) else { return Ok(pid) };
    // It has exited or is about to.
    let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
    Err(SpawnError { step, err })
}

fn pointers(texts: &[CString]) -> Vec<*const c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
}

fn failure(report: &[u8]) -> Option<(Step, io::Error)> {
    let (step, errno) = report.split_first()?;
    let steps =
        [Step::Session, Step::Oom, Step::Limit, Step::User, Step::Folder, Step::Descriptors, Step::Exec];
    let step = steps.into_iter().find(|known| *known as u8 == *step)?;
    Some((step, io::Error::from_raw_os_error(i32::from_ne_bytes(errno.try_into().ok()?))))
}

/// What the child needs, laid out before it exists.
struct Child {
    argv: Vec<*const c_char>,
    envp: Vec<*const c_char>,
    descriptors: Vec<RawFd>,
    report: RawFd,
    user: (u32, u32),
    oom: Vec<u8>,
    open_files: Option<u64>,
}

impl Child {
    /// The child's whole life before its program: system calls only. Never returns, never allocates.
    fn run(&self) -> ! {
        let step = self.prepare();
        // SAFETY: errno is this thread's own.
        let errno = unsafe { *libc::__errno_location() }.to_ne_bytes();
        let report = [step as u8, errno[0], errno[1], errno[2], errno[3]];
        // SAFETY: `report` is valid for its length; _exit runs no handlers, which belong to the parent.
        unsafe {
            libc::write(self.report, report.as_ptr().cast(), report.len());
            libc::_exit(EXIT_NOT_STARTED)
        }
    }

    /// Comes back only with the step that failed.
    fn prepare(&self) -> Step {
        // SAFETY: each call is async-signal-safe and gets pointers to memory that the copied parent holds:
        // NUL-terminated strings in null-terminated arrays (`pointers` over CStrings that `spawn` borrows), initialised
        // structs on this stack. Raw system calls set the ids: glibc's would signal threads that do not exist here.
        unsafe {
            if libc::setsid() < 0 {
                return Step::Session;
            }
            // Dispositions: handlers fall at exec by themselves, ignored signals would stay; Rust ignores SIGPIPE only.
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
            libc::umask(0o022);
            let oom = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
            if oom < 0 || libc::write(oom, self.oom.as_ptr().cast(), self.oom.len()) < 0 {
                return Step::Oom;
            }
            if let Some(count) = self.open_files {
                let limit = libc::rlimit { rlim_cur: count, rlim_max: count };
                if libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) < 0 {
                    return Step::Limit;
                }
            }
            let (uid, gid) = (c_long::from(self.user.0), c_long::from(self.user.1));
            if (uid, gid) != (0, 0)
                && (libc::syscall(libc::SYS_setgroups, 0_usize, std::ptr::null::<libc::gid_t>()) < 0
                    || libc::syscall(libc::SYS_setresgid, gid, gid, gid) < 0
                    || libc::syscall(libc::SYS_setresuid, uid, uid, uid) < 0)
            {
                return Step::User;
            }
            if libc::chdir(c"/".as_ptr()) < 0 {
                return Step::Folder;
            }
            let mut number = 0;
            for fd in &self.descriptors {
                // dup2 leaves close-on-exec behind.
                if libc::dup2(*fd, number) < 0 {
                    return Step::Descriptors;
                }
                number += 1;
            }
            // Everything else was opened close-on-exec; this holds even if one day something is not.
            let rest = libc::syscall(libc::SYS_close_range, number, c_int::MAX, libc::CLOSE_RANGE_CLOEXEC);
            if rest < 0 {
                return Step::Descriptors;
            }
            libc::execve(*self.argv.as_ptr(), self.argv.as_ptr(), self.envp.as_ptr());
        }
        Step::Exec
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(exec: &[&str], environment: &[&str]) -> Result<(String, i32), SpawnError> {
        let texts =
            |texts: &[&str]| texts.iter().map(|text| CString::new(*text).unwrap()).collect::<Vec<_>>();
        let null = File::open("/dev/null").unwrap();
        let (read, write) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let plan = Plan {
            exec: &texts(exec),
            environment: &texts(environment),
            cgroup: None,
            descriptors: &[null.as_fd(), write.as_fd(), write.as_fd()],
            user: (0, 0),
            oom_score_adj: 7,
            open_files: Some(100),
        };
        let pid = spawn(&plan)?;
        drop(write);
        let mut text = String::new();
        File::from(read).read_to_string(&mut text).unwrap();
        let (_, status) =
            rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty()).unwrap().unwrap();
        Ok((text, status.exit_status().unwrap_or(-1)))
    }

    #[test]
    fn the_program_gets_what_the_plan_says_and_nothing_else() {
        let script = "env; ulimit -n; cat /proc/self/oom_score_adj; pwd; ls /proc/self/fd | wc -l; exit 3";
        let (text, code) = run(&["/bin/sh", "-c", script], &["A=b"]).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(code, 3);
        // sh adds PWD; ls has its own descriptor beside 0, 1, 2.
        assert_eq!(lines, ["A=b", "PWD=/", "100", "7", "/", "4"]);
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error_with_its_step() {
        let err = run(&["/no/such/program"], &[]).unwrap_err();
        assert_eq!(err.step, Step::Exec);
        assert_eq!(err.err.kind(), io::ErrorKind::NotFound);
    }
}
