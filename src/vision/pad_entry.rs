//! `pad.toml`: what an operator states of a model against presentation attacks that no package ships.
//!
//! A file of its own beside the manifest, because the manifest belongs to the package and is replaced with it: what an
//! operator puts there survives updates, and is the same two files on every device.
//!
//! Always holds: without the file there is no such model; with it everything is stated, nothing is guessed, and a value
//! out of range is refused by name. Does not open the model.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Name of the file in the models folder.
pub(super) const FILE: &str = "pad.toml";

/// Why an operator's model cannot be used. Always a fault of the device.
#[derive(Debug, thiserror::Error)]
pub enum PadSlotError {
    /// A file is not there or cannot be read.
    #[error("cannot read {path}: {source}; put it there, or take pad.toml away to do without an operator's model", path = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The entry is not what it has to be.
    #[error("{path} cannot be used: {message}; docs/faces/passive.md lists what it has to state", path = path.display())]
    Entry {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The model's file is another than the stated one.
    #[error("{path} is not the model that pad.toml states: its SHA-256 is {found}, stated is {stated}; restore the file, or measure the new one and state its digest", path = path.display())]
    Altered {
        /// Which file.
        path: PathBuf,
        /// Digest in the entry.
        stated: String,
        /// Digest of the file.
        found: String,
    },
    /// ONNX Runtime refuses the file.
    #[error("ONNX Runtime cannot use {path}: {source}; export the model as ONNX with one float32 input", path = path.display())]
    NotUsable {
        /// Which file.
        path: PathBuf,
        /// What it said.
        source: ort::Error,
    },
    /// The model takes something else than one square picture of the stated side.
    #[error(
        "the model of pad.toml takes {found}, and stated is one float32 [1, 3, {side}, {side}]; correct input_pixels, or export the model with that input"
    )]
    Input {
        /// Stated side of the picture in pixels.
        side: usize,
        /// What it takes.
        found: String,
    },
    /// The model does not answer with the stated number of classes.
    #[error(
        "the model of pad.toml answers with the shape {found:?}, and stated are {classes} classes; correct classes and live_class, or export the model with that output first"
    )]
    Output {
        /// Stated number of classes.
        classes: usize,
        /// Shape of its first output.
        found: Vec<usize>,
    },
    /// The model's answer is no distribution over its classes.
    #[error(
        "the model of pad.toml answers with values that are no shares of 0 to 1 with a sum of 1; state output = \"logits\" where it ends without a softmax"
    )]
    NoShares,
}

/// Order of the channels that the model was trained with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Channels {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
}

/// What the model's answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// Shares of the classes, which add up to 1.
    Shares,
    /// Values that a softmax makes shares of.
    Logits,
}

/// One model, as its operator states it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PadEntry {
    /// File name beside the entry.
    pub file: String,
    /// Hexadecimal SHA-256 of the file.
    pub sha256: String,
    /// Side of the square input in pixels, 16 to 1024.
    pub input_pixels: usize,
    /// Side of the crop in lengths of the face's box, whose longer side runs from forehead to chin: 1 to 8.
    pub crop_scale: f32,
    pub channels: Channels,
    /// What the samples 0 and 255 become.
    pub values: [f32; 2],
    pub output: Answer,
    /// How many classes it tells apart, 2 to 64.
    pub classes: usize,
    /// Which of them is a live face, from 0.
    pub live_class: usize,
    /// Least median of the live class's share, 0 to 1, with which a head turn can pass; 0 measures and refuses nobody.
    pub threshold: f32,
}

impl PadEntry {
    /// Reads the entry of a models folder; `None` where there is none.
    pub fn find(models: &Path) -> Result<Option<Self>, PadSlotError> {
        let path = models.join(FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map(Some).map_err(|message| PadSlotError::Entry { path, message }),
            Err(missing) if missing.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(PadSlotError::Unreadable { path, source }),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut entry: Self = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        entry.sha256.make_ascii_lowercase();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        let name = entry.file.bytes().all(plain) && !entry.file.starts_with('.') && !entry.file.is_empty();
        let [low, high] = entry.values;
        let checks = [
            (name, "file must be the name of a file beside it, of letters, digits, -, _ and ."),
            (
                entry.sha256.len() == 64 && entry.sha256.bytes().all(|b| b.is_ascii_hexdigit()),
                "sha256 must be 64 hexadecimal digits, as sha256sum prints them",
            ),
            ((16..=1024).contains(&entry.input_pixels), "input_pixels must be 16 to 1024"),
            ((1.0..=8.0).contains(&entry.crop_scale), "crop_scale must be 1 to 8"),
            (low.is_finite() && high.is_finite() && low < high, "values must be two numbers, the lower one first"),
            ((2..=64).contains(&entry.classes), "classes must be 2 to 64"),
            (entry.live_class < entry.classes, "live_class must be below classes: it counts from 0"),
            ((0.0..=1.0).contains(&entry.threshold), "threshold must be 0 to 1"),
        ];
        match checks.into_iter().find(|(holds, _)| !holds) {
            Some((_, message)) => Err(message.to_owned()),
            None => Ok(entry),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "file = \"pad.onnx\"\n\
        sha256 = \"0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\"\n\
        input_pixels = 128\ncrop_scale = 2.7\nchannels = \"bgr\"\nvalues = [0, 255]\noutput = \"shares\"\n\
        classes = 3\nlive_class = 0\nthreshold = 0.5\n";

    #[test]
    fn a_whole_entry_is_read() {
        let entry = PadEntry::parse(GOOD).unwrap();
        assert_eq!((entry.channels, entry.values, entry.output), (Channels::Bgr, [0.0, 255.0], Answer::Shares));
        assert!(entry.sha256.starts_with("0123456789abcdef"), "sha256sum writes small letters");
    }

    #[test]
    fn what_is_missing_unknown_or_out_of_range_is_refused_by_name() {
        for (from, to, named) in [
            ("pad.onnx", "../pad.onnx", "file"),
            ("pad.onnx", "", "file"),
            ("0123456789ABCDEF", "0123", "sha256"),
            ("input_pixels = 128", "input_pixels = 4", "input_pixels"),
            ("crop_scale = 2.7", "crop_scale = 0.5", "crop_scale"),
            ("crop_scale = 2.7", "crop_scale = nan", "crop_scale"),
            ("\"bgr\"", "\"gray\"", "gray"),
            ("[0, 255]", "[1, 0]", "values"),
            ("[0, 255]", "[0, inf]", "values"),
            ("\"shares\"", "\"softmax\"", "softmax"),
            ("classes = 3", "classes = 1", "classes"),
            ("live_class = 0", "live_class = 3", "live_class"),
            ("threshold = 0.5", "threshold = 50", "threshold"),
            ("threshold = 0.5\n", "", "threshold"),
            ("threshold", "treshold", "treshold"),
        ] {
            let refused = PadEntry::parse(&GOOD.replace(from, to)).unwrap_err();
            assert!(refused.contains(named), "{named}: {refused}");
        }
    }
}
