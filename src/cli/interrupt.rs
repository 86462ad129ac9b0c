//! Ctrl-C and SIGTERM: training ends after the step under way, with a checkpoint; everything else at once.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// The signal that has come; 0: none.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

/// Whether something runs that looks at [`SIGNAL`].
static TRAINING: AtomicBool = AtomicBool::new(false);

/// Says whether training is under way.
pub(super) fn set_training(training: bool) {
    TRAINING.store(training, Ordering::Relaxed);
}

/// The exit code of a run that was interrupted.
pub(super) fn exit_code() -> u8 {
    u8::try_from(128 + SIGNAL.load(Ordering::Relaxed)).unwrap_or(u8::MAX)
}

/// Notes signals from now on, and gives where.
pub(super) fn catch() -> &'static AtomicI32 {
    #[cfg(unix)]
    unix::catch();
    &SIGNAL
}

#[cfg(unix)]
mod unix {
    use std::sync::atomic::Ordering;

    use super::{SIGNAL, TRAINING};

    pub(super) fn catch() {
        let note = note as extern "C" fn(libc::c_int);
        for signal in [libc::SIGINT, libc::SIGTERM] {
            // SAFETY: the handler calls nothing but atomics, `signal` and `raise`, which a handler may.
            unsafe {
                // What the parent wants ignored (`nohup`, jobs in the background) stays ignored.
                if libc::signal(signal, note as libc::sighandler_t) == libc::SIG_IGN {
                    libc::signal(signal, libc::SIG_IGN);
                }
            }
        }
    }

    /// A first signal while training is noted; any other does what it would have done.
    extern "C" fn note(signal: libc::c_int) {
        if !TRAINING.load(Ordering::Relaxed) || SIGNAL.swap(signal, Ordering::Relaxed) != 0 {
            // SAFETY: both may be called in a handler.
            unsafe {
                libc::signal(signal, libc::SIG_DFL);
                libc::raise(signal);
            }
        }
    }
}
