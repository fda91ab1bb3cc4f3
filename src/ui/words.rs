//! Every English word on the screens, for the person in front of it.
//!
//! Always holds: every value that can be shown has words, because the matches are closed; titles and buttons end without
//! a full stop; no word blames a person for what the device did. The reasons' own words are in the session's table.

use crate::liveness::Direction;
use crate::session::{CanceledBy, DeviceFault, DocumentSide, Hint, PassNote, ReasonCode, Screen};

/// Title and detail of a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// What is read first, from two metres.
    pub title: &'static str,
    /// What is read next.
    pub detail: &'static str,
}

const fn words(title: &'static str, detail: &'static str) -> Words {
    Words { title, detail }
}

/// While the engine does not answer.
pub const STARTING: Words = words("The device is starting", "This takes a moment. Nothing is needed from you");
/// Added when it takes long.
pub const STARTING_LONG: &str = "It takes longer than usual. Please tell the staff";
/// In place of the preview until the first picture comes.
pub const CAMERA_STARTING: &str = "The camera is starting";
/// Above the reason of an attempt that failed.
pub const TRY_AGAIN: &str = "Let us try once more";
/// Before words that are meant for the staff.
pub const FOR_STAFF: &str = "For the staff:";
/// Added to the document's screen when nothing happens for a while.
pub const DOCUMENT_PATIENCE: &str = "Hold it flat, a hand's width from the camera, away from lamps";
/// Added to the face's screen when nothing happens for a while.
pub const FACE_PATIENCE: &str = "Only your head turns. Take off a hat or sunglasses";
/// What is said before the screen flashes, one sentence a point.
pub const FLASH_POINTS: [&str; 2] =
    ["If flashing light can make you unwell, press Cancel now", "The staff can then check you in another way"];
/// Where somebody types their address who was here before. What stands in the empty field is the detail.
pub const YOUR_ADDRESS: Words = words("Which e-mail address did you leave?", "name@example.com");
/// Where they type the code.
pub const YOUR_CODE: Words =
    words("If we know this address, a code is on its way to it", "The six digits of the newest letter");
/// While a letter is sent, or a code compared.
pub const SENDING: Words = words("One moment", "");
/// What is missing of an address.
pub const NO_ADDRESS: &str = "This is no e-mail address yet";
/// What is missing of a code.
pub const SIX_DIGITS: &str = "The code has six digits";
/// Another code.
pub const WRONG_CODE: &str = "This is not the code. Look at the newest letter";
/// A code that is not taken any more.
pub const CODE_IS_OVER: &str = "The code is not valid any more. We can send another";
/// No letter can be sent.
pub const OFFLINE: Words =
    words("We have no connection for that now", "You can do the full check instead: it needs none");
/// Too many codes.
pub const TOO_OFTEN: Words = words("That was tried too often", "You can do the full check instead");
/// A fault of the device.
pub const UNAVAILABLE: Words =
    words("This does not work at the moment", "This is not your fault. You can do the full check instead");
/// What is known is not enough for what is asked now.
pub const NOT_ENOUGH: Words = words("This time we need the full check", "It does not take long");
/// Added while deciding when it takes long.
pub const DECIDING_PATIENCE: &str = "Still working. Please wait a little longer";

/// Beside the pass that somebody has earned.
pub const NEW_PASS: &str =
    "Take a photo of this code. Show it with the same document next time: your face is not needed then";

/// What is said of a pass that was shown, in the place of what helps.
#[must_use]
pub fn of_pass(note: PassNote) -> &'static str {
    match note {
        PassNote::Seen => "Pass read. Now show the document that it was made with",
        PassNote::NotUsed => "This pass cannot be used here. The usual check goes on",
    }
}

/// What is said before the person agrees, one sentence a point. Other words are another version of
/// [`ConsentText`](crate::session::ConsentText).
pub const CONSENT_POINTS: [&str; 4] = [
    "The camera looks at your document, then at your face",
    "Both are checked on this device",
    "No picture, name or date of birth is kept",
    "You may say no: ask the staff what else is possible",
];

/// The same where the face comes first, and its age is estimated.
pub const CONSENT_POINTS_WITH_AGE: [&str; 4] = [
    "The camera looks at your face and estimates your age",
    "Who looks clearly old enough needs no document",
    "All on this device: no picture, name or age is kept",
    "You may say no: ask the staff what else is possible",
];

/// What is said before the person agrees.
#[must_use]
pub fn consent_points(estimates_age: bool) -> &'static [&'static str] {
    if estimates_age { &CONSENT_POINTS_WITH_AGE } else { &CONSENT_POINTS }
}

