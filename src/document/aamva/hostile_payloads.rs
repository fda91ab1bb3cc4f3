//! Payloads that are made to be read again and again, for the test that counts the work and the bench that times it.

/// What an attacker may put into a barcode, made as long as it takes: a beginning, and what is repeated behind it. Each
/// shape is one that parsers of elements are known to read again and again.
const SHAPES: [(&str, &str, &str); 11] = [
    ("identifiers", "@\n\u{1e}\rANSI 636014100001DL00310278DL", "DAQDCSDAC"),
    ("designators", "@\n\u{1e}\rANSI 636014100001DL00310278", "DLZCIDEN"),
    ("designators and blanks", "@\n\u{1e}\rANSI 636014100001DL00310278DLDAQ1", "DL  ID   "),
    ("one value", "@\n\u{1e}\rANSI 636014100001DL00310278DLDAG", "STREET "),
    ("blanks", "@\n\u{1e}\rANSI 636014100001DL00310278DLDBB01011990", "   "),
    ("dates without separators", "@\n\u{1e}\rANSI 636014100001DL00310278DLDAQ1", "DBB01011990"),
    ("lines", "@\n\u{1e}\rANSI 636014100001DL00310278DLDAQ1", "\nZCA\nD"),
    ("rows of the table", "@\n\u{1e}\rANSI 636014109999", "DL00000001ZC99999999"),
    ("subfiles", "@\n\u{1e}\rANSI 636014100010DL00010001ZC00010001ID00010001", "\rDLDAQ1\rZCZCA1"),
    ("file types", "", "ANSI 63601AAMVA"),
    ("a stripe", "%CA", "A^B$C?;6=1"),
];

/// Every shape with its name, as long as it can be made of whole repetitions in so many bytes.
pub fn hostile_payloads(length: usize) -> impl Iterator<Item = (&'static str, String)> {
    SHAPES.into_iter().map(move |(name, start, again)| {
        (name, format!("{start}{}", again.repeat((length - start.len()) / again.len())))
    })
}
