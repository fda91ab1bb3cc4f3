use jiff::SignedDuration;
use jiff::civil::date;

use super::*;
use crate::compliance::{AgeTier, PlaceDays, Rule, RuleBook, Terms};
use crate::liveness::CameraMount;
use crate::session::{Dialect, Policy};

const GOOD: &str = r#"
        [device]
        state = "state"
        socket = "engine.sock"
        [site]
        jurisdiction = "US-CA"
        use_case = "alcohol_in_person"
        [camera]
        source = "v4l2"
        device = "/dev/v4l/by-id/usb-camera-video-index0"
        [[endpoint]]
        name = "backend"
        url = "https://shop.example/webhooks"
        dialect = "stile"
        secret_files = ["secret"]
    "#;

#[test]
fn a_good_file_is_read_with_its_defaults() {
    let config = Config::parse(GOOD).unwrap();
    assert_eq!((config.sessions.document_attempts, config.endpoints.current()[0].dialect), (3, Dialect::Stile));
    assert!(matches!(config.camera, CameraConfig::V4l2 { pin: None, width: 1920, height: 1080, fps: 30, .. }));
    let pin = "[camera.pin]\nvendor = \"046d\"\nproduct = \"082d\"\nserial = \"A1\"\n[[endpoint]]";
    let pinned = Config::parse(&GOOD.replace("[[endpoint]]", pin)).unwrap();
    assert!(matches!(pinned.camera, CameraConfig::V4l2 { pin: Some(_), .. }));
}

#[test]
fn what_is_configured_for_sessions_becomes_the_policy() {
    let strict = "[sessions]\nrecapture = \"refuse\"\naccept_front_only = true\nscreen_flash = \"require\"\n\
         camera_mount = \"in_hand\"\n[camera]";
    let config = Config::parse(&GOOD.replace("[camera]", strict)).unwrap();
    let policy = config.sessions.policy(&rule(UseCase::AlcoholInPerson, "US-CA"));
    assert!(policy.refuse_recapture && policy.accept_front_only && policy.require_flash);
    assert_eq!(policy.camera_mount, CameraMount::InHand);
    let default = Config::parse(GOOD).unwrap().sessions.policy(&rule(UseCase::AlcoholInPerson, "US-CA"));
    let earned_within = SignedDuration::from_hours(24);
    assert_eq!(default, Policy { earned_within, ..Policy::for_tier(AgeTier::Over21) });
}

#[test]
fn a_handheld_has_its_camera_in_a_hand_unless_the_configuration_says_what_it_is() {
    let mount = |stated: &str, handheld: bool| {
        let sessions = Config::parse(&GOOD.replace("[camera]", stated)).unwrap().sessions;
        let sessions = if handheld { sessions.in_hand() } else { sessions };
        sessions.policy(&rule(UseCase::AlcoholInPerson, "US-CA")).camera_mount
    };
    let stated = |mount: &str| format!("[sessions]\ncamera_mount = \"{mount}\"\n[camera]");
    assert_eq!([mount("[camera]", false), mount("[camera]", true)], [CameraMount::Mounted, CameraMount::InHand]);
    assert_eq!([false, true].map(|handheld| mount(&stated("mounted"), handheld)), [CameraMount::Mounted; 2]);
    assert_eq!([false, true].map(|handheld| mount(&stated("in_hand"), handheld)), [CameraMount::InHand; 2]);
}

const TRIAGE: &str = "[sessions.age_triage]\nbuffer_years = 9\njurisdictions = [\"US-CA\"]\n\
                      use_cases = [\"alcohol_in_person\"]\n[camera]";

#[test]
fn age_triage_is_off_but_for_the_places_and_use_cases_that_are_named() {
    let sessions = Config::parse(&GOOD.replace("[camera]", TRIAGE)).unwrap().sessions;
    let triages = |use_case, place: &str| sessions.policy(&rule(use_case, place)).age_threshold().is_some();
    assert!(triages(UseCase::AlcoholInPerson, "US-CA"));
    assert!(!triages(UseCase::AlcoholInPerson, "US-NV") && !triages(UseCase::TobaccoNicotine, "US-CA"));
    let default = Config::parse(GOOD).unwrap().sessions;
    assert_eq!(default.policy(&rule(UseCase::AlcoholInPerson, "US-CA")).age_threshold(), None);
}

