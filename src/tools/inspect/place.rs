//! `inspect place`: known points against the borders.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::compliance::{ClaimedPlace, Jurisdiction, PlaceAgreement, Position};
use crate::run::Borders;
use crate::tools::exit::{CommandError, Exit};

/// What `inspect place` takes.
#[derive(Debug, Clone, Args)]
pub struct PlaceArgs {
    /// Points, one a line: latitude, longitude and code, such as US-CA, with tabs between them.
    #[arg(long)]
    points: PathBuf,
    /// Metres within which a point may be on the other side of a border.
    #[arg(long, default_value_t = 0.0, value_parser = metres)]
    tolerance_m: f64,
    /// Print every point, and not only those that are wrong.
    #[arg(long)]
    all: bool,
}

fn metres(text: &str) -> Result<f64, String> {
    let metres = text.parse().ok().filter(|metres| (0.0..=10_000.0).contains(metres));
    metres.ok_or_else(|| "give metres between 0 and 10000".to_owned())
}

/// A point whose place is known.
#[derive(Debug, Clone)]
pub(in crate::tools) struct KnownPoint {
    position: Position,
    jurisdiction: Jurisdiction,
}

impl KnownPoint {
    /// Reads a line of a file of points.
    pub(in crate::tools) fn parse(line: &str) -> Option<Self> {
        let mut columns = line.split('\t');
        let mut number = || columns.next()?.trim().parse().ok();
        let position = Position::new(number()?, number()?)?;
        Some(Self { position, jurisdiction: columns.next()?.parse().ok()? })
    }

    /// What the borders say of it.
    pub(in crate::tools) fn look_up(&self, borders: &Borders, tolerance_m: f64) -> (PlaceAgreement, Vec<String>) {
        let regions = borders.regions_near(&self.position, tolerance_m);
        let claimed = ClaimedPlace { jurisdiction: &self.jurisdiction, as_country: false, has_borders: true };
        (claimed.agrees(&regions), regions.into_iter().collect())
    }
}

#[derive(Serialize)]
struct PointLine<'a> {
    line: usize,
    expected: &'a Jurisdiction,
    found: Vec<String>,
    agrees: PlaceAgreement,
}

#[derive(Serialize)]
struct SummaryLine {
    points: usize,
    right: usize,
    right_percent: f64,
    tolerance_m: f64,
}

/// Looks up every point.
///
/// # Errors
/// [`CommandError`] when the file cannot be read or a line is none.
pub fn place(args: &PlaceArgs) -> Result<Exit, CommandError> {
    let unreadable = |why: String| CommandError::Usage(format!("{}: {why}", args.points.display()));
    let text = std::fs::read_to_string(&args.points).map_err(|error| unreadable(error.to_string()))?;
    let borders = Borders::built_in().map_err(|error| CommandError::System(error.to_string()))?;
    let mut out = std::io::stdout().lock();
    let (mut points, mut right) = (0, 0);
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let form = || unreadable(format!("line {} is not latitude, longitude and code", number + 1));
        let point = KnownPoint::parse(line).ok_or_else(form)?;
        let (agrees, found) = point.look_up(&borders, args.tolerance_m);
        points += 1;
        right += usize::from(agrees == PlaceAgreement::Yes);
        if args.all || agrees != PlaceAgreement::Yes {
            let shown = PointLine { line: number + 1, expected: &point.jurisdiction, found, agrees };
            serde_json::to_writer(&mut out, &shown).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
    }
    let right_percent = 100.0 * right as f64 / points.max(1) as f64;
    let summary = SummaryLine { points, right, right_percent, tolerance_m: args.tolerance_m };
    serde_json::to_writer(&mut out, &summary).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(if right == points { Exit::Success } else { Exit::Negative })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::run::PlaceConfig;

    #[test]
    fn a_line_is_a_point_with_its_place_or_none() {
        let point = KnownPoint::parse("31.57933\t-91.48179\tUS-LA").unwrap();
        let borders = Borders::built_in().unwrap();
        assert_eq!(point.look_up(&borders, 0.0).0, PlaceAgreement::Yes);
        for line in ["", "31.5\t-91.4", "31.5\t-191.4\tUS-LA", "31.5\t-91.4\tLouisiana", "a\tb\tUS-LA"] {
            assert!(KnownPoint::parse(line).is_none(), "{line}");
        }
    }

    #[test]
    fn at_least_999_of_1000_known_points_agree_with_their_state_by_the_margin_of_the_default() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/geo/us_points.tsv");
        let Ok(text) = std::fs::read_to_string(&file) else {
            eprintln!("SKIPPED: {} is not there", file.display());
            return;
        };
        let borders = Borders::built_in().unwrap();
        let points: Vec<_> = text.lines().map(|line| KnownPoint::parse(line).expect("a point")).collect();
        let right = |tolerance_m: f64| {
            let agrees = |point: &&KnownPoint| point.look_up(&borders, tolerance_m).0 == PlaceAgreement::Yes;
            points.iter().filter(agrees).count()
        };
        assert!(points.len() >= 1000);
        let margin = f64::from(PlaceConfig::default().border_margin_m);
        assert!(right(margin) * 1000 >= points.len() * 999, "{} of {}", right(margin), points.len());
        // Two points are within 150 m of a border, and one is 2 km beyond that of its district.
        assert!(right(0.0) * 1000 >= points.len() * 997, "{} of {}", right(0.0), points.len());
    }
}
