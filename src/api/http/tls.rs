//! The certificate of the API: read from PEM files, and read again when they have changed, so that renewing needs no restart.
//!
//! Always holds: a new pair that cannot be used leaves the old one in force, and is said in the log; the private key's file
//! has to be closed to others. Does not make certificates: `docs/api.md` says how.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Where certificate and key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The chain, leaf first, as PEM.
    pub chain: PathBuf,
    /// The private key of the leaf, as PEM.
    pub key: PathBuf,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// Not readable.
    #[error("{0} cannot be read as PEM; give the path of a file that the engine may read")]
    Unreadable(PathBuf),
    /// Others may read the key.
    #[error("{0} is open to others and may be known to them; make a new key, and give its file mode 0600")]
    Exposed(PathBuf),
    /// The two do not belong together, or are of a kind that TLS does not take.
    #[error("the certificate {certificate} and its key cannot be used: {why}; make the pair anew")]
    Pair {
        /// The certificate.
        certificate: PathBuf,
        /// Why.
        why: rustls::Error,
    },
}

/// Takes in TLS connections.
#[derive(Debug, Clone)]
pub(super) struct Acceptor {
    certificate: Certificate,
    current: Arc<Mutex<Current>>,
}

#[derive(Debug)]
struct Current {
    config: Arc<ServerConfig>,
    written: Written,
}

/// When both files were written.
type Written = [Option<SystemTime>; 2];

impl Acceptor {
    pub(super) fn new(certificate: Certificate) -> Result<Self, CertificateError> {
        let current = Current { written: written(&certificate), config: load(&certificate)? };
        Ok(Self { certificate, current: Arc::new(Mutex::new(current)) })
    }

    pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<TlsStream<S>> {
        TlsAcceptor::from(self.config()).accept(stream).await
    }

    /// The configuration of the files as they are now, or as they were when they could last be used.
    fn config(&self) -> Arc<ServerConfig> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let now = written(&self.certificate);
        if now != current.written {
            // Tried once for each change: a pair that is half written is written again.
            current.written = now;
            match load(&self.certificate) {
                Ok(config) => {
                    current.config = config;
                    tracing::info!("the API's certificate was renewed");
                }
                Err(error) => tracing::error!("the API keeps its old certificate: {error}"),
            }
        }
        Arc::clone(&current.config)
    }
}

fn written(certificate: &Certificate) -> Written {
    let of = |path: &Path| path.metadata().and_then(|file| file.modified()).ok();
    [of(&certificate.chain), of(&certificate.key)]
}

fn load(certificate: &Certificate) -> Result<Arc<ServerConfig>, CertificateError> {
    let Certificate { chain, key } = certificate;
    let unreadable = |path: &Path| CertificateError::Unreadable(path.to_owned());
    if key.metadata().map_err(|_| unreadable(key))?.mode() & 0o077 != 0 {
        return Err(CertificateError::Exposed(key.clone()));
    }
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(chain).map_err(|_| unreadable(chain))?.collect();
    let certificates = read.map_err(|_| unreadable(chain))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|_| unreadable(key))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let refused = |why| CertificateError::Pair { certificate: chain.clone(), why };
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(refused)?;
    let mut config = builder.with_no_client_auth().with_single_cert(certificates, private).map_err(refused)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