#[test]
fn age_triage_without_a_place_or_for_a_use_that_asks_who_somebody_is_is_refused() {
    for (from, to, named) in [
        ("buffer_years = 9", "buffer_years = 21", "0 to 20"),
        ("buffer_years = 9\n", "", "buffer_years"),
        ("[\"US-CA\"]", "[]", "jurisdictions"),
        ("[\"US-CA\"]", "[\"everywhere\"]", "ISO 3166-2"),
        ("[\"alcohol_in_person\"]", "[]", "use_cases"),
        ("[\"alcohol_in_person\"]", "[\"firearms\"]", "who the person is"),
    ] {
        let error = Config::parse(&GOOD.replace("[camera]", &TRIAGE.replace(from, to))).unwrap_err();
        assert!(error.contains(named), "{error}");
    }
}

fn rule(use_case: UseCase, place: &str) -> Rule {
    let jurisdiction = place.parse().unwrap();
    let known = RuleBook::built_in().unwrap();
    let rule = known
        .resolve(UseCase::AlcoholInPerson, &"US-CA".parse().unwrap(), PlaceDays::single(date(2026, 11, 23)))
        .unwrap();
    Rule { use_case, jurisdiction, ..rule }
}

#[test]
fn what_a_rule_itself_says_of_methods_binds_and_a_default_leaves_the_operator_the_last_word() {
    use crate::compliance::AllowedMethod as M;
    let accepting =
        TRIAGE.replacen("[sessions.age_triage]", "[sessions]\naccept_front_only = true\n[sessions.age_triage]", 1);
    let sessions = Config::parse(&GOOD.replace("[camera]", &accepting)).unwrap().sessions;
    let unsaid = rule(UseCase::AlcoholInPerson, "US-CA");
    let policy_of = |binds_methods, allowed_methods: &[M]| {
        let terms = Terms { allowed_methods: allowed_methods.to_vec(), ..unsaid.terms.clone() };
        let policy = sessions.policy(&Rule { terms, binds_methods, ..unsaid.clone() });
        (policy.accept_front_only, policy.age_threshold().is_some())
    };
    assert_eq!(policy_of(false, &[M::DocumentFace]), (true, true));
    assert_eq!(policy_of(true, &[M::DocumentFace]), (false, false));
    assert_eq!(policy_of(true, &[M::DocumentFace, M::DocumentFrontOnly]), (true, false));
    assert_eq!(policy_of(true, &[M::DocumentFace, M::AgeEstimate]), (false, true));
    // What a rule allows is accepted by nobody who did not configure it.
    let strict = Config::parse(GOOD).unwrap().sessions;
    let all =
        Terms { allowed_methods: vec![M::DocumentFace, M::DocumentFrontOnly, M::AgeEstimate], ..unsaid.terms.clone() };
    assert_eq!(strict.policy(&Rule { binds_methods: true, terms: all, ..unsaid.clone() }), strict.policy(&unsaid));
}

