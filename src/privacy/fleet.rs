//! The key that all boxes of a fleet share, and the keyed hash by which a pass knows its document.
//!
//! Always holds: the hash is under a key and a label of its own, so that it meets no anchor that is stored, on whichever
//! device; none comes of a missing or empty value. **Whoever has the key can try numbers of documents against a pass**: a
//! number has few digits, and nothing here makes trying them slow. Without the key a hash tells nothing, not even whether
//! two passes of two fleets are of one document. Does not read the key's file, and stores nothing.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::anchor::{AnchorKey, document_parts, keyed_hash};
use crate::document::Fields;

/// The key of a fleet's passes. Wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct FleetKey([u8; FleetKey::BYTES]);

impl FleetKey {
    /// Length in bytes.
    pub const BYTES: usize = AnchorKey::BYTES;

    /// Takes a key into keeping. The caller wipes its own copy.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        Self(*bytes)
    }

    /// What a pass knows a document by, if its number and issuer are known: normalised as a device's own anchors are.
    #[must_use]
    pub fn pass_anchor(&self, fields: &Fields) -> Option<PassAnchor> {
        let parts = document_parts(fields)?;
        if parts.iter().any(|part| part.is_empty()) {
            return None;
        }
        let [country, part, number] = &parts;
        let hash = keyed_hash(&self.0, PassAnchor::LABEL, &[country, part, number]);
        hash.first_chunk().copied().map(PassAnchor)
    }
}

impl std::fmt::Debug for FleetKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// A document as a pass knows it: the first half of a keyed hash, which is as hard to meet by chance as a key is to guess.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PassAnchor([u8; PassAnchor::BYTES]);

impl PassAnchor {
    /// Length in bytes.
    pub const BYTES: usize = 16;
    const LABEL: &'static str = "carded/pass/document/v1";

    /// As a pass carries it.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// As a pass carries it.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        self.0
    }
}

/// Shows nothing: an anchor in a log would tie its line to a person.
impl std::fmt::Debug for PassAnchor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::document_anchor;

    fn fields(number: &str) -> Fields {
        Fields {
            id_number: Some(number.into()),
            country: Some("USA".to_owned()),
            jurisdiction_code: Some("CA".to_owned()),
            ..Fields::default()
        }
    }

    #[test]
    fn a_fleet_knows_a_document_again_however_it_is_written_and_another_fleet_does_not() {
        let (mine, theirs) = (FleetKey::from_bytes(&[7; 32]), FleetKey::from_bytes(&[8; 32]));
        let known = mine.pass_anchor(&fields("D1234567"));
        assert!(known.is_some());
        assert_eq!(mine.pass_anchor(&fields("d-123 4567")), known);
        assert_ne!(mine.pass_anchor(&fields("D1234568")), known);
        let elsewhere = Fields { jurisdiction_code: Some("NV".to_owned()), ..fields("D1234567") };
        assert_ne!(mine.pass_anchor(&elsewhere), known);
        assert_ne!(theirs.pass_anchor(&fields("D1234567")), known);
        assert_eq!(format!("{mine:?} {known:?}"), "[redacted] Some([redacted])");
    }

    #[test]
    fn the_hash_meets_no_stored_anchor_even_under_the_same_bytes() {
        let anchor = document_anchor(&AnchorKey::from_bytes(&[7; 32]), &fields("D1234567")).unwrap();
        let hash = FleetKey::from_bytes(&[7; 32]).pass_anchor(&fields("D1234567")).unwrap();
        assert!(!anchor.as_str().contains(&crate::privacy::hexadecimal(&hash.to_bytes())));
    }

    #[test]
    fn no_hash_comes_of_a_missing_or_empty_field() {
        let key = FleetKey::from_bytes(&[7; 32]);
        assert_eq!(key.pass_anchor(&Fields::default()), None);
        assert_eq!(key.pass_anchor(&fields(" -")), None);
        assert_eq!(key.pass_anchor(&Fields { country: None, ..fields("D1") }), None);
        assert_eq!(key.pass_anchor(&Fields { jurisdiction_code: Some(" ".to_owned()), ..fields("D1") }), None);
    }
}
