//! People who come again, at the engine: a code is sent to the address that they had left, and what they enter is compared.
//!
//! Always holds: codes are in memory only, as keyed hashes bound to address and session, so that a restart asks again; each is
//! taken once, within [`OneTimeCode::LIFETIME`]; attempts are on disk before anything is sent or compared. Somebody at a screen
//! cannot find out whether an address is known: where it is not, the mail server is asked all the same whether it would take
//! a letter. What was proved is the address, and nothing else.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::EngineError;
use super::asking::{StartRefusal, Wish};
use super::desk::Order;
use super::known::Answered;
use super::staffing::Ways;
use crate::privacy::{ContactKind, EmailAddress, KeyHash, OneTimeCode};
use crate::session::machine::ReturnStep;
use crate::session::protocol::{ClientMessage, EngineMessage, Letter, PrivateText, ReturnSaid};
use crate::session::{Credential, ReturnProof, SessionId};
use crate::store::{CodeAttempt, CodeBudget, MOST_CODES_ENTERED, StoreError};

/// For how long a code may be entered again that a fault of the device has spent.
const AGAIN_WITHIN: Duration = Duration::from_mins(1);
/// Codes that are awaited at once; the one that is over first makes room.
const MOST_AWAITED: usize = 32;

/// Who asks for a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// Somebody at a screen, who is not told whether an address is known.
    Person,
    /// The shop's own program, which can look that up anyway.
    Backend,
}

/// Why somebody who comes again is not heard. Nobody has failed: the full check is open.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReturnRefusal {
    /// What is said is answered as a screen would show it.
    #[error("{}", words(*.0))]
    Said(ReturnSaid),
    /// Nobody with that address has anything that answers.
    #[error("nobody with this address has a credential that answers what this session asks; do the full check")]
    Unknown,
    /// The session goes on otherwise.
    #[error("this session waits for nobody to begin any more: it is under way or has ended")]
    NotOpen,
    /// The device cannot go on.
    #[error(transparent)]
    Session(#[from] StartRefusal),
    /// The store cannot be used.
    #[error("the device's store cannot be used now; its own log says why")]
    Store,
    /// The engine ends.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

fn words(said: ReturnSaid) -> &'static str {
    match said {
        ReturnSaid::Offline => "no letter can be sent now; do the full check, or see to the connection and [mail]",
        ReturnSaid::TooOften { .. } => "this was tried too often with this address; wait, or do the full check",
        ReturnSaid::NoAddress => "this is no e-mail address; give one such as name@shop.example",
        ReturnSaid::WrongCode { .. } => "this is not the code that was sent; look at the newest letter",
        ReturnSaid::NoCode => "no code is awaited for this session any more; ask for a new one",
        ReturnSaid::Unavailable => "the device cannot do that now; do the full check, or ask again in a moment",
        ReturnSaid::NotEnough => "what this person has does not answer what this session asks; do the full check",
        ReturnSaid::CodeSent | ReturnSaid::Accepted => "it was done",
    }
}

impl From<StoreError> for ReturnRefusal {
    fn from(error: StoreError) -> Self {
        tracing::error!("{error}");
        Self::Store
    }
}

/// A code that is awaited.
struct Awaited {
    /// Anchor of the address.
    contact: String,
    hash: KeyHash,
    /// In time since the engine started.
    until: Duration,
}

/// The codes that are awaited, one a session.
#[derive(Default)]
pub(super) struct Codes(Mutex<HashMap<SessionId, Awaited>>);

impl Codes {
    /// Awaits a code in the place of an earlier one.
    fn put(&self, session: SessionId, awaited: Awaited, uptime: Duration) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, one| one.until > uptime);
        if all.len() >= MOST_AWAITED
            && let Some(first) = all.iter().min_by_key(|(_, one)| one.until).map(|(id, _)| id.clone())
        {
            all.remove(&first);
        }
        all.insert(session, awaited);
    }

    /// Whose address a session's code was sent to, while it is awaited.
    fn contact(&self, session: &SessionId, uptime: Duration) -> Option<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(session).filter(|one| one.until > uptime).map(|one| one.contact.clone())
    }

    /// Whether that is the code; a right one is taken once.
    fn take(&self, session: &SessionId, contact: &str, hash: &KeyHash, uptime: Duration) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let right =
            all.get(session).is_some_and(|one| one.until > uptime && one.contact == contact && one.hash == *hash);
        if right {
            all.remove(session);
        }
        right
    }
}

impl Ways {
    /// What somebody has who can be written to so and that is not over; the newest first.
    pub(super) async fn credentials(
        &self,
        kind: ContactKind,
        contact: String,
    ) -> Result<Vec<Credential>, ReturnRefusal> {
        let now = self.judged_now().await?.map_err(StartRefusal::from)?.expiry;
        Ok(self.store.call(move |store| store.credentials_of(kind, &contact, now)).await??)
    }

