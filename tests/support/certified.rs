//! Certificates for servers of tests.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::skip;

/// An authority, and a certificate of it for a host.
pub struct Certified {
    folder: TempDir,
}

impl Certified {
    /// `None`, said aloud, where openssl is not installed. `host` is as in a certificate: `IP:127.0.0.1`, `DNS:localhost`.
    pub fn of(host: &str) -> Option<Self> {
        let certified = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(certified.path("names"), format!("subjectAltName={host}\n")).unwrap();
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        for step in [
            format!("req -x509 {key} -days 2 -subj /CN=authority -keyout authority.key -out authority.pem"),
            format!("req {key} -subj /CN=server -keyout server.key -out server.csr"),
            "x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 2 -extfile names \
             -out server.pem"
                .to_owned(),
        ] {
            let mut openssl = Command::new("openssl");
            openssl.args(step.split(' ')).current_dir(certified.folder.path()).stderr(Stdio::null());
            if !openssl.status().is_ok_and(|status| status.success()) {
                skip("openssl is not installed: TLS was not tried");
                return None;
            }
        }
        Some(certified)
    }

    /// The same authority's certificate for the same host, which has run out in 2020.
    pub fn expired(self) -> Self {
        let settings = "[ca]\ndefault_ca=it\n[it]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=any\n\
                        unique_subject=no\n[any]\ncommonName=supplied\n";
        for (file, text) in [("settings", settings), ("index", ""), ("serial", "0a\n")] {
            std::fs::write(self.path(file), text).unwrap();
        }
        let step = "ca -batch -notext -config settings -cert authority.pem -keyfile authority.key -in server.csr -out server.pem \
                    -extfile names -startdate 20200101000000Z -enddate 20200201000000Z";
        let mut openssl = Command::new("openssl");
        openssl.args(step.split_whitespace()).current_dir(self.folder.path()).stderr(Stdio::null());
        assert!(openssl.status().unwrap().success());
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn authority(&self) -> Vec<u8> {
        std::fs::read(self.path("authority.pem")).unwrap()
    }
}
