// SPDX-License-Identifier: GPL-2.0
//! Signals that end kpsc: its temporary files go first, and then it dies of the signal, so that a
//! shell or a script that has sent it sees that.

use crate::temporary;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::IntoRawFd as _;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// A terminal's interrupt key, a request to end, and the end of the terminal.
const ENDING: [libc::c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// The end of the pipe that the handler writes to.
static PIPE: AtomicI32 = AtomicI32::new(-1);

/// Whether signals are held, and whether one has come meanwhile.
static IS_HELD: AtomicBool = AtomicBool::new(false);
static HAS_COME: AtomicBool = AtomicBool::new(false);

/// While this value lives, a first signal does not end the process; a second one of its kind does.
#[derive(Debug)]
pub struct Held(());

/// Holds signals, for an operation that has a better end than the middle.
pub fn hold() -> Held {
    HAS_COME.store(false, Ordering::SeqCst);
    IS_HELD.store(true, Ordering::SeqCst);
    Held(())
}

impl Held {
    /// Whether a signal has come that would have ended the process.
    pub fn has_come(&self) -> bool {
        HAS_COME.load(Ordering::SeqCst)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        IS_HELD.store(false, Ordering::SeqCst);
    }
}

/// Removes the temporary files before one of these signals ends the process. A signal that the
/// parent has had ignored, as `nohup` does, stays ignored.
pub fn clean_up_before_ending() -> io::Result<()> {
    let (reader, writer) = io::pipe()?;
    PIPE.store(writer.into_raw_fd(), Ordering::Relaxed);
    std::thread::Builder::new()
        .spawn(move || wait(File::from(std::os::fd::OwnedFd::from(reader))))?;
    ENDING.iter().try_for_each(|&signal| handle(signal))
}

fn handle(signal: libc::c_int) -> io::Result<()> {
    // SAFETY: an all-zero `sigaction` is a valid value: the default action, no flags, and no mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel only writes the current action, to a variable of this type.
    if unsafe { libc::sigaction(signal, std::ptr::null(), &mut action) } != 0 {
        return Err(io::Error::last_os_error());
    }
    if action.sa_sigaction == libc::SIG_IGN {
        return Ok(());
    }
    action.sa_sigaction = note as extern "C" fn(libc::c_int) as usize;
    // A second signal of the kind does not wait for the files.
    action.sa_flags = libc::SA_RESTART | libc::SA_RESETHAND;
    // SAFETY: `note` has the signature of a handler without SA_SIGINFO, lives as long as the
    // program and does only what is allowed in a handler.
    match unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The handler: only the thread that waits may remove files.
extern "C" fn note(signal: libc::c_int) {
    let byte = signal as u8;
    // SAFETY: `write` is async-signal-safe and gets a valid byte. `errno`, which it may change, is
    // restored for the code that was interrupted.
    unsafe {
        let errno = *libc::__errno_location();
        libc::write(PIPE.load(Ordering::Relaxed), (&raw const byte).cast(), 1);
        *libc::__errno_location() = errno;
    }
}

/// Waits for a signal that is not held, and ends the process with it.
fn wait(mut pipe: File) {
    let mut signal = [0];
    loop {
        if pipe.read_exact(&mut signal).is_err() {
            return;
        }
        if !IS_HELD.load(Ordering::SeqCst) {
            break;
        }
        HAS_COME.store(true, Ordering::SeqCst);
    }
    temporary::remove_all();
    let signal = libc::c_int::from(signal[0]);
    // SAFETY: both calls have no memory to misuse. The signal is one of `ENDING`, none of which is
    // blocked here, and its default action ends the process.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}
