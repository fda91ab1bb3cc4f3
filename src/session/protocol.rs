//! What the roles say to each other over the Unix socket: values only, and how they are laid out as bytes.
//!
//! A message is a length (32 bits, big-endian, of what follows), one byte of kind, and a body: JSON, or a preview picture
//! as raw pixels. The first message of a client is [`Hello`]; the engine answers [`EngineMessage::Welcome`] or
//! [`EngineMessage::Refused`] and closes. Always holds: a message has a bounded length; no message carries evidence, so
//! that a display or a network can start and cancel a session and nothing more. Does not open sockets.

mod greeting;
mod orders;
mod outbox;
mod rules;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::consent::ConsentText;
use super::id::SessionId;
use super::outcome::OutcomeResult;
use super::prompt::Prompt;
use crate::imaging::Rgb;

pub use greeting::Greeting;
pub use orders::{
    ClockAnswer, ClockOrder, ClockStepSummary, KeyAnswer, KeyOrder, KeySummary, NewKey, StaffAnswer, StaffOrder,
    StaffSummary,
};
pub use outbox::{
    EndpointDeed, EndpointQueue, EndpointRoom, LeaseWish, LetterState, OutboxAlarm, OutboxAnswer, OutboxLetter,
    OutboxOrder, OutboxSummary,
};
pub use rules::{RulesAnswer, RulesOrder, SlotSummary, TableInUse, TableSummary};

/// Version of the protocol; engine and client must have the same. It rises with every change that one of them would not understand.
pub const PROTOCOL_VERSION: u32 = 9;
/// Longest JSON body in bytes.
pub const MAX_JSON_BYTES: usize = 1 << 20;
/// Longest body of any kind in bytes: a preview of 640 by 480 pixels.
pub const MAX_BODY_BYTES: usize = 4 + 640 * 480 * 3;

/// Room for every message that a person's address, code or pass is in: a buffer that grows would leave copies of it behind.
const ROOM_FOR_JSON: usize = 4 << 10;
/// Bytes of length and kind before every body.
pub const HEADER_BYTES: usize = 5;

/// What a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientRole {
    /// Shows prompts; may start, answer and cancel a session.
    Display,
    /// Delivers events.
    Sync,
    /// A till: starts, answers and cancels sessions as a display does, and sees prompts, without pictures.
    Till,
    /// The operator: makes and revokes the API's keys, adds and removes staff, installs rule tables, looks after the outbox.
    Operator,
}

/// The first message of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The client's [`PROTOCOL_VERSION`].
    pub protocol: u32,
    /// Its version of the program, for the log.
    pub program: String,
    /// What it is.
    pub role: ClientRole,
}

impl Hello {
    /// This program's own.
    #[must_use]
    pub fn of(role: ClientRole) -> Self {
        Self { protocol: PROTOCOL_VERSION, program: env!("CARGO_PKG_VERSION").to_owned(), role }
    }
}

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ask")]
pub enum ClientMessage {
    /// Who it is.
    Hello(Hello),
    /// Start a session, with the configured use case and place.
    Start,
    /// The person agrees, or does not, to the session that was on the screen. Ignored when another one is by now.
    Consent {
        /// Which session.
        session: SessionId,
        /// Whether.
        given: bool,
        /// What was before them. A display shows the device's own text, a till may show the shop's.
        text: ConsentText,
    },
    /// What one of the staff found at the document that a session waits for. Only of a till.
    Review {
        /// Which session.
        session: SessionId,
        /// Whether it is good.
        accepted: bool,
        /// Who.
        code: PrivateText,
    },
    /// One of the staff sets an outcome over that of a session that was decided. Only of a till.
    Override {
        /// Which session.
        session: SessionId,
        /// What the outcome is to be.
        result: OutcomeResult,
        /// Who.
        code: PrivateText,
    },
    /// The person says that they were verified before, and is being asked for their address.
    ComeAgain {
        /// Which session they are at.
        session: SessionId,
    },
    /// The person was verified before, and asks for a code to show that they can read what is sent to an address.
    AskCode {
        /// Which session they are at.
        session: SessionId,
        /// The e-mail address.
        address: PrivateText,
        /// The language of the letter: a tag of RFC 5646, such as `en`.
        language: String,
    },
    /// They have entered the code.
    EnterCode {
        /// Which session they are at.
        session: SessionId,
        /// What they entered.
        code: PrivateText,
    },
    /// How it went with a letter. Only of the role that delivers.
    Posted {
        /// Which letter.
        ticket: u64,
        /// Whether the mail server is ready to take one: said before it hears for whom, so as soon and alike with a letter and
        /// without.
        sent: bool,
    },
    /// End a session. Ignored when another one is under way by now.
    Cancel {
        /// Which session.
        session: SessionId,
    },
    /// Give me events to deliver.
    Lease(LeaseWish),
    /// Make, list, rotate or revoke keys of the API.
    Keys(KeyOrder),
    /// Add, list or remove staff.
    Staff(StaffOrder),
    /// Install a rule table, or go back to the one before.
    Rules(RulesOrder),
    /// Tell of the clock, or forget what was trusted.
    Clock(ClockOrder),
    /// Tell of the outbox, or have dead letters sent again.
    Outbox(OutboxOrder),
    /// This is how a delivery went.
    Settle {
        /// The delivery's number.
        delivery: i64,
        /// How it went.
        outcome: Settlement,
    },
}

