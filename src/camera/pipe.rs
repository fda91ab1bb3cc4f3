//! Pipes to child processes that may hang: every read and write has a moment at which it gives up.
//!
//! Always holds: no call waits past `until`, whatever the other end does. Does not kill anybody.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A pipe that is ready for writing takes this much without blocking (`PIPE_BUF` on Linux, and a page).
const ALWAYS_FITS: usize = 4096;

/// One end of a pipe, with the moment at which reads and writes give up with [`ErrorKind::TimedOut`].
#[derive(Debug)]
pub(crate) struct TimedPipe<P> {
    pipe: P,
    /// When to give up; moved on by the owner before each exchange.
    pub until: Instant,
}

impl<P: AsFd> TimedPipe<P> {
    /// Gives up after `patience` from now.
    pub fn new(pipe: P, patience: Duration) -> Self {
        Self { pipe, until: Instant::now() + patience }
    }

    fn wait_for(&self, events: PollFlags) -> Result<()> {
        loop {
            let rest = self.until.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(rest).map_err(|_| Error::from(ErrorKind::InvalidInput))?;
            match poll(&mut [PollFd::new(&self.pipe, events)], Some(&timeout)) {
                Ok(0) => return Err(ErrorKind::TimedOut.into()),
                // The other end may be gone: the read or write itself says so.
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl<P: AsFd + Read> Read for TimedPipe<P> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.wait_for(PollFlags::IN)?;
        self.pipe.read(buffer)
    }
}

impl<P: AsFd + Write> Write for TimedPipe<P> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.wait_for(PollFlags::OUT)?;
        self.pipe.write(&bytes[..bytes.len().min(ALWAYS_FITS)])
    }

    fn flush(&mut self) -> Result<()> {
        self.pipe.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_that_nobody_writes_to_is_given_up() {
        let (reader, _writer) = std::io::pipe().unwrap();
        let mut pipe = TimedPipe::new(reader, Duration::from_millis(5));
        assert_eq!(pipe.read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn a_pipe_that_nobody_reads_is_given_up_when_it_is_full() {
        let (_reader, writer) = std::io::pipe().unwrap();
        let mut pipe = TimedPipe::new(writer, Duration::from_millis(50));
        assert_eq!(pipe.write_all(&vec![7; 1 << 21]).unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn bytes_come_through_and_the_end_is_seen() {
        let (reader, writer) = std::io::pipe().unwrap();
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
        let patience = Duration::from_secs(20);
        std::thread::scope(|threads| {
            threads.spawn(|| TimedPipe::new(writer, patience).write_all(&bytes).unwrap());
            let mut read = Vec::new();
            TimedPipe::new(reader, patience).read_to_end(&mut read).unwrap();
            assert!(read == bytes);
        });
    }
}
