//! The letter with a code, in the reader's language.
//!
//! Always holds: the code stands in the body alone, not in the subject, which lock screens show; plain text; nothing names the
//! box. Whatever the address or the shop's name holds, there is one recipient and no header but those written here. Does not
//! send.

use std::fmt::Write as _;
use std::time::SystemTime;

use lettre::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox, Message};
use zeroize::Zeroizing;

use super::error::MailError;
use super::settings::MailSettings;
use crate::privacy::EmailAddress;
use crate::session::protocol::Letter;

/// Longest part before the `@` in bytes (RFC 5321, section 4.5.3.1.1).
const MAX_LOCAL: usize = 64;
/// Characters of a message's identifier before the `@`.
const ID_CHARACTERS: usize = 32;
/// Room for a body, so that its buffer does not move while it is written.
const BODY_BYTES: usize = 2048;

/// What a letter says in one language.
struct Words {
    /// Primary subtag of RFC 5646.
    language: &'static str,
    /// From the shop's name.
    subject: fn(&str) -> String,
    /// From the shop's name, the code and the minutes for which it is taken.
    body: fn(&mut String, &str, &str, u16) -> std::fmt::Result,
}

/// One for each language of the screens; the first is for everybody else.
const LANGUAGES: [Words; 1] = [Words {
    language: "en",
    subject: |shop| format!("Your code for {shop}"),
    body: |out, shop, code, minutes| {
        let unit = if minutes == 1 { "minute" } else { "minutes" };
        write!(
            out,
            "Your code for {shop}:\n\n    {code}\n\n\
             Enter it where you asked for it. It is valid for {minutes} {unit}, and once.\n\n\
             Give it to nobody: nobody from {shop} will ask you for it.\n\n\
             If you did not ask for a code, ignore this letter.\n"
        )
    },
}];

fn words(tag: &str) -> &'static Words {
    let primary = tag.split('-').next().unwrap_or_default();
    LANGUAGES.iter().find(|words| words.language.eq_ignore_ascii_case(primary)).unwrap_or(&LANGUAGES[0])
}

/// An address as mail servers take it: a plain part before the `@`, of ASCII letters, and a host's name, which is put into
/// ASCII letters. `None` for what is no address, and for what would need quotes or an extension of the protocol.
pub(super) fn mail_address(text: &str) -> Option<Address> {
    let (local, host) = text.rsplit_once('@')?;
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"(),:;<>@[\\]".contains(&byte);
    if local.len() > MAX_LOCAL || !local.bytes().all(plain) {
        return None;
    }
    Address::new(local, idna::domain_to_ascii(host).ok()?).ok()
}

/// The letter as it is handed to the mail server, and who it is for. The bytes are wiped when they are dropped.
pub(super) fn written(settings: &MailSettings, letter: &Letter) -> Result<(Address, Zeroizing<Vec<u8>>), MailError> {
    let to = EmailAddress::parse(&letter.to.0).and_then(|address| mail_address(address.reveal()));
    let to = to.ok_or(MailError::Address)?;
    let words = words(&letter.language);
    let shop = settings.shop.0.as_str();
    let mut body = String::with_capacity(BODY_BYTES);
    (words.body)(&mut body, shop, &letter.code.0, letter.minutes).map_err(|_| MailError::Internal)?;
    let from = &settings.from.0;
    let random: String = std::iter::repeat_with(fastrand::alphanumeric).take(ID_CHARACTERS).collect();
    let header =
        |name: &'static str, value: &str| HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned());
    let mut builder = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject((words.subject)(shop))
        .message_id(Some(format!("<{random}@{}>", from.email.domain())))
        .date(SystemTime::now())
        .header(MIME_VERSION_1_0)
        .header(ContentType::TEXT_PLAIN)
        // RFC 3834: no machine is to answer, such as one that says when somebody is back from holiday.
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("Content-Language", words.language));
    if let Some(reply_to) = &settings.reply_to {
        builder = builder.reply_to(reply_to.0.clone());
    }
    let message = builder.body(body).map_err(|_| MailError::Internal)?;
    Ok((to, Zeroizing::new(message.formatted())))
}

#[cfg(test)]
mod tests {
    use super::super::settings::{MailSecurity, MailServer, Sender, ShopName};
    use super::*;
    use crate::session::protocol::PrivateText;
    use proptest::prelude::*;

