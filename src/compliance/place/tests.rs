use super::*;
use proptest::prelude::*;

fn claimed(jurisdiction: &Jurisdiction) -> ClaimedPlace<'_> {
    ClaimedPlace { jurisdiction, as_country: false, has_borders: true }
}

fn regions(codes: &[&str]) -> BTreeSet<String> {
    codes.iter().map(|&code| code.to_owned()).collect()
}

/// Two regions with a border at longitude 10.
fn two_halves(point: &Position) -> Vec<&'static str> {
    if point.longitude() < 10.0 { vec!["AA-W", "AA"] } else { vec!["AA-E", "AA"] }
}

fn metres(one: &Position, other: &Position) -> f64 {
    let (north, east) = (other.latitude() - one.latitude(), other.longitude() - one.longitude());
    let east = (east + 180.0).rem_euclid(360.0) - 180.0;
    (north * METRES_A_DEGREE).hypot(east * METRES_A_DEGREE * one.latitude().to_radians().cos())
}

#[test]
fn a_part_agrees_with_itself_and_with_no_other() {
    let california = "US-CA".parse().unwrap();
    let claimed = claimed(&california);
    assert_eq!(claimed.agrees(&regions(&["US-CA", "US"])), PlaceAgreement::Yes);
    assert_eq!(claimed.agrees(&regions(&["US-NV", "US"])), PlaceAgreement::No);
    assert_eq!(claimed.agrees(&regions(&[])), PlaceAgreement::Unknown, "at sea");
}

#[test]
fn a_country_that_is_known_as_a_whole_agrees_as_a_whole() {
    let berlin = "DE-BE".parse().unwrap();
    let as_country = ClaimedPlace { jurisdiction: &berlin, as_country: true, has_borders: false };
    assert_eq!(as_country.agrees(&regions(&["DE"])), PlaceAgreement::Yes);
    assert_eq!(as_country.agrees(&regions(&["PL"])), PlaceAgreement::No);
    let without_borders = ClaimedPlace { as_country: false, ..as_country };
    assert_eq!(without_borders.agrees(&regions(&["DE"])), PlaceAgreement::Unknown);
    assert_eq!(without_borders.agrees(&regions(&["PL"])), PlaceAgreement::No);
}

#[test]
fn satellites_come_before_the_site_while_their_position_is_recent() {
    let california = "US-CA".parse().unwrap();
    let fix =
        FixRegions { regions: regions(&["US-NV"]), accuracy: FixAccuracy::Fine, taken_at: Duration::from_secs(1000) };
    let site = regions(&["US-CA"]);
    let judge = |fix, site, now| claimed(&california).judge(fix, site, Duration::from_secs(now));
    let current = judge(Some(&fix), Some(&site), 1030);
    assert_eq!((current.source, current.agrees), (PlaceSource::Gnss, PlaceAgreement::No));
    assert_eq!((current.age, current.accuracy), (Some(FixAge::Current), Some(FixAccuracy::Fine)));
    assert_eq!(judge(Some(&fix), Some(&site), 1300).age, Some(FixAge::Recent));
    let gone = judge(Some(&fix), Some(&site), 1301);
    assert_eq!((gone.source, gone.agrees, gone.age), (PlaceSource::Site, PlaceAgreement::Yes, None));
    assert_eq!(judge(None, None, 0).source, PlaceSource::None);
}

#[test]
fn an_estimate_of_the_error_is_needed_and_may_not_be_too_coarse() {
    assert_eq!(FixAccuracy::of(3.0), Some(FixAccuracy::Fine));
    assert_eq!(FixAccuracy::of(101.0), Some(FixAccuracy::Coarse));
    for wrong in [f64::NAN, -1.0, 5_001.0, f64::INFINITY] {
        assert_eq!(FixAccuracy::of(wrong), None);
    }
}

#[test]
fn what_is_no_point_on_the_earth_is_refused_and_a_point_is_never_printed() {
    for (latitude, longitude) in [(90.1, 0.0), (0.0, 180.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
        assert!(Position::new(latitude, longitude).is_none());
    }
    assert_eq!(format!("{:?}", Position::new(51.5, -0.12)), "Some([redacted])");
    let fix = FixRegions { regions: regions(&["US-CA"]), accuracy: FixAccuracy::Fine, taken_at: Duration::ZERO };
    assert!(!format!("{fix:?}").contains("US"), "nor is a region");
}

#[test]
fn the_evidence_names_no_place() {
    let fix = FixRegions { regions: regions(&["US-NV"]), accuracy: FixAccuracy::Fine, taken_at: Duration::ZERO };
    let california = "US-CA".parse().unwrap();
    let evidence = claimed(&california).judge(Some(&fix), None, Duration::ZERO);
    let written = serde_json::to_string(&evidence).unwrap();
    assert_eq!(written, r#"{"source":"gnss","agrees":"no","age":"current","accuracy":"fine"}"#);
}

proptest! {
    #[test]
    fn points_around_a_position_are_within_the_radius_also_over_the_date_line(
        latitude in -85.0..85.0f64, longitude in -180.0..=180.0f64, radius in 0.0..10_000.0f64,
    ) {
        let position = Position::new(latitude, longitude).unwrap();
        for point in position.around(radius) {
            prop_assert!(Position::new(point.latitude(), point.longitude()).is_some());
            prop_assert!(metres(&position, &point) <= radius * 1.02 + 0.1, "{}", metres(&position, &point));
        }
    }

    #[test]
    fn a_position_agrees_with_both_sides_of_a_border_within_its_tolerance_and_with_one_beyond_it(
        latitude in -60.0..60.0f64, off_m in -20_000.0..20_000.0f64, radius in 10.0..10_000.0f64,
    ) {
        let position = Position::new(latitude, 10.0).unwrap().moved(0.0, off_m);
        let near = regions_near(&position, radius, two_halves);
        let (own, other) = if position.longitude() < 10.0 { ("AA-W", "AA-E") } else { ("AA-E", "AA-W") };
        let agrees = |part: &str| claimed(&part.parse().unwrap()).agrees(&near) == PlaceAgreement::Yes;
        prop_assert!(agrees(own), "it always agrees with where it is");
        // 24 points on the outermost ring: the border is found up to 1 % short of the radius.
        prop_assert!(off_m.abs() > radius * 0.98 || agrees(other));
        prop_assert!(off_m.abs() < radius * 1.02 || !agrees(other));
    }

    #[test]
    fn a_wider_tolerance_never_turns_agreement_into_disagreement(
        off_m in -20_000.0..20_000.0f64, radius in 10.0..10_000.0f64, wider in 1.0..3.0f64,
    ) {
        let position = Position::new(45.0, 10.0).unwrap().moved(0.0, off_m);
        let narrow = regions_near(&position, radius, two_halves);
        let wide = regions_near(&position, radius * wider, two_halves);
        prop_assert!(narrow.is_subset(&wide));
    }
}
