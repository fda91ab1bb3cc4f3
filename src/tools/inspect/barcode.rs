//! `inspect barcode`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::lines::{FileLabel, load_picture};
use super::{Common, run};
use crate::imaging::Quad;
use crate::tools::exit::{CommandError, Exit};
use crate::vision::{BarcodeOptions, Format, Symbol, SymbolVotes, hex, read_barcodes, read_barcodes_of_stream};

/// What to read, and how.
#[derive(Debug, Clone, Args)]
pub struct BarcodeArgs {
    /// Files to read.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Read as frames of a running camera are: PDF417 only, and no more than the most likely places.
    #[arg(long)]
    live: bool,
    /// The same, and the files are frames of one stream in their order: what one does not let read may be read out of
    /// several. Needs `--threads 1`.
    #[arg(long)]
    stream: bool,
}

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
pub fn barcode(args: &BarcodeArgs, common: &Common) -> Result<Exit, CommandError> {
    if args.stream && common.threads != Some(NonZeroUsize::MIN) {
        return Err(CommandError::Usage("frames of a stream are read in their order; add --threads 1".to_owned()));
    }
    let options = if args.live || args.stream { BarcodeOptions::live() } else { BarcodeOptions::thorough() };
    run(
        &args.files,
        common,
        |file| FileLabel::new(file),
        |_| Ok(SymbolVotes::default()),
        // What is timed is the reading of grey pixels, which is what a camera's frame holds.
        |file| load_picture(file).map(|picture| picture.to_gray()),
        |votes, gray| {
            let symbols = if args.stream {
                read_barcodes_of_stream(gray, &options, votes)
            } else {
                read_barcodes(gray, &options)
            };
            Ok(Symbols { symbols: symbols.iter().map(SymbolLine::from).collect() })
        },
    )
}
