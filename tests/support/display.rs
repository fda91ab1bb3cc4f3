//! A display without a screen.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// An X server that draws into memory, until it is dropped.
pub struct Xvfb {
    server: Child,
    /// What `DISPLAY` has to say.
    pub display: String,
}

impl Xvfb {
    /// Starts one with a screen such as `1280x900x24`, and waits until it serves.
    ///
    /// # Errors
    /// When this machine has none.
    pub fn start(screen: &str, more: &[&OsStr]) -> std::io::Result<Self> {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", screen])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number)?;
        Ok(Self { server, display: format!(":{}", number.trim()) })
    }
}

impl Drop for Xvfb {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
