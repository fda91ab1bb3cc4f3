//! The lines of gpsd, as far as they say where and when: `TPV` of its JSON protocol, version 3.
//!
//! Always holds: a report counts only with a fix in two dimensions, a time and an estimate of its error; a line that is
//! anything else is ignored. See <https://gpsd.gitlab.io/gpsd/gpsd_json.html>.

use jiff::Timestamp;
use serde::Deserialize;

use crate::compliance::{FixAccuracy, Position};

/// What is asked of gpsd: reports, as JSON.
pub(super) const WATCH: &[u8] = b"?WATCH={\"enable\":true,\"json\":true};\n";
/// What is asked to hear whether it still answers.
pub(super) const ALIVE: &[u8] = b"?VERSION;\n";
/// The least mode in which latitude and longitude count.
const MODE_2D: u8 = 2;

/// One report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Report {
    /// The time of the satellites at the fix.
    pub time: Timestamp,
    /// Where, with its error in metres; `None` where the receiver does not say how exact it is.
    pub fix: Option<(Position, f64)>,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Line {
    /// A report of a fix.
    Fix(Report),
    /// Something of the protocol that says nothing of a fix.
    Other,
    /// Not of the protocol.
    Garbage,
}

#[derive(Deserialize)]
struct Class<'a> {
    class: &'a str,
}

/// A number that is not one makes its whole report garbage, so that they are read by themselves.
#[derive(Deserialize)]
struct Tpv {
    #[serde(default)]
    mode: u8,
    time: Option<String>,
    lat: Option<f64>,
    lon: Option<f64>,
    /// Estimated horizontal error in metres, 95 %.
    eph: Option<f64>,
    /// The same by direction, of versions before 3.20.
    epx: Option<f64>,
    epy: Option<f64>,
}

/// Reads a line.
pub(super) fn read(line: &[u8]) -> Line {
    let Ok(Class { class }) = serde_json::from_slice(line) else { return Line::Garbage };
    if class != "TPV" {
        return Line::Other;
    }
    let Ok(tpv) = serde_json::from_slice::<Tpv>(line) else { return Line::Garbage };
    let time = tpv.time.as_deref().and_then(|text| text.parse().ok());
    match time.filter(|_| tpv.mode >= MODE_2D) {
        None => Line::Other,
        Some(time) => Line::Fix(Report { time, fix: tpv.fix() }),
    }
}

impl Tpv {
    fn fix(&self) -> Option<(Position, f64)> {
        let position = Position::new(self.lat?, self.lon?)?;
        let error_m = self.eph.or_else(|| Some(self.epx?.hypot(self.epy?)))?;
        FixAccuracy::of(error_m).map(|_| (position, error_m))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TPV: &str = r#"{"class":"TPV","device":"/dev/pts/1","mode":3,"time":"2026-11-23T12:00:01.000Z","lat":38.5,"lon":-121.5,"eph":7.6,"speed":1.0}"#;

    fn fix(line: &str) -> Option<(Position, f64)> {
        match read(line.as_bytes()) {
            Line::Fix(report) => report.fix,
            Line::Other | Line::Garbage => None,
        }
    }

    #[test]
    fn a_report_says_where_and_when_with_its_error() {
        let time = "2026-11-23T12:00:01Z".parse().unwrap();
        let there = Position::new(38.5, -121.5).map(|position| (position, 7.6));
        assert_eq!(read(TPV.as_bytes()), Line::Fix(Report { time, fix: there }));
        let older = TPV.replace("\"eph\":7.6", "\"epx\":3.0,\"epy\":4.0");
        assert_eq!(fix(&older).map(|(_, error)| error), Some(5.0));
    }

    #[test]
    fn a_report_without_a_fix_a_time_or_an_error_gives_no_position() {
        for (from, to) in [
            ("\"mode\":3", "\"mode\":1"),
            ("\"mode\":3,", ""),
            ("2026-11-23T12:00:01.000Z", "soon"),
            ("\"eph\":7.6", "\"epx\":3.0"),
            ("\"eph\":7.6", "\"eph\":9000"),
            ("\"eph\":7.6", "\"eph\":-1"),
            ("38.5", "98.5"),
            ("\"lat\":38.5,", ""),
        ] {
            assert_eq!(fix(&TPV.replace(from, to)), None, "{to}");
        }
    }

    #[test]
    fn what_is_no_report_is_told_from_garbage() {
        let version = br#"{"class":"VERSION","release":"3.25","proto_major":3,"proto_minor":15}"#;
        assert_eq!(read(version), Line::Other);
        for garbage in [&b"$GPRMC,1,2"[..], b"", b"{", b"[]", b"\xff\xfe", br#"{"class":"TPV","mode":"x"}"#] {
            assert_eq!(read(garbage), Line::Garbage);
        }
    }

    proptest! {
        #[test]
        fn no_line_breaks_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
            let _ = read(format!(r#"{{"class":"TPV","mode":3,"time":"{}"}}"#, String::from_utf8_lossy(&bytes)).as_bytes());
        }
    }
}
