//! `carded mail`: whether letters with codes can be sent, tried by the operator.
//!
//! Always holds: it goes the same way as `carded sync`, with the same settings; the address that it is given is shown to whoever
//! typed it and to nobody else, and is in no log. Does not speak to the engine.

use std::io::Write;

use clap::{ArgGroup, Args, Subcommand};
use serde::Serialize;

use super::exit::{CommandError, Exit};
use super::operator::OperatorArgs;
use crate::privacy::{EmailAddress, OneTimeCode};
use crate::run::{leave_no_core_dump, mailer, run_role};
use crate::session::protocol::{Letter, PrivateText};
use crate::sync::MailSecurity;

/// The code of a letter that is a test, which opens nothing.
const TEST_CODE: &str = "000 000";

/// What `carded mail` takes.
#[derive(Debug, Args)]
pub struct MailArgs {
    #[command(subcommand)]
    verb: MailVerb,
}

#[derive(Debug, Subcommand)]
enum MailVerb {
    /// Sends a letter with a code that opens nothing, or finds out whether one could be sent.
    Test(TestArgs),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true))]
struct TestArgs {
    #[command(flatten)]
    operator: OperatorArgs,
    /// Where to send it.
    #[arg(long, value_name = "ADDRESS", group = "what")]
    to: Option<String>,
    /// Send nothing: go as far as one can without a recipient.
    #[arg(long, group = "what")]
    probe: bool,
    /// The language of the letter, a tag of RFC 5646.
    #[arg(long, default_value = "en")]
    language: String,
}

/// What was found out.
#[derive(Serialize)]
struct Tried {
    server: String,
    security: &'static str,
    logged_in: bool,
    sent: bool,
}

/// Tries whether letters can be sent.
///
/// # Errors
/// [`CommandError`] with what to mend.
pub fn mail(args: &MailArgs) -> Result<Exit, CommandError> {
    let MailVerb::Test(args) = &args.verb;
    let config = args.operator.config()?;
    let missing = "the configuration has no section [mail]: docs/returning.md says what is in it";
    let mailer = mailer(&config)?.ok_or_else(|| CommandError::Usage(missing.to_owned()))?;
    let letter = args.to.as_deref().map(|address| letter(address, &args.language)).transpose()?;
    let server = mailer.server();
    let tried = Tried {
        server: format!("{} port {}", server.host(), server.port()),
        security: match server.security() {
            MailSecurity::Tls => "tls",
            MailSecurity::StartTls => "starttls",
            MailSecurity::None => "none",
        },
        logged_in: config.mail.is_some_and(|mail| mail.login.is_some()),
        sent: letter.is_some(),
    };
    leave_no_core_dump().map_err(CommandError::Process)?;
    run_role(|_| async move {
        match letter {
            Some(letter) => mailer.send(&letter).await,
            None => mailer.probe().await,
        }
    })
    .map_err(CommandError::Process)??;
    args.operator.tell(&tried, |out| print(out, &tried, args.to.as_deref().unwrap_or_default()))?;
    Ok(Exit::Success)
}

fn letter(address: &str, language: &str) -> Result<Letter, CommandError> {
    let none = || CommandError::Usage("--to is no e-mail address; give one such as name@shop.example".to_owned());
    let address = EmailAddress::parse(address).ok_or_else(none)?;
    let text = |text: &str| PrivateText(text.to_owned());
    let minutes = u16::try_from(OneTimeCode::LIFETIME.as_secs() / 60).unwrap_or(u16::MAX);
    Ok(Letter { to: text(address.reveal()), code: text(TEST_CODE), language: language.to_owned(), minutes })
}

fn print(out: &mut dyn Write, tried: &Tried, address: &str) -> std::io::Result<()> {
    writeln!(out, "ok    {} was reached (mail.security {:?})", tried.server, tried.security)?;
    if tried.logged_in {
        writeln!(out, "ok    it knows mail.user")?;
    }
    writeln!(out, "ok    it takes mail from mail.from")?;
    if tried.sent {
        writeln!(out, "ok    it has taken a letter to {address}")?;
        writeln!(out, "\nLook whether it arrives, and not among the unwanted: its code {TEST_CODE} opens nothing.")?;
    } else {
        writeln!(out, "\nNo letter was sent. 'carded mail test --to ADDRESS' sends one.")?;
    }
    Ok(())
}
