//! Any text as the pass of a QR code: nothing panics, and what is read has exactly the text that it was read from.
#![no_main]

use carded_fuzz::session::pass_code::{BODY_BYTES, Body, PREFIX, SIGNATURE_BYTES, parse, text_of};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for text in [text.clone().into_owned(), format!("{PREFIX}{text}")] {
        if let Some((body, signature)) = parse(&text) {
            assert!(text_of(&body, &signature) == text, "a pass with two texts");
        }
    }
    // Bytes that are a pass's come back as they were.
    if let Some((body, rest)) = bytes.split_first_chunk::<BODY_BYTES>()
        && let Some(body) = Body::of_bytes(body)
    {
        let mut signature = [0; SIGNATURE_BYTES];
        signature.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        assert!(parse(&text_of(&body, &signature)) == Some((body, signature)), "a pass that is not read back");
    }
});
