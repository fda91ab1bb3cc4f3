//! Which lines of a picture are print, and which are rows of its machine-readable zone.
//!
//! A zone that counted as print would agree with itself. Its rows are told by their place: where the zone was read, whatever
//! was read there the second time, is no print. A zone that stands somewhere else as well, on the other side of the card or
//! set beside itself by somebody who wants it to be compared with itself, has no known place: it is told by a filler, which no
//! print has, or by being a long stretch of what was read, with digits. Always holds: a line that lies elsewhere and is shorter
//! than such a stretch, or a name, is print. Does not find the zone.

use super::read_text::TextLine;
use crate::imaging::Quad;
use crate::privacy::{Personal, text_of};

/// Share of a line's box that has to lie over rows of the zone: the search finds both, and cuts them alike but for a margin.
const LEAST_SHARE: f32 = 0.5;
/// Shortest stretch of a zone that no printed field has: numbers have up to 14 characters. Names have more, and no digits.
const LEAST_STRETCH: usize = 15;
/// Of so many characters of such a stretch one at least is a digit: a misread letter of a name is one of more.
const CHARACTERS_A_DIGIT: usize = 4;
/// Share of such a stretch that has to be the same: four of five.
const LIKENESS: (usize, usize) = (4, 5);

/// The rows of a zone that was read; none of both where there is no zone.
#[derive(Debug, Clone, Default)]
pub struct ZoneRows {
    /// What they say.
    pub lines: Vec<Personal<String>>,
    /// Where they stand, in pixels of the picture whose print is asked for.
    pub outlines: Vec<Quad>,
}

impl ZoneRows {
    /// The same rows, of which it is not known where they stand: the print is another picture's.
    #[must_use]
    pub fn of_another_picture(self) -> Self {
        Self { outlines: Vec::new(), ..self }
    }

    /// Whether a line is print.
    #[must_use]
    pub fn admits(&self, line: &TextLine) -> bool {
        !self.lies_under(line.outline) && !self.is_repeated_by(line)
    }

    /// Whether most of a box lies over the rows, be it over one of them or two that were found as one.
    fn lies_under(&self, outline: Quad) -> bool {
        self.outlines.iter().map(|row| outline.share_inside(*row)).sum::<f32>() >= LEAST_SHARE
    }

    fn is_repeated_by(&self, line: &TextLine) -> bool {
        let text = line.text.reveal();
        let text = text_of(text.chars().filter(|c| *c != ' '), text.len());
        let text = text.reveal().as_bytes();
        let is_like = |stretch: &[u8]| {
            let same = stretch.iter().zip(text).filter(|(a, b)| a == b).count();
            same * LIKENESS.1 >= text.len() * LIKENESS.0
        };
        let is_stretch = |row: &Personal<String>| row.reveal().as_bytes().windows(text.len().max(1)).any(is_like);
        let digits = text.iter().filter(|c| c.is_ascii_digit()).count();
        let may_be_zone = text.len() >= LEAST_STRETCH && digits * CHARACTERS_A_DIGIT >= text.len();
        text.contains(&b'<') || may_be_zone && self.lines.iter().any(is_stretch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{Point, Rect};

    const ROWS: [Rect; 2] = [Rect::new(40.0, 700.0, 1200.0, 40.0), Rect::new(40.0, 780.0, 1200.0, 40.0)];

    fn zone() -> ZoneRows {
        let lines = ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B12345610"];
        ZoneRows { lines: lines.map(Into::into).into(), outlines: ROWS.map(Quad::from_rect).into() }
    }

    fn is_print(text: &str, bounds: Rect) -> bool {
        zone().admits(&TextLine::level(text, 0.9, bounds))
    }

    #[test]
    fn whatever_was_read_where_the_zone_stands_is_no_print() {
        for row in ROWS {
            let piece = Rect::new(row.x + 300.0, row.y - 4.0, 260.0, 46.0);
            // Short, without a filler, and misread: nothing but its place tells it.
            assert!(!is_print("L898902C3", piece) && !is_print("ERIKSSON", piece) && !is_print("GFFO11MQ", piece));
        }
        assert!(!is_print("L898902C3", Rect::new(100.0, 702.0, 300.0, 110.0)), "two rows that were found as one");
    }

    #[test]
    fn print_above_the_zone_stays_print_though_its_box_reaches_into_it() {
        assert!(is_print("L898902C3", Rect::new(100.0, 665.0, 300.0, 50.0)));
        assert!(is_print("ERIKSSON", Rect::new(100.0, 200.0, 300.0, 40.0)));
    }

    #[test]
    fn a_piece_of_a_tilted_zone_is_told_by_its_place() {
        let (sin, cos) = 14_f32.to_radians().sin_cos();
        let turned = |rect: Rect| {
            Quad(Quad::from_rect(rect).0.map(|p| Point::new(400.0 + p.x * cos - p.y * sin, p.x * sin + p.y * cos)))
        };
        let zone = ZoneRows { outlines: ROWS.map(turned).into(), ..zone() };
        let line = |rect: Rect| {
            let (outline, level) = (turned(rect), TextLine::level("L898902C3", 0.9, rect));
            TextLine { bounds: outline.bounds(), outline, ..level }
        };
        assert!(!zone.admits(&line(Rect::new(60.0, 781.0, 700.0, 38.0))));
        assert!(zone.admits(&line(Rect::new(60.0, 600.0, 700.0, 38.0))), "its upright bounds lie over the zone");
    }

    #[test]
    fn a_zone_that_is_repeated_elsewhere_is_no_print_and_the_printed_number_is() {
        let elsewhere = Rect::new(300.0, 100.0, 700.0, 40.0);
        assert!(!is_print("P<UTOERIKSSON<<ANNA", elsewhere));
        assert!(!is_print("L898902C36UTO7408122F12", elsewhere));
        let misread = "L8989O2C36UT07408122F1204159ZE184226B12345610";
        assert!(!is_print(misread, elsewhere), "two letters were read otherwise");
        assert!(is_print("L898902C3", elsewhere) && is_print("ERIKSSON", elsewhere));
    }

    #[test]
    fn a_long_name_is_print_though_the_zone_says_the_same() {
        let lines = ["P<UTOPAPAKONSTANTINOU<<ANNA<MARIA<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B12345610"];
        let zone = ZoneRows { lines: lines.map(Into::into).into(), ..zone() };
        for name in ["PAPAKONSTANTINOU", "PAPAK0NSTANTINOU", "PAPAGONSTANTIROU"] {
            assert!(zone.admits(&TextLine::level(name, 0.9, Rect::new(300.0, 100.0, 700.0, 40.0))), "{name}");
        }
    }

    #[test]
    fn the_place_of_a_zone_says_nothing_about_another_picture() {
        let other = zone().of_another_picture();
        let line = |text| TextLine::level(text, 0.9, ROWS[1]);
        assert!(other.admits(&line("L898902C3")) && !other.admits(&line("L898902C36UTO7408122F12")));
    }
}
