//! Everything that is logged in this process, at every level and by every crate.

use std::io::Write;
use std::sync::{Mutex, Once};

use carded::session::protocol::Letter;

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Writer;

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Begins to listen.
pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let log = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
        log.with_writer(|| Writer).init();
    });
}

/// What was logged so far.
pub fn log() -> String {
    String::from_utf8_lossy(&LOG.lock().unwrap()).into_owned()
}

/// Holds a text to saying nothing of a letter.
pub fn says_nothing_of(text: &str, letter: &Letter) {
    let (address, code) = (letter.to.0.to_lowercase(), &letter.code.0);
    let local = address.split('@').next().unwrap();
    let digits = code.replace(' ', "");
    for secret in [address.as_str(), local, code, &digits] {
        assert!(!text.to_lowercase().contains(secret), "{secret} is in: {text}");
    }
}
