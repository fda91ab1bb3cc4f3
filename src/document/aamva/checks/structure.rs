//! The form of the payload: header, version, subfile table, separators and order (annex D, header and subfile
//! designators).
//!
//! What scanners change on the way to us (line endings, the characters before the file type) is weak: it says nothing
//! about who made the card. Where the payload was read out of its symbol here, or all of those arrived as the standard has
//! them, nothing was changed on the way, and what is wrong then is the maker's.

use super::super::editions::{Edition, NEWEST_VERSION};
use super::super::elements::ElementId;
use super::super::header::Subfile;
use super::super::{AamvaDocument, FileType, Format, Structure};
use super::{Oddities, PayloadOrigin, fail, flag, not_applicable, pass};
use crate::document::Check;
use crate::document::CheckStrength::{Moderate, Strong, Weak};

/// Header version since which a table that is off says something: the editions before leave open what a length counts,
/// and the table of the DL/ID-2000's own example is off by four.
const TABLES_SINCE: u8 = 4;

/// Characters by which issuers' own tables are off: they count terminators differently.
const TERMINATORS: usize = 2;

pub(super) fn header(document: &AamvaDocument, origin: PayloadOrigin) -> Check {
    const NAME: &str = "header";
    let file_type = match document.format {
        Format::MagneticStripe => return not_applicable(NAME, "the tracks of a magnetic stripe have no header"),
        // No issuer leaves it out, and a barcode arrives whole or not at all.
        Format::Headerless => return flag(NAME, Strong, "there is no header"),
        Format::Subfiles(file_type) => file_type,
    };
    let structure = &document.structure;
    // Only cards of DL/ID-2000 are known to call the file type by the association's name.
    let is_early = document.version.is_none_or(|version| version <= 1);
    let before_it = match origin {
        PayloadOrigin::Symbol => Moderate,
        PayloadOrigin::Elsewhere => Weak,
    };
    let mut odd = Oddities::default();
    if !structure.has_compliance_indicator {
        odd.add(before_it, "the compliance indicator is missing");
    }
    if !structure.has_record_separator {
        odd.add(before_it, "the record separator is missing");
    }
    if odd.seen.is_empty() && !structure.prelude_is_standard {
        odd.add(before_it, "other characters stand before the file type");
    }
    if file_type == FileType::Aamva && !is_early {
        odd.add(Moderate, "the file type is AAMVA, not ANSI");
    }
    odd.into_check(NAME, Weak, "as the standard has it")
}

pub(super) fn version(document: &AamvaDocument) -> Check {
    const NAME: &str = "version";
    let Some(version) = document.version else {
        return match document.format {
            Format::MagneticStripe => not_applicable(NAME, "a magnetic stripe states no version of the barcode"),
            Format::Headerless | Format::Subfiles(_) => flag(NAME, Moderate, "no version is stated"),
        };
    };
    match Edition::of_version(version) {
        Some(edition) => pass(NAME, Weak, format!("version {version}, edition of {}", edition.year)),
        None if version == 0 => flag(NAME, Weak, "version 0 is older than the first edition"),
        // The next edition is no surprise; numbers far beyond it are made up.
        None if version <= NEWEST_VERSION + 2 => {
            flag(NAME, Weak, format!("version {version} is newer than the newest that is known, {NEWEST_VERSION}"))
        }
        None => flag(NAME, Strong, format!("version {version} is no edition; the newest is {NEWEST_VERSION}")),
    }
}

/// Scanners add and drop line endings, and some issuers' own tables are off, so that a wrong table is only a flag. It is
/// a fail when nothing was lost on the way and yet the holder's subfile has no row in the table, or is longer or shorter
/// than its row says by more than a third: issuers' systems write the table that other readers go by, while a template
/// that was filled in by hand keeps the lengths of its first holder.
pub(super) fn subfile_table(document: &AamvaDocument, origin: PayloadOrigin) -> Check {
    const NAME: &str = "subfile_table";
    let Format::Subfiles(_) = document.format else {
        return not_applicable(NAME, "there is no subfile table");
    };
    let structure = &document.structure;
    let mut odd = Oddities::default();
    let is_recent = document.version.is_some_and(|version| version >= TABLES_SINCE);
    let is_as_made = origin == PayloadOrigin::Symbol || structure.prelude_is_standard;
    let counts = is_as_made && (origin == PayloadOrigin::Symbol || structure.line_feeds > 0) && is_recent;
    for subfile in &structure.subfiles {
        differences(subfile, counts, &mut odd);
    }
    if is_as_made && structure.subfiles.iter().any(is_far_off) {
        return fail(NAME, odd.seen.join("; "));
    }
    if is_as_made && structure.subfiles.iter().all(|row| row.designator.is_jurisdiction()) {
        return fail(NAME, "the table has no row for the subfile of the holder");
    }
    let rows = structure.subfiles.len();
    match structure.declared_entries {
        Some(declared) if usize::from(declared) != rows => {
            let strength = if counts { Moderate } else { Weak };
            odd.add(strength, format!("{declared} subfiles declared, {rows} in the table"));
        }
        None => odd.add(Moderate, "the number of subfiles is not declared"),
        Some(_) => {}
    }
    if let Some(name) = unnamed(structure) {
        odd.add(Weak, format!("subfile {name} does not begin with its name"));
    }
    if let Some(name) = undeclared(structure) {
        odd.add(Weak, format!("subfile {name} is there but not declared"));
    }
    odd.into_check(NAME, Moderate, "counts, offsets and lengths agree with the subfiles")
}

