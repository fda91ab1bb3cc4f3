//! The form of the payload: header, version, subfile table and separators (annex D, header and subfile designators).

use super::super::editions::{Edition, NEWEST_VERSION};
use super::super::header::Subfile;
use super::super::{AamvaDocument, FileType, Format, Structure};
use super::{fail, flag, flag_each, not_applicable, pass};
use crate::document::Check;

pub(super) fn header(document: &AamvaDocument) -> Check {
    const NAME: &str = "header";
    let file_type = match document.format {
        Format::MagneticStripe => return not_applicable(NAME, "the tracks of a magnetic stripe have no header"),
        Format::Headerless => return flag(NAME, "there is no header"),
        Format::Subfiles(file_type) => file_type,
    };
    let structure = &document.structure;
    // Only cards of DL/ID-2000 are known to call the file type by the association's name.
    let is_early = document.version.is_none_or(|version| version <= 1);
    let mut odd = Vec::new();
    if !structure.has_compliance_indicator {
        odd.push("the compliance indicator is missing".to_owned());
    }
    if !structure.has_record_separator {
        odd.push("the record separator is missing".to_owned());
    }
    if odd.is_empty() && !structure.prelude_is_standard {
        odd.push("other characters stand before the file type".to_owned());
    }
    if file_type == FileType::Aamva && !is_early {
        odd.push("the file type is AAMVA, not ANSI".to_owned());
    }
    flag_each(NAME, &odd, "as the standard has it")
}

pub(super) fn version(document: &AamvaDocument) -> Check {
    const NAME: &str = "version";
    let Some(version) = document.version else {
        return match document.format {
            Format::MagneticStripe => not_applicable(NAME, "a magnetic stripe states no version of the barcode"),
            _ => flag(NAME, "no version is stated"),
        };
    };
    match Edition::of_version(version) {
        Some(edition) => pass(NAME, format!("version {version}, edition of {}", edition.year)),
        None if version == 0 => flag(NAME, "version 0 is older than the first edition"),
        None => flag(NAME, format!("version {version} is newer than the newest that is known, {NEWEST_VERSION}")),
    }
}

/// Scanners add and drop line endings, and some issuers' own tables are off, so that a wrong table is only a flag. It is
/// a fail when nothing was lost on the way and yet the holder's subfile is longer or shorter by more than a third: issuers'
/// systems compute lengths, while a template that was filled in by hand keeps those of its first holder.
pub(super) fn subfile_table(document: &AamvaDocument) -> Check {
    const NAME: &str = "subfile_table";
    let Format::Subfiles(_) = document.format else {
        return not_applicable(NAME, "there is no subfile table");
    };
    let structure = &document.structure;
    let mut odd: Vec<String> = structure.subfiles.iter().flat_map(differences).collect();
    if structure.prelude_is_standard && structure.subfiles.iter().any(is_far_off) {
        return fail(NAME, odd.join("; "));
    }
    let rows = structure.subfiles.len();
    match structure.declared_entries {
        Some(declared) if usize::from(declared) != rows => {
            odd.push(format!("{declared} subfiles declared, {rows} in the table"));
        }
        None => odd.push("the number of subfiles is not declared".to_owned()),
        Some(_) => {}
    }
    odd.extend(unnamed(structure));
    odd.extend(undeclared(structure));
    flag_each(NAME, &odd, "counts, offsets and lengths agree with the subfiles")
}

fn is_far_off(subfile: &Subfile) -> bool {
    let lengths = subfile.declared_length.zip(subfile.found_length);
    !subfile.designator.is_jurisdiction()
        && lengths.is_some_and(|(declared, found)| 3 * declared.abs_diff(found) > declared.max(found))
}

fn differences(subfile: &Subfile) -> Vec<String> {
    let name = subfile.designator.as_str();
    let Some((found_offset, found_length)) = subfile.found_offset.zip(subfile.found_length) else {
        return vec![format!("subfile {name} is declared but not there")];
    };
    let compare = |what: &str, declared: Option<usize>, found: usize| match declared {
        Some(declared) if declared == found => None,
        Some(declared) => Some(format!("{what} of {name} is declared as {declared} and is {found}")),
        None => Some(format!("{what} of {name} is no number and is {found}")),
    };
    let offset = compare("offset", subfile.declared_offset, found_offset);
    let length = compare("length", subfile.declared_length, found_length);
    offset.into_iter().chain(length).collect()
}

fn unnamed(structure: &Structure) -> Option<String> {
    let is_found = |designator| structure.found_subfiles.contains(&designator);
    let subfile =
        structure.subfiles.iter().find(|subfile| subfile.found_offset.is_some() && !is_found(subfile.designator))?;
    Some(format!("subfile {} does not begin with its name", subfile.designator.as_str()))
}

fn undeclared(structure: &Structure) -> Option<String> {
    let is_declared = |designator| structure.subfiles.iter().any(|subfile| subfile.designator == designator);
    let designator = structure.found_subfiles.iter().find(|designator| !is_declared(**designator))?;
    Some(format!("subfile {} is there but not declared", designator.as_str()))
}

pub(super) fn separators(document: &AamvaDocument) -> Check {
    const NAME: &str = "separators";
    if document.format == Format::MagneticStripe {
        return not_applicable(NAME, "tracks have fields of fixed width");
    }
    let structure = &document.structure;
    let mut odd = Vec::new();
    if structure.run_together > 0 {
        odd.push(format!("{} elements were not separated", structure.run_together));
    }
    if structure.stray_lines > 0 {
        odd.push(format!("{} lines are no element", structure.stray_lines));
    }
    if document.elements.dropped() > 0 {
        odd.push(format!("{} elements were too many", document.elements.dropped()));
    }
    if structure.line_feeds == 0 {
        odd.push("elements do not end with line feeds".to_owned());
    }
    flag_each(NAME, &odd, "elements end with line feeds")
}