    /// Sends a code to an address, if whoever has it has something that answers what a session asks.
    pub(super) async fn send_code(
        &self,
        session: SessionId,
        address: EmailAddress,
        language: String,
        asker: Asker,
    ) -> Result<(), ReturnRefusal> {
        let contact = self.secrets.contact(ContactKind::Email, address.reveal());
        let contact = contact.ok_or(ReturnRefusal::Said(ReturnSaid::NoAddress))?;
        let known = self.credentials(ContactKind::Email, contact.clone()).await?;
        let answers = match self.returned(&session, known, None).await? {
            Answered::Yes => true,
            Answered::No => false,
            Answered::NotOpen => return Err(ReturnRefusal::NotOpen),
        };
        if !answers && asker == Asker::Backend {
            return Err(ReturnRefusal::Unknown);
        }
        self.charge(&contact, CodeAttempt::Send).await?;
        let code = drawn()?;
        let text = |text: &str| PrivateText(text.to_owned());
        let minutes = u16::try_from(OneTimeCode::LIFETIME.as_secs() / 60).unwrap_or(u16::MAX);
        let letter =
            answers.then(|| Letter { to: text(address.reveal()), code: text(&code.reveal()), language, minutes });
        drop(address);
        if !self.letters.send(letter).await {
            // Nothing was sent: that costs nobody a letter.
            self.store.call(move |store| store.give_back_code(&contact)).await??;
            return Err(ReturnRefusal::Said(ReturnSaid::Offline));
        }
        let order = Order::Wish(Wish::Await { session: session.clone(), step: ReturnStep::Code });
        self.desk.send(order).await.map_err(|_| EngineError::Ended("desk"))?;
        // Also where nothing was sent: what is entered then is wrong, and counted, as it would be otherwise.
        let hash = self.secrets.one_time_hash(&contact, &session, &code);
        let uptime = self.origin.elapsed();
        self.codes.put(session, Awaited { contact, hash, until: uptime + OneTimeCode::LIFETIME }, uptime);
        Ok(())
    }

    /// Ends a session by what somebody has, if they have entered the code that was sent to their address.
    pub(super) async fn enter_code(&self, session: SessionId, code: OneTimeCode) -> Result<(), ReturnRefusal> {
        let contact = self.codes.contact(&session, self.origin.elapsed());
        let contact = contact.ok_or(ReturnRefusal::Said(ReturnSaid::NoCode))?;
        let left = self.charge(&contact, CodeAttempt::Enter).await?;
        let hash = self.secrets.one_time_hash(&contact, &session, &code);
        drop(code);
        if !self.codes.take(&session, &contact, &hash, self.origin.elapsed()) {
            return Err(ReturnRefusal::Said(ReturnSaid::WrongCode { left }));
        }
        let uptime = self.origin.elapsed();
        let proof = Some(ReturnProof::EmailCode);
        // Only now: between the letter and the code it may have expired, or been erased.
        let answered = match self.credentials(ContactKind::Email, contact.clone()).await {
            Ok(credentials) => self.returned(&session, credentials, proof).await,
            Err(error) => Err(error),
        };
        // A fault of the device costs nobody their code; what is left of its time is a minute, or more.
        if answered.is_err() {
            self.codes.put(session.clone(), Awaited { contact, hash, until: uptime + AGAIN_WITHIN }, uptime);
        }
        match answered? {
            Answered::Yes => {
                self.due.send_modify(|changes| *changes += 1);
                Ok(())
            }
            Answered::No => Err(ReturnRefusal::Said(ReturnSaid::NotEnough)),
            Answered::NotOpen => Err(ReturnRefusal::NotOpen),
        }
    }

    /// What somebody at a screen hears; `None` when they said nothing of that kind.
    pub(super) async fn returning(&self, message: ClientMessage) -> Option<EngineMessage> {
        let (session, done, well) = match message {
            ClientMessage::AskCode { session, address, language } => {
                let address = EmailAddress::parse(&address.0).filter(|_| is_language(&language));
                let done = match address {
                    Some(address) => self.send_code(session.clone(), address, language, Asker::Person).await,
                    None => Err(ReturnRefusal::Said(ReturnSaid::NoAddress)),
                };
                (session, done, ReturnSaid::CodeSent)
            }
            ClientMessage::EnterCode { session, code } => {
                // What is no code at all is not counted as one that was tried.
                let left = MOST_CODES_ENTERED;
                let done = match OneTimeCode::parse(code.0.trim()) {
                    Some(code) => self.enter_code(session.clone(), code).await,
                    None => Err(ReturnRefusal::Said(ReturnSaid::WrongCode { left })),
                };
                (session, done, ReturnSaid::Accepted)
            }
            _ => return None,
        };
        let said = match done {
            Ok(()) => well,
            Err(ReturnRefusal::Said(said)) => said,
            Err(refusal) => {
                tracing::warn!("somebody who was here before cannot be served: {refusal}");
                ReturnSaid::Unavailable
            }
        };
        Some(EngineMessage::Returning { session, said })
    }