/// A code, or somebody's address, on its way between the roles: never printed, and wiped when it is dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct PrivateText(pub String);

impl std::fmt::Debug for PrivateText {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// A letter with a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The e-mail address.
    pub to: PrivateText,
    /// The code, as people read it.
    pub code: PrivateText,
    /// A tag of RFC 5646.
    pub language: String,
    /// For how many minutes the code is taken.
    pub minutes: u16,
}

/// What somebody hears who says that they were verified before. Whether an address is known is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "said")]
pub enum ReturnSaid {
    /// If the address is known here, a code is on its way there.
    CodeSent,
    /// No letter can be sent now: there is no connection. The full check is open.
    Offline,
    /// This was tried too often.
    TooOften {
        /// When it may be tried again.
        again_after_s: u32,
    },
    /// That is no e-mail address.
    NoAddress,
    /// The code is another one, or was not sent for this.
    WrongCode {
        /// How many more may be entered for this address.
        left: u16,
    },
    /// No code is awaited any more: ask for a new one.
    NoCode,
    /// The device cannot do that now: nobody's failure. The full check is open once it can go on.
    Unavailable,
    /// What this person has does not answer what is asked here. The full check is open.
    NotEnough,
    /// It was right, and what they have is enough.
    Accepted,
}

/// How a delivery went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum Settlement {
    /// The receiver has acknowledged it.
    Acknowledged,
    /// It failed; try again later.
    Retry {
        /// After so many milliseconds.
        after_ms: u64,
        /// What went wrong, without the body of the answer: at most 200 characters.
        why: String,
    },
    /// The receiver does not want it: to the dead letters.
    Dead {
        /// What it said, without the body of the answer: at most 200 characters.
        why: String,
    },
    /// It was not sent, because the receiver is left alone for now: due as before, and nothing is written.
    Untried,
}

/// An event that waits for delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Number of the delivery.
    pub delivery: i64,
    /// Stable identifier of the event, `evt_…`.
    pub event: String,
    /// Name of the endpoint, as in the configuration.
    pub endpoint: String,
    /// The exact body.
    pub body: String,
    /// Attempts before this one.
    pub attempts: u32,
}

/// What the engine says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "say")]
pub enum EngineMessage {
    /// The client may go on.
    Welcome {
        /// The engine's version of the program.
        program: String,
    },
    /// The client may not; the connection ends.
    Refused {
        /// Why, and what to do.
        why: String,
    },
    /// What is shown now.
    Prompt(Prompt),
    /// Events to deliver, an answer to [`ClientMessage::Lease`]; none when nothing is due.
    Leased {
        /// The events; each is this client's until the connection ends or it is settled.
        deliveries: Vec<Delivery>,
        /// Milliseconds until something is due, when nothing is now and something waits.
        next_ms: Option<u64>,
    },
    /// New events may be due: lease again.
    Due,
    /// What was asked about keys.
    Keys(KeyAnswer),
    /// What one of the staff said was done, and is on disk.
    Heeded {
        /// At which session.
        session: SessionId,
    },
    /// What was asked about the staff.
    Staff(StaffAnswer),
    /// A letter to be sent at once, by the role that delivers: it is kept nowhere and not tried again.
    Letter {
        /// Names it in the answer.
        ticket: u64,
        /// What to send; nothing when it is only asked whether a letter could be sent now.
        letter: Option<Letter>,
    },
    /// Signs of life to be passed on at once, by the role that delivers: they are kept nowhere and not sent again.
    Heartbeats {
        /// One for each endpoint that wants them.
        heartbeats: Vec<Delivery>,
    },
    /// What became of what somebody said who was verified before.
    Returning {
        /// At which session.
        session: SessionId,
        /// What became of it.
        said: ReturnSaid,
    },
    /// What was asked about the rule table.
    Rules(Box<RulesAnswer>),
    /// What was asked about the clock.
    Clock(ClockAnswer),
    /// What was asked about the outbox.
    Outbox(Box<OutboxAnswer>),
    /// The settlement is on disk.
    Settled {
        /// Which delivery.
        delivery: i64,
    },
    /// What was asked cannot be done.
    Failed {
        /// Why, and what to do.
        why: String,
    },
}

