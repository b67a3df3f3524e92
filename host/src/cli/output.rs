//! Standard output, which may end before a command does.

use std::io::{ErrorKind, Result, Write, stdout};

/// Standard output of a command. Once its reader has had enough, as `head` has, the rest is dropped: the command goes on to
/// its end, and its exit code tells of its work and not of the pipe. Other errors, such as a full disk, are errors.
#[derive(Debug, Default)]
pub(crate) struct Output {
    gone: bool,
}

impl Output {
    fn unless_gone<T>(&mut self, dropped: T, write: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.gone {
            return Ok(dropped);
        }
        match write() {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.gone = true;
                Ok(dropped)
            }
            done => done,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.unless_gone(bytes.len(), || stdout().write(bytes))
    }

    fn flush(&mut self) -> Result<()> {
        self.unless_gone((), || stdout().flush())
    }
}

/// Prints a line to standard output as [`Output`] does. Gives a `std::io::Result`, where `println!` would panic.
macro_rules! say {
    ($($line:tt)*) => {{
        use std::io::Write as _;
        writeln!($crate::cli::output::Output::default(), $($line)*)
    }};
}
pub(crate) use say;
