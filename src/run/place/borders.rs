//! The borders of countries and of their parts, offline: the crate `country-boundaries` with its data of 360 by 180 cells.
//!
//! Always holds: nothing is read from disk or network. The data are © OpenStreetMap contributors, under the Open Database
//! License (`BORDERS-LICENCE.md` beside this file).

use std::collections::BTreeSet;

use country_boundaries::{BOUNDARIES_ODBL_360X180, BoundingBox, CountryBoundaries, LatLon};

use crate::compliance::{Position, regions_near};

/// The borders.
pub struct Borders(CountryBoundaries);

/// The borders that the program was built with are damaged.
#[derive(Debug, thiserror::Error)]
#[error("the borders cannot be read; install the program again")]
pub struct BordersError;

impl Borders {
    /// Reads those that the program was built with.
    ///
    /// # Errors
    /// [`BordersError`], which a test rules out.
    pub fn built_in() -> Result<Self, BordersError> {
        CountryBoundaries::from_reader(BOUNDARIES_ODBL_360X180).map(Self).map_err(|_| BordersError)
    }

    /// Codes of the countries and parts that a point is in; none at sea.
    #[must_use]
    pub fn regions_at(&self, point: &Position) -> Vec<&str> {
        LatLon::new(point.latitude(), point.longitude()).map_or_else(|_| Vec::new(), |point| self.0.ids(point))
    }

    /// The same of everything within `radius_m` metres.
    #[must_use]
    pub fn regions_near(&self, position: &Position, radius_m: f64) -> BTreeSet<String> {
        regions_near(position, radius_m, |point| self.regions_at(point))
    }

    /// Codes of everything whose borders are known.
    #[must_use]
    pub fn codes(&self) -> BTreeSet<String> {
        // A box around the whole world would be one without any width.
        let strips = (0..6).map(|strip| f64::from(strip) * 60.0 - 180.0);
        let boxes = strips.filter_map(|west| BoundingBox::new(-90.0, west, 90.0, west + 60.0).ok());
        let codes = boxes.flat_map(|strip| {
            let within = self.0.containing_ids(strip);
            self.0.intersecting_ids(strip).into_iter().chain(within)
        });
        codes.map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compliance::RuleBook;

    fn regions(latitude: f64, longitude: f64) -> Vec<String> {
        let borders = Borders::built_in().unwrap();
        let point = Position::new(latitude, longitude).unwrap();
        let mut found: Vec<_> = borders.regions_at(&point).into_iter().map(str::to_owned).collect();
        found.sort();
        found
    }

    #[test]
    fn cities_are_in_their_states_and_nations_and_the_sea_is_nowhere() {
        assert_eq!(regions(38.58, -121.49), ["US", "US-CA"]);
        assert_eq!(regions(43.65, -79.38), ["CA", "CA-ON"]);
        assert_eq!(regions(55.95, -3.19), ["GB", "GB-SCT"]);
        assert!(regions(52.52, 13.40).contains(&"DE".to_owned()));
        assert!(regions(-40.0, -120.0).is_empty());
    }

    #[test]
    fn the_borders_of_every_place_of_the_rules_are_known() {
        let codes = Borders::built_in().unwrap().codes();
        for place in RuleBook::built_in().unwrap().places() {
            assert!(codes.contains(place), "{place}");
        }
    }

    #[test]
    fn a_position_at_a_border_may_be_on_either_side_of_it() {
        let borders = Borders::built_in().unwrap();
        // Stateline, on the line between California and Nevada.
        let stateline = Position::new(38.9565, -119.9440).unwrap();
        let near = borders.regions_near(&stateline, 1_000.0);
        assert!(near.contains("US-CA") && near.contains("US-NV"), "{near:?}");
        assert_eq!(borders.regions_near(&Position::new(38.58, -121.49).unwrap(), 5_000.0).len(), 2);
    }
}
