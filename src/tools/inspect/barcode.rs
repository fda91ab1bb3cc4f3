//! `inspect barcode`.

use std::path::PathBuf;

use serde::Serialize;

use super::lines::{FileLabel, load_picture};
use super::{Assets, Common, run};
use crate::imaging::Quad;
use crate::tools::exit::{CommandError, Exit};
use crate::vision::{BarcodeOptions, Format, Symbol, read_barcodes};

#[derive(Debug, Serialize)]
struct Symbols {
    symbols: Vec<SymbolLine>,
}

#[derive(Debug, Serialize)]
struct SymbolLine {
    format: Format,
    text: String,
    bytes_hex: String,
    corners: Quad,
}

impl From<&Symbol> for SymbolLine {
    fn from(symbol: &Symbol) -> Self {
        let nibble = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
        Self {
            format: symbol.format,
            text: symbol.text.reveal().clone(),
            bytes_hex: symbol.bytes.reveal().iter().flat_map(|&b| [nibble(b >> 4), nibble(b & 15)]).collect(),
            corners: symbol.corners,
        }
    }
}

/// Reads barcodes out of pictures.
///
/// # Errors
/// [`CommandError`] when it cannot start or a model fails.
pub fn barcode(files: &[PathBuf], common: &Common, assets: &Assets) -> Result<Exit, CommandError> {
    let _ = assets;
    run(
        files,
        common,
        |file| FileLabel::new(file),
        |_| Ok(()),
        |file| load_picture(file),
        |(), picture| {
            let symbols = read_barcodes(&picture.to_gray(), &BarcodeOptions::thorough());
            Ok(Symbols { symbols: symbols.iter().map(SymbolLine::from).collect() })
        },
    )
}