    fn settings(shop: &str) -> MailSettings {
        MailSettings {
            server: MailServer::new("mail.shop.example", None, MailSecurity::Tls).unwrap(),
            from: Sender::parse("Shop <codes@shop.example>").unwrap(),
            reply_to: Sender::parse("help@shop.example"),
            shop: ShopName::parse(shop).unwrap(),
        }
    }

    fn letter(to: &str, language: &str) -> Letter {
        let text = |text: &str| PrivateText(text.to_owned());
        Letter { to: text(to), code: text("123 456"), language: language.to_owned(), minutes: 10 }
    }

    /// Headers and body, without soft line breaks.
    fn split(letter: &Letter, shop: &str) -> (Vec<String>, String) {
        let (_, bytes) = written(&settings(shop), letter).unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 998));
        let (headers, body) = text.split_once("\r\n\r\n").unwrap();
        (headers.replace("\r\n ", " ").lines().map(str::to_owned).collect(), body.replace("=\r\n", ""))
    }

    #[test]
    fn a_letter_has_its_code_in_the_body_and_says_what_to_do_with_it() {
        let (headers, body) = split(&letter("ana@mail.example", "en"), "Corner Shop");
        for header in [
            "From: Shop <codes@shop.example>",
            "To: ana@mail.example",
            "Reply-To: help@shop.example",
            "Subject: Your code for Corner Shop",
            "Auto-Submitted: auto-generated",
            "Content-Language: en",
            "Content-Type: text/plain; charset=utf-8",
            "MIME-Version: 1.0",
        ] {
            assert!(headers.iter().any(|line| line == header), "{header}: {headers:?}");
        }
        assert_eq!(headers.iter().filter(|line| line.starts_with("Date: ")).count(), 1);
        let id = headers.iter().find(|line| line.starts_with("Message-ID: <")).unwrap();
        assert!(id.ends_with("@shop.example>"), "{id}");
        assert!(!headers.concat().contains("123"), "{headers:?}");
        for words in ["    123 456\r\n", "for 10 minutes, and once", "nobody from Corner Shop will ask", "ignore"] {
            assert!(body.contains(words), "{words}: {body}");
        }
    }

    #[test]
    fn a_language_without_words_gets_english_ones() {
        for tag in ["en", "EN-us", "tlh", "x", "", "-", "e"] {
            assert_eq!(words(tag).language, "en", "{tag}");
        }
    }

    #[test]
    fn a_shop_with_other_letters_is_encoded() {
        let (headers, body) = split(&letter("ana@mail.example", "en"), "Käsehaus {code}");
        assert!(headers.iter().any(|line| line.starts_with("Subject: Your code for =?utf-8?")), "{headers:?}");
        assert!(!headers.concat().contains("123") && body.contains("123 456") && body.contains("K=C3=A4sehaus {code}"));
    }

    #[test]
    fn hosts_of_other_letters_are_written_in_ascii_and_odd_addresses_are_not_written_to() {
        assert_eq!(mail_address("ana@läden.example").unwrap().to_string(), "ana@xn--lden-loa.example");
        for text in [
            "a@b\nbcc: x@y.example",
            "a\r\nbcc@shop.example",
            "a>b@shop.example",
            "\"a b\"@shop.example",
            "a,b@shop.example",
            "änne@shop.example",
            "a@shop.example> SIZE=1",
            "a@shop.example\r\nDATA",
            "@shop.example",
            "a@",
            "ana",
        ] {
            assert!(mail_address(text).is_none(), "{text}");
            assert_eq!(written(&settings("Shop"), &letter(text, "en")).err(), Some(MailError::Address), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_address_and_no_shop_adds_a_header_or_a_recipient(to in "\\PC{1,40}@[a-zäß\\r\\n.>,:-]{1,20}", shop in "\\PC{1,40}") {
            let Some(shop) = ShopName::parse(&shop) else { return Ok(()) };
            let settings = MailSettings { shop, ..settings("Shop") };
            let Ok((to, bytes)) = written(&settings, &letter(&to, "en")) else { return Ok(()) };
            prop_assert!(!to.to_string().contains(|c: char| c.is_control() || c.is_whitespace() || "<>,\"".contains(c)));
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let (headers, _) = text.split_once("\r\n\r\n").unwrap();
            let names: Vec<_> = headers.split("\r\n").filter(|line| !line.starts_with(' ')).collect();
            let names: Vec<_> = names.iter().map(|line| line.split(':').next().unwrap()).collect();
            prop_assert_eq!(names.len(), 11, "{:?}", names);
        }
    }
}
