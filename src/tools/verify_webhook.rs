//! `carded verify-webhook`: for whoever writes a receiver, why a request is believed or not.

use std::io::{Read as _, Write};
use std::path::PathBuf;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::exit::{CommandError, Exit};
use super::receiver::{ReceivedEvent, TrustArgs, authentic, read_event, read_secrets};
use crate::sync::{MAX_BODY_BYTES, MAX_HEADER_BYTES};

/// Longest file of headers in bytes.
const MAX_HEADERS_BYTES: usize = 64 * 1024;

/// Checks a webhook request as a receiver has to.
#[derive(Debug, Clone, Args)]
pub struct VerifyWebhookArgs {
    /// File with the body, byte for byte as it came; standard input where it is left out.
    body: Option<PathBuf>,
    /// A header of the request, as in `stripe-signature: t=…,v1=…`; may be given several times.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// File with all headers of the request, one a line; others than those of signatures are passed over.
    #[arg(long, value_name = "FILE")]
    headers_file: Option<PathBuf>,
    /// File with the endpoint's secret; give it twice while the secret is being rotated.
    #[arg(long = "secret-file", value_name = "FILE", required = true)]
    secret_files: Vec<PathBuf>,
    /// The moment to judge by, such as 2026-11-23T12:00:00Z; now where it is left out.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    #[command(flatten)]
    trust: TrustArgs,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// What is said of a request.
#[derive(Serialize)]
struct Answer {
    verified: bool,
    /// By which headers.
    scheme: Option<&'static str>,
    event: Option<ReceivedEvent>,
    /// Why it is not to be believed.
    why: Option<String>,
}

/// Says whether a request is to be believed, and what it tells.
///
/// # Errors
/// [`CommandError`] when something cannot be read.
pub fn verify_webhook(args: &VerifyWebhookArgs) -> Result<Exit, CommandError> {
    let secrets = read_secrets(&args.secret_files)?;
    let trusted = args.trust.keys()?;
    let headers = headers(args)?;
    let body = match &args.body {
        Some(file) => limited(std::fs::File::open(file), &file.display().to_string(), MAX_BODY_BYTES)?,
        None => limited(Ok(std::io::stdin().lock()), "standard input", MAX_BODY_BYTES)?,
    };
    let at = args.at.unwrap_or_else(Timestamp::now);
    let answer = match authentic(&headers, &body, &secrets, at.as_second()) {
        Err(error) => Answer { verified: false, scheme: None, event: None, why: Some(error.to_string()) },
        Ok(scheme) => match read_event(&body, trusted.as_ref(), at.as_millisecond()) {
            Err(error) => {
                Answer { verified: false, scheme: Some(scheme.as_str()), event: None, why: Some(error.to_string()) }
            }
            Ok((event, _)) => Answer { verified: true, scheme: Some(scheme.as_str()), event: Some(event), why: None },
        },
    };
    tell(&answer, args.json)?;
    Ok(if answer.verified { Exit::Success } else { Exit::Negative })
}

fn tell(answer: &Answer, as_json: bool) -> Result<(), CommandError> {
    let mut out = std::io::stdout().lock();
    if as_json {
        serde_json::to_writer(&mut out, answer).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else if let Some(why) = &answer.why {
        writeln!(out, "NOT verified: {why}")?;
    } else if let (Some(event), Some(scheme)) = (&answer.event, answer.scheme) {
        let attested = event.attestation.as_str();
        writeln!(out, "verified by {scheme}: {} {} {}", event.id, event.name, event.session)?;
        writeln!(out, "result {}, attestation {attested}", event.result)?;
    }
    Ok(())
}

fn headers(args: &VerifyWebhookArgs) -> Result<HeaderMap, CommandError> {
    let mut lines = args.headers.clone();
    if let Some(file) = &args.headers_file {
        let bytes = limited(std::fs::File::open(file), &file.display().to_string(), MAX_HEADERS_BYTES)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        // The line of the request, and an empty one at the end, are as they are copied.
        lines.extend(text.lines().filter(|line| line.contains(": ")).map(str::to_owned));
    }
    let mut headers = HeaderMap::new();
    for line in lines {
        let wrong = || {
            CommandError::Usage(format!(
                "'{}' is no header; give it as in 'stripe-signature: t=…,v1=…'",
                line.chars().take(40).collect::<String>()
            ))
        };
        let (name, value) = line.split_once(':').ok_or_else(wrong)?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| wrong())?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
        if value.len() > 4 * MAX_HEADER_BYTES {
            continue;
        }
        headers.append(name, value);
    }
    Ok(headers)
}

/// Reads at most so many bytes, and one more, by which what is longer is told.
fn limited(source: std::io::Result<impl std::io::Read>, name: &str, most: usize) -> Result<Vec<u8>, CommandError> {
    let unreadable = |error: std::io::Error| CommandError::Usage(format!("{name} cannot be read: {error}"));
    let mut bytes = Vec::new();
    source.map_err(unreadable)?.take(most as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}
