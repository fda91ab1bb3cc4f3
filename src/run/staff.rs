//! The staff, as an operator adds, lists and removes them: the same whether the engine runs or not.
//!
//! Always holds: a code leaves here once, in the answer that made it; what is kept is its keyed hash. Does not say what the
//! staff may do.

use jiff::Timestamp;

use super::config::Config;
use super::ordering::{OrderError, expect_label, on_engine_or_store, random};
use crate::privacy::{StaffCode, StaffId, StaffRecord};
use crate::session::protocol::{ClientMessage, EngineMessage, StaffAnswer, StaffOrder, StaffSummary};
use crate::store::{Store, StoreError};

/// Codes drawn until one is free. 1 in 45 draws gives none, and few codes are taken.
const MOST_DRAWS: usize = 32;

/// Has an order carried out: by the engine where one runs, on the store itself where none does.
///
/// # Errors
/// [`OrderError`], which says what to do.
pub async fn order_staff(config: &Config, order: StaffOrder) -> Result<StaffAnswer, OrderError> {
    let of_engine = |said| match said {
        EngineMessage::Staff(answer) => Some(answer),
        _ => None,
    };
    on_engine_or_store(config, ClientMessage::Staff(order.clone()), of_engine, |store| carry_out(store, &order)).await
}

/// Carries an order out.
pub(super) fn carry_out(store: &mut Store, order: &StaffOrder) -> Result<StaffAnswer, OrderError> {
    let now = Timestamp::now();
    match order {
        StaffOrder::List => {}
        StaffOrder::Add { label } => return add(store, label, now),
        StaffOrder::Remove { id } => store.remove_staff(id, now).map_err(|error| match error {
            StoreError::Missing => OrderError::Invalid(format!("there is nobody named {id}; see 'carded staff list'")),
            other => other.into(),
        })?,
    }
    Ok(StaffAnswer { staff: store.staff()?.iter().map(summary).collect(), code: None })
}

fn add(store: &mut Store, label: &str, now: Timestamp) -> Result<StaffAnswer, OrderError> {
    expect_label(label, "the counter or the shift")?;
    let mut refused = StoreError::Refused { what: "every code that was drawn" };
    for _ in 0..MOST_DRAWS {
        let Some(code) = StaffCode::draw(*random()?) else { continue };
        let record = StaffRecord {
            id: StaffId::from_random(&*random()?),
            label: label.to_owned(),
            created_at: now,
            removed_at: None,
            last_used_at: None,
        };
        match store.add_staff(&record, &store.api_secrets().staff_hash(&code)) {
            Ok(()) => {
                return Ok(StaffAnswer { staff: vec![summary(&record)], code: Some(code.reveal().to_string()) });
            }
            // Somebody has the code, or had it once.
            Err(error @ StoreError::Refused { .. }) => refused = error,
            Err(error) => return Err(error.into()),
        }
    }
    Err(refused.into())
}

fn summary(member: &StaffRecord) -> StaffSummary {
    let seconds = |at: Timestamp| at.as_second();
    StaffSummary {
        id: member.id.clone(),
        label: member.label.clone(),
        created: seconds(member.created_at),
        removed: member.removed_at.map(seconds),
        last_used: member.last_used_at.map(seconds),
    }
}