/// Title and detail of every screen.
#[must_use]
pub fn of_screen(screen: &Screen) -> Words {
    match screen {
        Screen::Idle => words("Show your ID here", "Have your driving licence, identity card or passport ready"),
        Screen::Consent => words("Before we start", ""),
        Screen::Document { side: DocumentSide::Front } => {
            words("Show the front of your document", "The side with your photo, inside the frame")
        }
        Screen::Document { side: DocumentSide::Back } => {
            words("Now turn it over", "Show the side with the bars or the lines of letters")
        }
        Screen::Face { direction: Direction::Centre, .. } => words("Look straight ahead", "Your face inside the oval"),
        Screen::Face { direction: Direction::Left, .. } => {
            words("Turn your head to your left", "Slowly, as the arrow shows")
        }
        Screen::Face { direction: Direction::Right, .. } => {
            words("Turn your head to your right", "Slowly, as the arrow shows")
        }
        Screen::FlashNotice => words("The screen is going to flash", "In eight colours. Look at it and hold still"),
        Screen::Flash { .. } => words("Look here and hold still", ""),
        Screen::Deciding => words("One moment", "We are finishing the check"),
        Screen::Review => {
            words("The staff will have a look", "Please show them your document. We keep no picture of it")
        }
        Screen::Verified => words("You are verified", "Thank you. That is all we need"),
        Screen::NotVerified { reason } => words(reason.entry().person, of_remedy(*reason)),
        Screen::Canceled { by } => of_canceled(*by),
        Screen::Expired => words("The check has ended", "Nobody went on for a while. You can start again"),
        Screen::Fault { fault } => of_fault(*fault),
    }
}

/// What the person is told about a fault. What the staff do about it is the fault's own message.
#[must_use]
pub fn of_fault(fault: DeviceFault) -> Words {
    match fault {
        DeviceFault::CameraSilent => {
            words("The camera does not answer", "This is not your fault. Please tell the staff")
        }
        DeviceFault::CameraMissing => words("The camera is not there", "This is not your fault. Please tell the staff"),
        DeviceFault::CameraOther => words("The camera was changed", "This is not your fault. Please tell the staff"),
        DeviceFault::CameraFormat => {
            words("The camera does not work here", "This is not your fault. Please tell the staff")
        }
        DeviceFault::Decoder => words("We are starting a part again", "This is not your fault. Please wait a moment"),
        DeviceFault::Model => words("A part of this device failed", "This is not your fault. Please tell the staff"),
        DeviceFault::Store => words("This device cannot go on", "This is not your fault. Please tell the staff"),
        DeviceFault::Clock => words("This device's clock is wrong", "This is not your fault. Please tell the staff"),
    }
}

/// The words of a session that was ended.
#[must_use]
pub fn of_canceled(by: CanceledBy) -> Words {
    match by {
        CanceledBy::Person => words("You ended the check", "You can start again at any time"),
        CanceledBy::Staff => words("The staff ended the check", "Please ask them how to go on"),
        CanceledBy::Till => words("The check was ended at the till", "Please ask the staff how to go on"),
        CanceledBy::Device => words("This device had to stop", "This was not your fault. Please ask the staff"),
    }
}

/// What to do about a hint, in as few words as can be read at a glance.
#[must_use]
pub fn of_hint(hint: Hint) -> &'static str {
    match hint {
        Hint::ShowDocument => "Hold your document in the frame",
        Hint::DocumentCloser => "A little closer",
        Hint::DocumentInFrame => "The whole document in the frame",
        Hint::DocumentFlat => "Hold it flat towards the camera",
        Hint::HoldStill => "Hold still",
        Hint::AvoidGlare => "Tilt it a little, away from the light",
        Hint::OutOfFocus => "A little further away",
        Hint::MoreLight => "It is too dark here",
        Hint::LessLight => "It is too bright here",
        Hint::Reading => "Good. Reading it",
        Hint::TurnOver => "Done. Now the other side",
        Hint::ShowFace => "Come in front of the camera",
        Hint::FaceCamera => "Look into the camera",
        Hint::PutCardAway => "Put the document away",
        Hint::FaceCloser => "Come a little closer",
        Hint::OnePerson => "One person only, please",
        Hint::TurnFurther => "A little further",
    }
}

