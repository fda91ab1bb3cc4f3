//! `inspect barcode`.

use std::path::PathBuf;

use serde::Serialize;

use super::lines::{FileLabel, load_picture};
use super::{Common, run};
use crate::imaging::Quad;
use crate::tools::exit::{CommandError, Exit};
use crate::vision::{BarcodeOptions, Format, Symbol, hex, read_barcodes};

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
        Self {
            format: symbol.format,
            text: symbol.text.reveal().clone(),
            bytes_hex: hex(symbol.bytes.reveal()),
            corners: symbol.corners,
        }
    }
}

/// Reads barcodes out of pictures.
///
/// # Errors
/// [`CommandError`] when it cannot start or a model fails.
pub fn barcode(files: &[PathBuf], common: &Common) -> Result<Exit, CommandError> {
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
