//! Any bytes as the payload of a barcode: read and judged, they never panic, and what always holds of the result does.
#![no_main]

use carded_fuzz::document::aamva::{MAX_ELEMENTS, MAX_PAYLOAD_BYTES, PayloadOrigin, checks, parse};
use carded_fuzz::document::{CheckResult, Standing, standing};
use jiff::civil::{Date, date};
use libfuzzer_sys::fuzz_target;

const TODAY: Date = date(2026, 11, 22);

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = parse(bytes) else { return };
    assert!(bytes.len() <= MAX_PAYLOAD_BYTES && document.elements.iter().len() <= MAX_ELEMENTS);
    let checks = checks(&document, PayloadOrigin::Symbol, TODAY);
    let last = checks.last().expect("there are checks");
    assert_eq!(last.name, "flags_together");
    let is_refused = standing(&checks) == Standing::Refused;
    assert_eq!(is_refused, checks.iter().any(|check| check.result == CheckResult::Fail));
    // Reading the same bytes again gives the same.
    assert_eq!(parse(bytes).as_ref(), Ok(&document));
});