fn is_far_off(subfile: &Subfile) -> bool {
    let lengths = subfile.declared_length.zip(subfile.found_length);
    // A length of zero is left out, not kept: it has a flag of its own.
    !subfile.designator.is_jurisdiction()
        && lengths.is_some_and(|(declared, found)| declared > 0 && 3 * declared.abs_diff(found) > declared.max(found))
}

fn differences(subfile: &Subfile, counts: bool, odd: &mut Oddities) {
    let name = subfile.designator.as_str();
    let Some((found_offset, found_length)) = subfile.found_offset.zip(subfile.found_length) else {
        return odd.add(Weak, format!("subfile {name} is declared but not there"));
    };
    let places = [("offset", subfile.declared_offset, found_offset), ("length", subfile.declared_length, found_length)];
    for (what, declared, found) in places {
        match declared {
            Some(declared) if declared == found => {}
            // No issuer's system can leave it out: readers that go by the table would find nothing.
            Some(0) => odd.add(Strong, format!("{what} of {name} is left at zero and is {found}")),
            Some(declared) => {
                let is_off = declared.abs_diff(found) > TERMINATORS && !subfile.designator.is_jurisdiction();
                let strength = if is_off && counts { Moderate } else { Weak };
                odd.add(strength, format!("{what} of {name} is declared as {declared} and is {found}"));
            }
            None => odd.add(Weak, format!("{what} of {name} is no number and is {found}")),
        }
    }
}

fn unnamed(structure: &Structure) -> Option<String> {
    let is_found = |designator| structure.found_subfiles.contains(&designator);
    let subfile =
        structure.subfiles.iter().find(|subfile| subfile.found_offset.is_some() && !is_found(subfile.designator))?;
    Some(subfile.designator.as_str().to_owned())
}

fn undeclared(structure: &Structure) -> Option<String> {
    let is_declared = |designator| structure.subfiles.iter().any(|subfile| subfile.designator == designator);
    let designator = structure.found_subfiles.iter().find(|designator| !is_declared(**designator))?;
    Some(designator.as_str().to_owned())
}

pub(super) fn separators(document: &AamvaDocument) -> Check {
    const NAME: &str = "separators";
    if document.format == Format::MagneticStripe {
        return not_applicable(NAME, "tracks have fields of fixed width");
    }
    let structure = &document.structure;
    let mut odd = Oddities::default();
    // Where the header's own separators arrived, nobody but the maker left out the others.
    let strength = if structure.prelude_is_standard { Moderate } else { Weak };
    if structure.run_together > 0 {
        odd.add(Weak, format!("{} elements were not separated", structure.run_together));
    }
    if structure.stray_lines > 0 {
        odd.add(Weak, format!("{} lines are no element", structure.stray_lines));
    }
    if document.elements.dropped() > 0 {
        odd.add(Strong, format!("{} elements were too many", document.elements.dropped()));
    }
    if structure.line_feeds == 0 {
        odd.add(strength, "elements do not end with line feeds");
    } else if structure.carriage_returns >= structure.line_feeds {
        odd.add(strength, "elements end with carriage returns, too");
    }
    odd.into_check(NAME, Weak, "elements end with line feeds")
}

/// The elements with which the first subfile begins on cards of every issuer that is known: number, class, name, address
/// or expiry, in the order of one of the editions' tables.
const FIRST: [&str; 8] = ["DAQ", "DCA", "DAA", "DAB", "DCS", "DBA", "DBB", "DAR"];

/// Which element comes first, and whether issuers' own elements stand in the issuer's subfile. The standard leaves the
/// order free, so that this is never more than weak.
pub(super) fn element_order(document: &AamvaDocument) -> Check {
    const NAME: &str = "element_order";
    if document.format == Format::MagneticStripe {
        return not_applicable(NAME, "a magnetic stripe has fields of fixed width");
    }
    let mut odd = Oddities::default();
    let ids: Vec<ElementId> = document.elements.iter().map(|(id, _)| id).collect();
    match ids.first() {
        Some(first) if !FIRST.contains(&first.as_str()) => {
            odd.add(Weak, format!("{} comes first, where no edition's table begins", first.as_str()));
        }
        _ => {}
    }
    let first_own = ids.iter().position(|id| id.is_jurisdiction());
    let last_standard = ids.iter().rposition(|id| id.is_standard());
    if first_own.zip(last_standard).is_some_and(|(own, standard)| own < standard) {
        odd.add(Weak, "elements of the standard stand behind the issuer's own");
    }
    odd.into_check(NAME, Weak, "as the editions' tables begin, and the issuer's own elements last")
}
