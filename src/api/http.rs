//! The listener: connections in, bounded in number, size and time, with or without TLS.
//!
//! Always holds: a connection that is slow, silent or huge is closed and costs nobody else more than its place; beyond
//! loopback and Unix sockets there is nothing without TLS; no address or header is logged.

mod tls;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

pub use tls::{Certificate, CertificateError};

/// Connections at one time.
const MOST_CONNECTIONS: usize = 64;
/// Time to send a request's headers; also how long a connection may stay idle.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// Time for a handshake.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(5);
/// Bytes that the headers of a request may take.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// Headers of a request.
const MAX_HEADERS: usize = 64;
/// Time that requests under way get when the engine stops.
const FINISH_WITHIN: Duration = Duration::from_millis(800);

/// Where the API is served.
#[derive(Debug, Clone)]
pub enum Listen {
    /// On a TCP address; beyond loopback only with a certificate.
    Tcp {
        /// The address.
        address: SocketAddr,
        /// The certificate, where there is one.
        certificate: Option<Certificate>,
    },
    /// On a Unix socket.
    Unix(PathBuf),
}

/// Why the API cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Others could listen in.
    #[error(
        "api.listen is {0}, which other machines can reach, and there is no certificate; set api.tls_certificate and api.tls_key, or listen on 127.0.0.1"
    )]
    Open(SocketAddr),
    /// The address cannot be taken.
    #[error("the API cannot listen on {place}: {source}; look whether another program does, or choose another address")]
    Bind {
        /// Where.
        place: String,
        /// Why.
        source: io::Error,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// A place that is listened on.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    certificate: Option<tls::Acceptor>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Listener {
    /// Takes the address.
    ///
    /// # Errors
    /// [`ListenError`], which says what to change.
    pub async fn bind(listen: &Listen) -> Result<Self, ListenError> {
        match listen {
            Listen::Tcp { address, certificate } => {
                if certificate.is_none() && !address.ip().is_loopback() {
                    return Err(ListenError::Open(*address));
                }
                let certificate = certificate.clone().map(tls::Acceptor::new).transpose()?;
                let failed = |source| ListenError::Bind { place: address.to_string(), source };
                let socket = TcpListener::bind(address).await.map_err(failed)?;
                Ok(Self { socket: Socket::Tcp(socket), certificate })
            }
            Listen::Unix(path) => {
                let failed = |source| ListenError::Bind { place: path.display().to_string(), source };
                let socket = bind_unix(path).map_err(failed)?;
                Ok(Self { socket: Socket::Unix(socket, path.clone()), certificate: None })
            }
        }
    }

    /// The TCP address that was taken.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(socket) => socket.local_addr().ok(),
            Socket::Unix(..) => None,
        }
    }

    /// Serves until `stop` says so; requests under way are finished within a second.
    pub async fn serve(self, router: Router, mut stop: watch::Receiver<bool>) {
        let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            // The place is taken first: beyond the last one, callers wait in the system's own queue.
            let place = tokio::select! {
                () = halted(&mut stop) => break,
                place = Arc::clone(&places).acquire_owned() => place,
            };
            let Ok(place) = place else { break };
            let accepted = tokio::select! {
                () = halted(&mut stop) => break,
                accepted = self.accept() => accepted,
            };
            match accepted {
                Ok(stream) => {
                    let (router, stop, acceptor) = (router.clone(), stop.clone(), self.certificate.clone());
                    connections.spawn(connection(stream, acceptor, router, stop, place));
                }
                Err(error) => {
                    // Out of descriptors, most likely: others may close some.
                    tracing::warn!("the API cannot take in a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
        let finished = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(FINISH_WITHIN, finished).await.is_err() {
            tracing::info!("requests under way were broken off");
        }
        if let Socket::Unix(_, path) = &self.socket {
            // Another engine makes it anew.
            let _ = std::fs::remove_file(path);
        }
    }

    async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match &self.socket {
            Socket::Tcp(socket) => {
                let (stream, _) = socket.accept().await?;
                // Answers are small and wait for nothing.
                let _ = stream.set_nodelay(true);
                Ok(Box::new(stream))
            }
            Socket::Unix(socket, _) => socket.accept().await.map(|(stream, _)| Box::new(stream) as Box<dyn Stream>),
        }
    }
}

/// Waits until the engine stops.
pub(super) async fn halted(stop: &mut watch::Receiver<bool>) {
    // The sender is gone when the engine is.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Bytes both ways.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A socket that only this user and its group may use; a dead engine's is taken away.
fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
    if path.symlink_metadata().is_ok_and(|file| file.file_type().is_socket()) {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        std::fs::remove_file(path)?;
    }
    let socket = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(socket)
}

async fn connection(
    stream: Box<dyn Stream>,
    acceptor: Option<tls::Acceptor>,
    router: Router,
    stop: watch::Receiver<bool>,
    place: OwnedSemaphorePermit,
) {
    match acceptor {
        None => talk(stream, router, stop).await,
        Some(acceptor) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_WITHIN, acceptor.accept(stream)).await {
                talk(stream, router, stop).await;
            } else {
                tracing::debug!("a TLS handshake failed");
            }
        }
    }
    drop(place);
}

/// Time in which a caller has to take some of an answer off our hands.
const WRITE_WITHIN: Duration = Duration::from_secs(15);

async fn talk(stream: impl Stream + 'static, router: Router, mut stop: watch::Receiver<bool>) {
    let service = TowerToHyperService::new(router);
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN);
    server.max_buf_size(MAX_HEADER_BYTES).max_headers(MAX_HEADERS);
    let mut stream = Box::pin(TimeoutStream::new(stream));
    stream.as_mut().set_write_timeout_pinned(Some(WRITE_WITHIN));
    let talking = server.serve_connection(TokioIo::new(stream), service);
    let mut talking = std::pin::pin!(talking);
    let ended = tokio::select! {
        ended = &mut talking => ended,
        () = halted(&mut stop) => {
            talking.as_mut().graceful_shutdown();
            talking.await
        }
    };
    if let Err(error) = ended {
        // The text of the error names no header and no body.
        tracing::debug!("a connection ended: {error}");
    }
}
