//! A client of gpsd, which owns the receiver of satellites.
//!
//! Always holds: it never ends by itself, whatever gpsd does: it comes back when gpsd does; a line has a bounded length,
//! and a peer that speaks another protocol or none is let go. Positions go on to whoever is given them, and into no log.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::report::{ALIVE, Line, Report, WATCH, read};

/// Longest line in bytes: gpsd's own limit is 10 KiB.
const LONGEST_LINE: usize = 16 * 1024;
/// Lines of another protocol after which a peer is let go.
const MOST_GARBAGE: u32 = 100;
/// Time for a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Silence after which gpsd is asked whether it is there; after the same again it is not.
const SILENCE: Duration = Duration::from_secs(30);
/// First and longest rest before it is looked for again.
const REST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("it cannot be reached: {0}")]
    Unreachable(#[from] std::io::Error),
    #[error("it does not answer")]
    Silent,
    #[error("it closed the connection")]
    Closed,
    #[error("it speaks another protocol")]
    Garbage,
    #[error("nobody wants to hear it")]
    NotWanted,
}

/// Listens to gpsd for as long as somebody takes its reports.
pub(super) async fn listen(address: SocketAddr, reports: mpsc::Sender<Report>) {
    let mut rest = REST.0;
    // Most devices have no receiver, and that is no news every half a minute.
    let mut was_there = true;
    loop {
        let mut heard = false;
        match follow(address, &reports, &mut heard).await {
            Lost::NotWanted => return,
            lost if heard || was_there => tracing::info!("gpsd: {lost}; it is looked for again"),
            _ => {}
        }
        was_there = heard;
        rest = if heard { REST.0 } else { (rest * 2).min(REST.1) };
        tokio::select! {
            () = reports.closed() => return,
            () = tokio::time::sleep(rest) => {}
        }
    }
}

/// One connection, from its beginning to its end.
async fn follow(address: SocketAddr, reports: &mpsc::Sender<Report>, heard: &mut bool) -> Lost {
    match converse(address, reports, heard).await {
        Ok(never) => match never {},
        Err(lost) => lost,
    }
}

async fn converse(
    address: SocketAddr,
    reports: &mpsc::Sender<Report>,
    heard: &mut bool,
) -> Result<std::convert::Infallible, Lost> {
    let stream = timeout(CONNECT_WITHIN, TcpStream::connect(address)).await.map_err(|_| Lost::Silent)??;
    let (reading, mut asking) = stream.into_split();
    asking.write_all(WATCH).await?;
    let mut lines = Lines { reader: BufReader::new(reading), line: Vec::new() };
    let (mut garbage, mut asked) = (0, false);
    loop {
        match timeout(SILENCE, lines.complete()).await {
            Ok(complete) => complete?,
            Err(_) if asked => return Err(Lost::Silent),
            Err(_) => {
                asking.write_all(ALIVE).await?;
                asked = true;
                continue;
            }
        }
        asked = false;
        let line = read(&lines.line);
        lines.line.clear();
        garbage = if line == Line::Garbage { garbage + 1 } else { 0 };
        *heard |= line != Line::Garbage;
        match line {
            Line::Fix(report) => reports.send(report).await.map_err(|_| Lost::NotWanted)?,
            Line::Garbage if garbage >= MOST_GARBAGE => return Err(Lost::Garbage),
            Line::Garbage | Line::Other => {}
        }
    }
}

/// What a peer says, line by line.
struct Lines<R> {
    reader: R,
    /// As much of a line as has come.
    line: Vec<u8>,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    /// Waits until the line is complete. What has come of it stays when the wait is given up.
    async fn complete(&mut self) -> Result<(), Lost> {
        loop {
            let come = self.reader.fill_buf().await?;
            let end = come.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(come.len(), |end| end + 1);
            if come.is_empty() {
                return Err(Lost::Closed);
            }
            if self.line.len() + taken > LONGEST_LINE {
                return Err(Lost::Garbage);
            }
            self.line.extend_from_slice(&come[..taken]);
            self.reader.consume(taken);
            if end.is_some() {
                return Ok(());
            }
        }
    }
}
