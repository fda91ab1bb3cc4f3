//! Which table a device uses: the bundle that was installed last, the one before it, or the built-in table.
//!
//! Always holds: a bundle is judged anew whenever it is read, and one that is passed over is so with a reason; a table older
//! than the built-in one is never used; nothing takes a table's place that is not newer, but for a roll-back, which goes one
//! bundle back and is asked for. Does not read or write files.

use jiff::ToSpan;
use jiff::civil::Date;

use super::bundle::{Accepts, BundleError, open};
use super::rules::RuleBook;

/// A place for a bundle on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Installed last.
    Current,
    /// The one before it, which a roll-back goes back to.
    Previous,
}

/// What was found in a place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Held {
    /// No bundle.
    #[default]
    Absent,
    /// A file that cannot be read, and why.
    Unreadable(String),
    /// A bundle's bytes, which may be damaged.
    Bytes(Vec<u8>),
}

/// What was found in both places.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeldBundles {
    /// Installed last.
    pub current: Held,
    /// The one before it.
    pub previous: Held,
}

/// Why a bundle that is installed is not used.
#[derive(Debug, thiserror::Error)]
pub enum PassedOver {
    /// Its file cannot be read.
    #[error("its file cannot be read: {0}")]
    Unreadable(String),
    /// It is damaged, its key is not trusted any more, or this program does not take it.
    #[error(transparent)]
    Refused(#[from] BundleError),
    /// The built-in table of this program is as new, or newer.
    #[error("it is of {made_on} ({version}), and the built-in table of this program is not older")]
    Superseded {
        /// Its version.
        version: String,
        /// When it was made.
        made_on: Date,
    },
}

/// Which table is used, and what became of the others.
#[derive(Debug)]
pub struct Choice {
    /// The table.
    pub book: RuleBook,
    /// Where it was; `None` for the built-in one.
    pub slot: Option<Slot>,
    /// The bundle that was installed last.
    pub current: Option<Result<RuleBook, PassedOver>>,
    /// The one before it.
    pub previous: Option<Result<RuleBook, PassedOver>>,
}

/// Why a bundle is not installed although nothing is wrong in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstallRefusal {
    /// It is of the table's day and version, or of earlier ones.
    #[error(
        "the bundle ({version} of {made_on}) is not newer than the table in use ({in_use} of {in_use_made_on}), which stays; to go back on purpose, use 'carded rules rollback'"
    )]
    NotNewer {
        /// Its version.
        version: String,
        /// When it was made.
        made_on: Date,
        /// The version in use.
        in_use: String,
        /// When that was made.
        in_use_made_on: Date,
    },
    /// It was made on a day that is still to come.
    #[error(
        "the bundle was made on {made_on}, and this device's clock says {today}; set the clock, or wait for that day"
    )]
    ToCome {
        /// When it was made.
        made_on: Date,
        /// What the clock says.
        today: Date,
    },
}

/// Chooses the table: the newest that was installed and is good.
#[must_use]
pub fn choose(built_in: RuleBook, held: &HeldBundles, accepts: Accepts<'_>) -> Choice {
    let judge = |held: &Held| match held {
        Held::Absent => None,
        Held::Unreadable(why) => Some(Err(PassedOver::Unreadable(why.clone()))),
        Held::Bytes(bytes) => Some(open(bytes, accepts).map_err(PassedOver::from).and_then(|book| {
            let (version, made_on) = (book.version().to_owned(), book.made_on());
            if book.is_newer_than(&built_in) { Ok(book) } else { Err(PassedOver::Superseded { version, made_on }) }
        })),
    };
    let current = judge(&held.current);
    // An installation that was cut off leaves one bundle in both places: there is none before it then.
    let previous = if held.previous == held.current { None } else { judge(&held.previous) };
    let (book, slot) = match (&current, &previous) {
        (Some(Ok(book)), _) => (book.clone(), Some(Slot::Current)),
        (_, Some(Ok(book))) => (book.clone(), Some(Slot::Previous)),
        _ => (built_in, None),
    };
    Choice { book, slot, current, previous }
}

/// Whether a bundle that was opened may take the place of the table in use, on the day that the clock says. One day more is
/// allowed, because the calendar is not the same everywhere at one moment.
///
/// # Errors
/// [`InstallRefusal`], and everything stays as it is.
pub fn may_replace(new: &RuleBook, in_use: &RuleBook, today: Date) -> Result<(), InstallRefusal> {
    if new.made_on() > today.saturating_add(1.day()) {
        return Err(InstallRefusal::ToCome { made_on: new.made_on(), today });
    }
    if !new.is_newer_than(in_use) {
        return Err(InstallRefusal::NotNewer {
            version: new.version().to_owned(),
            made_on: new.made_on(),
            in_use: in_use.version().to_owned(),
            in_use_made_on: in_use.made_on(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