#[test]
fn a_publisher_is_trusted_by_the_key_alone_and_nobody_is_by_default() {
    assert!(Config::parse(GOOD).unwrap().rules.trusted_keys.is_empty());
    let with =
        |keys: &str| Config::parse(&GOOD.replace("[camera]", &format!("[rules]\ntrusted_keys = [{keys}]\n[camera]")));
    let key = "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"";
    assert_eq!(with(key).unwrap().rules.trusted_keys[0].id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    for wrong in ["\"11qYAYKxCrfVS\"", "\"\"", &key.replace('_', "/"), &format!("\"{}\"", "A".repeat(43))] {
        assert!(with(wrong).unwrap_err().contains("43 characters of base64url"), "{wrong}");
    }
    assert!(with(&[key; 9].join(", ")).unwrap_err().contains("more than 8 keys"));
}

#[test]
fn what_is_unknown_or_out_of_range_is_refused_by_name() {
    for (from, to, named) in [
        ("US-CA", "California", "ISO 3166-2"),
        ("\"backend\"", "\"back end\"", "endpoint.name"),
        ("[[endpoint]]", "[outbox]\nalarm_hours = 0\n[[endpoint]]", "outbox.alarm_hours"),
        ("[[endpoint]]", "[outbox]\nalarm_waiting = 0\n[[endpoint]]", "outbox.alarm_waiting"),
        ("use_case", "usecase", "usecase"),
        ("source = \"v4l2\"", "source = \"ftp\"", "ftp"),
        ("[\"secret\"]", "[]", "secret file"),
        ("[camera]", "[sessions]\nface_attempts = 0\n[camera]", "face_attempts"),
        ("[camera]", "[sessions]\nrecapture = \"warn\"\n[camera]", "warn"),
        ("[camera]", "[sessions]\nscreen_flash = \"on\"\n[camera]", "on"),
        ("[camera]", "[sessions]\nfailed_attempts_per_hour = 0\n[camera]", "failed_attempts_per_hour"),
        ("[camera]", "[sessions]\nfailed_faces_per_document = 0\n[camera]", "failed_faces_per_document"),
        ("[[endpoint]]", "[camera.pin]\nvendor = \"46d\"\n[[endpoint]]", "four hexadecimal digits"),
        ("[[endpoint]]", "[camera.pin]\nvendor = \"046d\"\n[[endpoint]]", "camera.pin"),
        ("[[endpoint]]", "[camera.pin]\nmodel = \"C920\"\n[[endpoint]]", "model"),
    ] {
        let error = Config::parse(&GOOD.replace(from, to)).unwrap_err();
        assert!(error.contains(named), "{error}");
    }
    let twice = format!("{GOOD}\n{}", &GOOD[GOOD.find("[[endpoint]]").unwrap()..]);
    assert!(Config::parse(&twice).unwrap_err().contains("two endpoints are named backend"));
}

#[test]
fn the_api_is_served_where_it_is_asked_for_and_on_loopback_by_default() {
    assert_eq!(Config::parse(GOOD).unwrap().api, None);
    let with = |api: &str| Config::parse(&GOOD.replace("[camera]", &format!("[api]\n{api}\n[camera]")));
    let places = |api: &str| with(api).unwrap().api.unwrap().places();
    assert!(matches!(&places("")[..], [Listen::Tcp { address, certificate: None }] if address.ip().is_loopback()));
    assert!(matches!(&places("listen = \"\"\nsocket = \"api.sock\"")[..], [Listen::Unix(_)]));
    let pair = "tls_certificate = \"a\"\ntls_key = \"b\"";
    assert!(matches!(&places(pair)[..], [Listen::Tcp { certificate: Some(_), .. }]));
    for (api, named) in [
        ("tls_key = \"b\"", "belong together"),
        ("listen = \"\"", "both empty"),
        ("listen = \"8480\"", "127.0.0.1:8480"),
        ("port = 8480", "port"),
    ] {
        let error = with(api).unwrap_err();
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn the_device_s_place_is_whole_or_not_there_and_gpsd_is_looked_for_on_this_box() {
    let with = |site: &str, place: &str| {
        Config::parse(&GOOD.replace("[camera]", &format!("{site}\n[place]\n{place}\n[camera]")))
    };
    let default = with("", "").unwrap();
    assert_eq!(default.place.gpsd, Some("127.0.0.1:2947".parse().unwrap()));
    assert!(default.watched().site.is_none() && default.watched().border_margin_m > 0.0);
    assert_eq!(with("", "gpsd = \"\"").unwrap().place.gpsd, None);
    let sited = with("latitude = 38.58\nlongitude = -121.49", "border_margin_m = 0").unwrap().watched();
    assert!(sited.site.is_some() && sited.border_margin_m == 0.0);
    for (site, place, named) in [
        ("latitude = 38.58", "", "belong together"),
        ("longitude = 38.58", "", "belong together"),
        ("latitude = 98.58\nlongitude = 0.0", "", "-90 to 90"),
        ("", "border_margin_m = 5001", "border_margin_m"),
        ("", "gpsd = \"gpsd\"", "127.0.0.1"),
        ("", "gpsd = \"192.0.2.1:2947\"", "on this box"),
        ("", "gps = true", "gps"),
    ] {
        let error = with(site, place).unwrap_err();
        assert!(error.contains(named), "{error}");
    }
}
