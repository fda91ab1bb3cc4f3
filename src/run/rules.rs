//! The rule table of the device: which one it uses, and how an operator installs another or goes back.
//!
//! Always holds: a table that is not used although it was installed is told as an error of its own, with what to do; what was
//! ordered is on disk before it is answered. Does not judge bundles: `compliance` does.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::clock::Clock;
use super::config::Config;
use super::ordering::{OrderError, on_engine_or_store};
use super::timekeeper::Timekeeper;
use crate::compliance::{
    Accepts, Choice, Held, HeldBundles, PassedOver, PublisherKey, RuleBook, RuleBookError, RuleError, Slot, choose,
    may_replace, open_bundle,
};
use crate::session::ConsentText;
use crate::session::protocol::{
    ClientMessage, EngineMessage, RulesAnswer, RulesOrder, SlotSummary, TableInUse, TableSummary,
};
use crate::store::{Store, StoreError, installed_rules};

/// Most publishers.
const MAX_KEYS: usize = 8;
/// What the device's own screen can put before a person.
const CONSENT_TEXTS: [&str; 1] = [ConsentText::OF_CHECK];
/// A bundle's date says nothing by a wrong clock.
const WRONG_CLOCK: &str = "the clock of this device is wrong, and no bundle is judged by it; see 'carded clock show'";

/// Whose rule tables are taken in place of the built-in one.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RulesConfig {
    /// The publishers' public keys; without any, no bundle is taken.
    #[serde(deserialize_with = "keys")]
    pub trusted_keys: Vec<PublisherKey>,
}

fn keys<'a, D: serde::Deserializer<'a>>(deserializer: D) -> Result<Vec<PublisherKey>, D::Error> {
    let keys = Vec::<PublisherKey>::deserialize(deserializer)?;
    if keys.len() > MAX_KEYS {
        return Err(serde::de::Error::custom(format!("rules.trusted_keys has more than {MAX_KEYS} keys")));
    }
    Ok(keys)
}

impl RulesConfig {
    /// What this device takes.
    #[must_use]
    pub fn accepts(&self) -> Accepts<'_> {
        accepts(&self.trusted_keys)
    }
}

/// What this program takes of some publishers.
#[must_use]
pub fn accepts(keys: &[PublisherKey]) -> Accepts<'_> {
    Accepts { keys, consent_texts: &CONSENT_TEXTS }
}

/// The table that a device uses, as its files are now; they are read beside an engine that runs.
///
/// # Errors
/// [`RuleBookError`] when the built-in table is wrong, which a test rules out.
pub fn table_of_device(config: &Config) -> Result<Choice, RuleBookError> {
    chosen(&installed_rules(&config.device.state), config)
}

/// The table that an engine is to use, and its log's word about each that it is not to use.
pub(super) fn table_to_use(held: &HeldBundles, config: &Config) -> Result<RuleBook, RuleBookError> {
    let choice = chosen(held, config)?;
    let instead = match choice.slot {
        Some(Slot::Current) => "the table installed last",
        Some(Slot::Previous) => "the table installed before it",
        None => "the built-in table",
    };
    let version = choice.book.version();
    for (name, judged) in [("last", &choice.current), ("before that", &choice.previous)] {
        match judged {
            Some(Err(why @ PassedOver::Superseded { .. })) => tracing::warn!(
                "the rule table installed {name} is not used: {why}; {instead} ({version}) is; 'carded rules rollback' \
                 takes it away"
            ),
            Some(Err(why)) => tracing::error!(
                "the rule table installed {name} is not used: {why}; {instead} ({version}) is; mend that and start the \
                 engine again, or install a newer bundle with 'carded rules install'"
            ),
            Some(Ok(_)) | None => {}
        }
    }
    tracing::info!("the rules are {instead}, {version}");
    Ok(choice.book)
}

fn chosen(held: &HeldBundles, config: &Config) -> Result<Choice, RuleBookError> {
    Ok(choose(RuleBook::built_in()?, held, config.rules.accepts()))
}