/// What helps, said to the person. The table's own remedy speaks to the staff as well ("refuse the sale", "compare by
/// hand"), which is not for the person's screen.
#[must_use]
pub fn of_remedy(reason: ReasonCode) -> &'static str {
    match reason {
        ReasonCode::ConsentDeclined => "Please ask the staff what else is possible",
        ReasonCode::CaptureUnknown => "Please start again",
        ReasonCode::CameraFeedSuspect => "Please try again, or talk to the staff",
        ReasonCode::DocumentMissing => "Please start again and show it to the camera",
        ReasonCode::DocumentUnreadable => "Wipe it, hold it flat and away from lamps, or use another document",
        ReasonCode::DocumentTypeNotSupported => "Please use a driving licence, identity card or passport",
        ReasonCode::DocumentFrontOnly => "Please use a passport or an identity card",
        ReasonCode::DocumentCheckFailed => "Please use another document, or show it to the staff",
        ReasonCode::DocumentRecaptured => "Show the card itself, not a picture of it, or show it to the staff",
        ReasonCode::DocumentFieldsDiffer => "Show both sides of the same card, or show it to the staff",
        ReasonCode::DocumentExpired => "Please use a document that is still valid",
        ReasonCode::UnderAge => "Please talk to the staff if you think this is wrong",
        ReasonCode::DocumentExpiryUnknown | ReasonCode::AgeUnknown => "Please show it again, or use another document",
        ReasonCode::DocumentFrontUnreadable => "Hold it still in the frame, away from lamps",
        ReasonCode::PortraitMissing => "Hold it closer, with no light on the photo, or use another document",
        ReasonCode::LivenessAttack => "Please talk to the staff. They can check you by hand",
        ReasonCode::LivenessIncomplete => "Look into the camera alone, and turn your head slowly as shown",
        ReasonCode::FaceMismatch => "Try again, looking into the camera, or talk to the staff",
        ReasonCode::FaceNotCompared => "Look into the camera, without a hat or sunglasses",
        ReasonCode::FlashNotFollowed => "Come closer to the screen, away from sun and lamps, or talk to the staff",
        ReasonCode::FlashNotMeasured => "Face the screen alone and hold still until it stops",
        ReasonCode::TooManyAttempts => "Please come back in an hour, or talk to the staff",
        ReasonCode::ReviewRefused | ReasonCode::StaffRefused => "Please ask the staff how to go on",
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::privacy::hexadecimal;
    use crate::session::ConsentText;

    fn jargon(text: &str) -> bool {
        const JARGON: [&str; 9] =
            ["mrz", "pdf417", "aamva", "liveness", "biometric", "embedding", "session", "refuse the sale", "_"];
        JARGON.iter().any(|word| text.to_lowercase().contains(word))
    }

    /// Whoever changes what people agree to makes a new version of it, so that an auditor finds the words by it.
    #[test]
    fn each_version_of_the_consent_text_has_the_words_that_it_had() {
        for (estimates_age, version, words) in [
            (false, "check-1", "55ea24827f91b145da82a0e10298589407c6d619fdafcaf38238238a78478ca2"),
            (true, "check-with-age-1", "d01330ba8f6a1c9c84a6f2685627e569b96ea6c4730bee840caab2efceb86c46"),
        ] {
            assert_eq!(ConsentText::own(estimates_age).version(), version);
            let digest = Sha256::digest(consent_points(estimates_age).join("\n"));
            assert_eq!(hexadecimal(&digest), words, "these words are not those of {version}: give them a new version");
        }
    }

    #[test]
    fn reasons_are_told_to_the_person_without_the_staff_s_words() {
        for reason in ReasonCode::all() {
            let Words { title, detail } = of_screen(&Screen::NotVerified { reason });
            assert_eq!(title, reason.entry().person);
            for text in [title, detail] {
                assert!(!text.is_empty() && !text.ends_with('.') && !jargon(text), "{reason}: {text:?}");
                assert!(!text.contains(reason.entry().staff), "{reason}: {text:?}");
            }
        }
    }

    #[test]
    fn a_fault_of_the_device_never_reads_as_the_person_s_failure() {
        for fault in [
            DeviceFault::CameraSilent,
            DeviceFault::CameraMissing,
            DeviceFault::CameraOther,
            DeviceFault::CameraFormat,
            DeviceFault::Decoder,
            DeviceFault::Model,
            DeviceFault::Store,
            DeviceFault::Clock,
        ] {
            let Words { title, detail } = of_fault(fault);
            assert!(detail.starts_with("This is not your fault"), "{fault:?}");
            assert!(!title.contains("You") && !jargon(title), "{fault:?}");
        }
    }
}