    async fn returned(
        &self,
        session: &SessionId,
        credentials: Vec<Credential>,
        proof: Option<ReturnProof>,
    ) -> Result<Answered, ReturnRefusal> {
        let (answer, answered) = oneshot::channel();
        let order = Order::Wish(Wish::Return { session: session.clone(), credentials, proof, answer });
        self.desk.send(order).await.map_err(|_| EngineError::Ended("desk"))?;
        Ok(answered.await.map_err(|_| EngineError::Ended("desk"))??)
    }

    /// Charges an attempt with an address; how many more there are.
    async fn charge(&self, contact: &str, attempt: CodeAttempt) -> Result<u16, ReturnRefusal> {
        let (contact, uptime) = (contact.to_owned(), self.origin.elapsed());
        match self.store.call(move |store| store.charge_code(&contact, attempt, uptime)).await?? {
            CodeBudget::Charged { left } => Ok(left),
            CodeBudget::Spent { again_after } => {
                let again_after_s = u32::try_from(again_after.as_secs() + 1).unwrap_or(u32::MAX);
                Err(ReturnRefusal::Said(ReturnSaid::TooOften { again_after_s }))
            }
        }
    }
}

/// Whether a text has the form of a tag of RFC 5646, which the words of a letter are chosen by.
pub(super) fn is_language(tag: &str) -> bool {
    (2..=35).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn drawn() -> Result<OneTimeCode, EngineError> {
    loop {
        let mut random = [0; OneTimeCode::RANDOM_BYTES];
        getrandom::fill(&mut random).map_err(EngineError::Random)?;
        let code = OneTimeCode::draw(random);
        zeroize::Zeroize::zeroize(&mut random);
        if let Some(code) = code {
            return Ok(code);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::AnchorKey;

    const LIFE: Duration = OneTimeCode::LIFETIME;

    fn session(number: u8) -> SessionId {
        let mut bytes = [0; SessionId::CHARACTERS];
        (bytes[0], bytes[1]) = (number & 31, number >> 5);
        SessionId::from_random(&bytes)
    }

    fn hash(session: &SessionId, contact: &str, code: &str) -> KeyHash {
        let secrets = AnchorKey::from_bytes(&[7; 32]).api_secrets();
        secrets.one_time_hash(contact, session, &OneTimeCode::parse(code).unwrap())
    }

    fn awaiting(codes: &Codes, number: u8, code: &str, uptime: Duration) {
        let session = session(number);
        let hash = hash(&session, "anchor", code);
        let awaited = Awaited { contact: "anchor".to_owned(), hash, until: uptime + LIFE };
        codes.put(session, awaited, uptime);
    }

    #[test]
    fn a_code_is_taken_once_for_its_own_session_and_within_its_time() {
        let codes = Codes::default();
        let take = |number: u8, code: &str, uptime: Duration| {
            let session = session(number);
            codes.take(&session, "anchor", &hash(&session, "anchor", code), uptime)
        };
        awaiting(&codes, 1, "123456", Duration::ZERO);
        awaiting(&codes, 2, "654321", Duration::ZERO);
        assert!(!take(1, "654321", LIFE / 2) && !take(2, "123456", LIFE / 2) && !take(3, "123456", LIFE / 2));
        assert!(take(1, "123456", LIFE / 2) && !take(1, "123456", LIFE / 2), "once");
        assert!(!take(2, "654321", LIFE) && codes.contact(&session(2), LIFE).is_none(), "too late");
        awaiting(&codes, 2, "111111", LIFE / 2);
        assert!(!take(2, "654321", LIFE / 2) && take(2, "111111", LIFE), "a new one takes the place of the old");
    }

    #[test]
    fn the_list_of_awaited_codes_stays_short_and_the_one_that_is_over_first_makes_room() {
        let codes = Codes::default();
        for number in 0..40 {
            awaiting(&codes, number, "123456", Duration::from_secs(number.into()));
        }
        assert_eq!(codes.0.lock().unwrap().len(), MOST_AWAITED);
        let now = Duration::from_secs(40);
        assert!(codes.contact(&session(0), now).is_none() && codes.contact(&session(39), now).is_some());
    }
}