/// Has an order carried out: by the engine where one runs, on the files themselves where none does.
///
/// # Errors
/// [`OrderError`], which says what to do.
pub async fn order_rules(config: &Config, clock: Arc<dyn Clock>, order: RulesOrder) -> Result<RulesAnswer, OrderError> {
    let of_engine = |said| match said {
        EngineMessage::Rules(answer) => Some(*answer),
        _ => None,
    };
    let on_store = |store: &mut Store| {
        let time = Timekeeper::new(clock, &RuleBook::built_in().map_err(invalid)?, store.clock()?.as_ref());
        let at = time.trust().map(|_| time.time());
        carry_out(store, config, &order, at).map(|(answer, _)| answer)
    };
    on_engine_or_store(config, ClientMessage::Rules(order.clone()), of_engine, on_store).await
}

/// Carries an order out, and says which table is to be used from now on. `at` is the time, where it can be relied on.
pub(super) fn carry_out(
    store: &mut Store,
    config: &Config,
    order: &RulesOrder,
    at: Option<Timestamp>,
) -> Result<(RulesAnswer, RuleBook), OrderError> {
    let before = chosen(&store.installed_rules(), config).map_err(invalid)?;
    let changed = match order {
        RulesOrder::Status => false,
        RulesOrder::Install { bundle } => {
            let at = at.ok_or_else(|| invalid(WRONG_CLOCK))?;
            install(store, config, &before, bundle.as_bytes(), at)?
        }
        RulesOrder::Rollback => {
            // The way back is open whatever the clock says.
            store.roll_back_rules(at.unwrap_or_else(Timestamp::now)).map_err(|error| match error {
                StoreError::Missing => {
                    invalid("no table is installed: the built-in one is in use, and nothing is before it")
                }
                other => other.into(),
            })?;
            true
        }
    };
    let after = if changed { chosen(&store.installed_rules(), config).map_err(invalid)? } else { before };
    let built_in = summary(&RuleBook::built_in().map_err(invalid)?);
    let answer = RulesAnswer {
        uses: match after.slot {
            Some(Slot::Current) => TableInUse::Current,
            Some(Slot::Previous) => TableInUse::Previous,
            None => TableInUse::BuiltIn,
        },
        in_use: summary(&after.book),
        current: after.current.as_ref().map(slot),
        previous: after.previous.as_ref().map(slot),
        built_in,
        changed,
    };
    Ok((answer, after.book))
}

/// Whether anything had to be written: the bundle that is in use already is installed.
fn install(
    store: &mut Store,
    config: &Config,
    before: &Choice,
    bundle: &[u8],
    now: Timestamp,
) -> Result<bool, OrderError> {
    let new = open_bundle(bundle, config.rules.accepts()).map_err(invalid)?;
    let is_there = matches!(store.installed_rules().current, Held::Bytes(current) if current == bundle);
    if is_there && before.slot == Some(Slot::Current) {
        return Ok(false);
    }
    may_replace(&new, &before.book, now.to_zoned(TimeZone::UTC).date()).map_err(invalid)?;
    // A table that makes the use case of the site prohibited is the law; one that knows nothing of it is the wrong one.
    if let Err(error @ RuleError::Unresolvable { .. }) =
        new.resolve_at(config.site.use_case, &config.site.jurisdiction, now)
    {
        return Err(OrderError::Invalid(format!("the bundle is not for this device's site: {error}")));
    }
    store.install_rules(bundle, matches!(before.current, Some(Ok(_))), now)?;
    Ok(true)
}

fn invalid(why: impl std::fmt::Display) -> OrderError {
    OrderError::Invalid(why.to_string())
}

fn slot(judged: &Result<RuleBook, PassedOver>) -> SlotSummary {
    match judged {
        Ok(book) => SlotSummary { table: Some(summary(book)), passed_over: None },
        Err(why) => SlotSummary { table: None, passed_over: Some(why.to_string()) },
    }
}

fn summary(book: &RuleBook) -> TableSummary {
    TableSummary {
        rule_version: book.version().to_owned(),
        made_on: book.made_on().to_string(),
        signed_by: book.signed_by().map(str::to_owned),
    }
}
