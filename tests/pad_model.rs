//! An operator's model against presentation attacks: what it can do, and what is refused. The models are made here.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::num::NonZeroUsize;
use std::sync::OnceLock;

use carded::imaging::{Frame, Provenance};
use carded::liveness::{Challenge, LeastYaw, PassiveSign, TurnReason, TurnReport, TurnTracker, TurnVerdict};
use carded::tools::specimen::PersonName;
use carded::tools::specimen::head::{Attack, Subject, TurnFrames, TurnOptions, TurnSide};
use carded::vision::{Digest, FaceObserver, ModelError, Runtime, Threads};
use support::onnx;
use tempfile::TempDir;

const SIDE: usize = 32;

/// What an operator states of a model with three classes.
fn entry(model: &[u8]) -> String {
    format!(
        "file = \"pad.onnx\"\nsha256 = \"{}\"\ninput_pixels = {SIDE}\ncrop_scale = 2.7\nchannels = \"rgb\"\n\
         values = [0, 1]\noutput = \"shares\"\nclasses = 3\nlive_class = 1\nthreshold = 0.5\n",
        Digest::of(model).as_str()
    )
}

/// A models folder with what every package has, and an operator's model beside it.
fn folder(model: Option<(&[u8], &str)>) -> TempDir {
    let folder = TempDir::new().unwrap();
    for file in std::fs::read_dir(support::models_folder()).unwrap().map(Result::unwrap) {
        std::os::unix::fs::symlink(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    if let Some((model, entry)) = model {
        std::fs::write(folder.path().join("pad.onnx"), model).unwrap();
        std::fs::write(folder.path().join("pad.toml"), entry).unwrap();
    }
    folder
}

fn open(folder: &TempDir) -> Result<FaceObserver, ModelError> {
    let library = support::runtime_library();
    FaceObserver::open(&Runtime::load(folder.path(), &library, Threads(NonZeroUsize::MIN)).unwrap())
}

fn with(model: &[u8], entry: &str) -> Result<FaceObserver, ModelError> {
    open(&folder(Some((model, entry))))
}

/// A rendered turn to both sides.
fn rendered(subject: Subject) -> Vec<Frame> {
    let options = TurnOptions { fps: 12.0, ..TurnOptions::new(vec![TurnSide::Left, TurnSide::Right], 7) };
    let frame = |(sequence, frame): (u64, carded::tools::specimen::head::TurnFrame)| Frame {
        image: frame.image,
        captured_at: frame.time,
        sequence,
        provenance: Provenance::Simulated,
    };
    (0..).zip(TurnFrames::new(subject, options).unwrap()).map(frame).collect()
}

fn honest() -> &'static [Frame] {
    static FRAMES: OnceLock<Vec<Frame>> = OnceLock::new();
    FRAMES.get_or_init(|| rendered(Subject::Head(PersonName::Collins.portrait())))
}

fn score(mut observer: FaceObserver, frames: &[Frame]) -> TurnReport {
    let mut tracker = TurnTracker::new(Challenge::both_sides(), LeastYaw::SHIPPED);
    for frame in frames {
        let observation = observer.observe(frame, &tracker).unwrap();
        tracker.observe(&observation);
    }
    tracker.finish()
}

#[test]
fn an_honest_turn_passes_without_the_slot_and_with_a_model_that_has_nothing_against_it() {
    let without = open(&folder(None)).unwrap();
    assert!(without.digests().all(|(name, _)| name != "pad_model"));
    let without = score(without, honest());
    assert!(without.is_live() && without.passive.pad_model.is_none(), "{without:?}");

    let model = onnx::constant(SIDE, &[0.1, 0.8, 0.1]);
    let content = with(&model, &entry(&model)).unwrap();
    let named = content.digests().find(|(name, _)| *name == "pad_model").unwrap().1;
    assert_eq!(named, &Digest::of(&model), "the outcome says which model it was");
    let content = score(content, honest());
    assert!(content.is_live() && content.passive.pad_model == Some(0.8), "{content:?}");
}

#[test]
fn a_model_that_takes_a_person_for_an_attack_leaves_the_turn_incomplete_and_says_so() {
    let model = onnx::constant(SIDE, &[0.1, 0.3, 0.6]);
    let report = score(with(&model, &entry(&model)).unwrap(), honest());
    assert_eq!((report.verdict, report.reasons), (TurnVerdict::Incomplete, vec![TurnReason::PassiveSigns]));
    assert_eq!((report.passive.signs, report.passive.pad_model), (vec![PassiveSign::PadModel], Some(0.3)));
    assert_eq!(report.pad_score.map(|score| score.0), Some(0.0));

    let observing = entry(&model).replace("threshold = 0.5", "threshold = 0");
    assert!(score(with(&model, &observing).unwrap(), honest()).is_live(), "a threshold of 0 only measures");
}

#[test]
fn a_model_that_is_sure_of_a_print_does_not_make_it_pass() {
    let print = rendered(Subject::Print(PersonName::Collins.portrait(), Attack::Flat));
    let model = onnx::constant(SIDE, &[0.0, 1.0, 0.0]);
    let believed = score(with(&model, &entry(&model)).unwrap(), &print);
    let without = score(open(&folder(None)).unwrap(), &print);
    assert_eq!((believed.verdict, &believed.reasons), (without.verdict, &without.reasons));
    assert!(!believed.is_live());
}

#[test]
fn the_model_sees_the_face_in_the_stated_order_of_channels_and_range_of_values() {
    let model = onnx::means(SIDE);
    let logits = entry(&model).replace("\"shares\"", "\"logits\"");
    let share = |change: &[(&str, &str)]| {
        let entry = change.iter().fold(logits.clone(), |entry, (from, to)| entry.replace(from, to));
        score(with(&model, &entry).unwrap(), &honest()[..6]).passive.pad_model.unwrap()
    };
    let red = ("live_class = 1", "live_class = 0");
    let blue = ("live_class = 1", "live_class = 2");
    let bgr = ("\"rgb\"", "\"bgr\"");
    assert!(share(&[red]) > share(&[blue]) + 0.01, "skin and room are more red than blue");
    assert!((share(&[red]) - share(&[blue, bgr])).abs() < 1e-6);
    assert!(share(&[red, ("[0, 1]", "[-20, 20]")]) > share(&[red]) + 0.1, "a wider range tells more");
}

#[test]
fn what_is_not_as_stated_is_refused_with_what_to_do() {
    let model = onnx::constant(SIDE, &[0.1, 0.8, 0.1]);
    let refused = |model: &[u8], entry: &str, said: &str| {
        let error = with(model, entry).err().unwrap();
        assert!(matches!(error, ModelError::PadSlot(_)), "{error:?}");
        assert!(error.to_string().contains(said), "{said}: {error}");
    };
    let good = entry(&model);
    let change = |from: &str, to: &str| good.replace(from, to);
    refused(&onnx::constant(SIDE, &[1.0, 0.0, 0.0]), &good, "measure the new one and state its digest");
    refused(&model, &change("pad.onnx", "other.onnx"), "put it there, or take pad.toml away");
    refused(&model, &change("input_pixels = 32", "input_pixels = 128"), "correct input_pixels");
    refused(&model, &change("classes = 3", "classes = 2"), "correct classes and live_class");
    refused(&model, &change("live_class = 1", "live_class = 3"), "live_class must be below classes");
    refused(&model, "file = \"pad.onnx\"", "docs/faces/passive.md lists what it has to state");
    let logits = onnx::constant(SIDE, &[4.0, -1.0, 0.5]);
    refused(&logits, &entry(&logits), "state output = \"logits\"");
    let text = b"not a model at all";
    refused(text, &entry(text), "export the model as ONNX");
}