/// A decoded message body.
#[derive(Debug, Clone, PartialEq)]
pub enum Body<T> {
    /// A message.
    Message(T),
    /// A preview picture, from the engine to a display.
    Preview(Rgb),
}

/// Bytes that are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// Longer than [`MAX_BODY_BYTES`] or empty.
    #[error("a message of {0} bytes is not allowed; engine and client must be of the same version")]
    Length(usize),
    /// No known kind of body.
    #[error("message kind {0} is not known; engine and client must be of the same version")]
    Kind(u8),
    /// Not the JSON of a message.
    #[error("a message is not of the expected form; engine and client must be of the same version")]
    Form,
}

const KIND_JSON: u8 = 1;
const KIND_PREVIEW: u8 = 2;

/// Lays out a message.
///
/// # Errors
/// [`ProtocolError::Length`] when it is longer than [`MAX_JSON_BYTES`].
pub fn encode(message: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, ProtocolError> {
    let mut bytes = frame(KIND_JSON, ROOM_FOR_JSON);
    serde_json::to_writer(&mut *bytes, message).map_err(|_| ProtocolError::Form)?;
    let length = bytes.len() - HEADER_BYTES;
    if length > MAX_JSON_BYTES {
        return Err(ProtocolError::Length(length));
    }
    state_length(&mut bytes, length);
    Ok(bytes)
}

/// Lays out a preview picture.
///
/// # Errors
/// [`ProtocolError::Length`] when it is larger than [`MAX_BODY_BYTES`].
pub fn encode_preview(picture: &Rgb) -> Result<Zeroizing<Vec<u8>>, ProtocolError> {
    let side = |length: usize| u16::try_from(length).map(u16::to_be_bytes);
    let (Ok(width), Ok(height)) = (side(picture.width()), side(picture.height())) else {
        return Err(ProtocolError::Length(picture.data().len()));
    };
    if picture.data().len() + 4 > MAX_BODY_BYTES {
        return Err(ProtocolError::Length(picture.data().len() + 4));
    }
    let length = 4 + picture.data().len();
    let mut bytes = frame(KIND_PREVIEW, length);
    state_length(&mut bytes, length);
    bytes.extend(width);
    bytes.extend(height);
    bytes.extend(picture.data());
    Ok(bytes)
}

/// A header, and room for a body.
fn frame(kind: u8, room: usize) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(HEADER_BYTES + room));
    bytes.extend([0; HEADER_BYTES - 1]);
    bytes.push(kind);
    bytes
}

/// Says in the header how long the body is.
fn state_length(bytes: &mut [u8], body: usize) {
    bytes[..HEADER_BYTES - 1].copy_from_slice(&(1 + body as u32).to_be_bytes());
}

/// Reads a header: the kind of the body and its length in bytes.
///
/// # Errors
/// [`ProtocolError`] when no such message is allowed.
pub fn decode_header(header: [u8; HEADER_BYTES]) -> Result<(u8, usize), ProtocolError> {
    let [a, b, c, d, kind] = header;
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    let most = match kind {
        KIND_JSON => MAX_JSON_BYTES,
        KIND_PREVIEW => MAX_BODY_BYTES,
        other => return Err(ProtocolError::Kind(other)),
    };
    match length.checked_sub(1) {
        Some(body) if body <= most => Ok((kind, body)),
        _ => Err(ProtocolError::Length(length)),
    }
}

/// Reads a body of the kind that its header stated.
///
/// # Errors
/// [`ProtocolError`] when it is not of that kind.
pub fn decode_body<T: for<'a> Deserialize<'a>>(kind: u8, body: &[u8]) -> Result<Body<T>, ProtocolError> {
    match kind {
        KIND_JSON => serde_json::from_slice(body).map(Body::Message).map_err(|_| ProtocolError::Form),
        KIND_PREVIEW => {
            let [w1, w2, h1, h2, pixels @ ..] = body else { return Err(ProtocolError::Form) };
            let side = |high: u8, low: u8| usize::from(u16::from_be_bytes([high, low]));
            let picture = Rgb::from_raw(side(*w1, *w2), side(*h1, *h2), pixels.to_vec());
            picture.map(Body::Preview).map_err(|_| ProtocolError::Form)
        }
        other => Err(ProtocolError::Kind(other)),
    }
}

#[cfg(test)]
mod tests;
