use jiff::civil::date;

use super::*;
use crate::compliance::bundle::tests::{sealed, secret, trusting};

fn held(text: &str) -> Held {
    Held::Bytes(text.as_bytes().to_vec())
}

fn chosen(current: Held, previous: Held) -> Choice {
    choose(RuleBook::built_in().unwrap(), &HeldBundles { current, previous }, trusting(&[secret(1).public()]))
}

/// After the built-in table, whenever that is made.
fn newer(version: &str) -> String {
    sealed(version, "2099-01-01")
}

#[test]
fn the_table_that_was_installed_last_is_used_and_the_built_in_one_where_there_is_none() {
    let choice = chosen(held(&newer("b")), held(&newer("a")));
    assert_eq!((choice.slot, choice.book.version()), (Some(Slot::Current), "b"));
    let choice = chosen(Held::Absent, Held::Absent);
    assert_eq!((choice.slot, choice.book.signed_by()), (None, None));
    assert!(choice.current.is_none() && choice.previous.is_none());
}

#[test]
fn a_damaged_table_gives_way_to_the_one_before_it_and_then_to_the_built_in_one_each_with_its_reason() {
    let damaged = newer("b").replacen("\"payload\": \"", "\"payload\": \"A", 1);
    for bad in [held(&damaged), held(""), Held::Unreadable("EIO".to_owned()), held(&newer("b")[..200])] {
        let choice = chosen(bad.clone(), held(&newer("a")));
        assert_eq!((choice.slot, choice.book.version()), (Some(Slot::Previous), "a"));
        assert!(matches!(choice.current, Some(Err(PassedOver::Refused(_) | PassedOver::Unreadable(_)))));
        let choice = chosen(bad, held("{}"));
        assert_eq!((choice.slot, choice.book.signed_by()), (None, None));
        assert!(matches!((choice.current, choice.previous), (Some(Err(_)), Some(Err(_)))));
    }
}

#[test]
fn a_table_whose_key_is_trusted_no_more_is_passed_over_by_name() {
    let bundles = HeldBundles { current: held(&newer("b")), previous: Held::Absent };
    let choice = choose(RuleBook::built_in().unwrap(), &bundles, trusting(&[secret(2).public()]));
    assert_eq!(choice.slot, None);
    let why = choice.current.unwrap().unwrap_err().to_string();
    assert!(why.contains("not trusted") && why.contains(secret(1).public().id()), "{why}");
}

#[test]
fn a_table_older_than_the_built_in_one_of_a_newer_program_is_not_used() {
    let choice = chosen(held(&sealed("z", "2020-01-01")), Held::Absent);
    assert_eq!(choice.slot, None);
    assert!(matches!(choice.current, Some(Err(PassedOver::Superseded { .. }))));
}

#[test]
fn one_bundle_in_both_places_is_one_bundle() {
    let choice = chosen(held(&newer("b")), held(&newer("b")));
    assert_eq!(choice.slot, Some(Slot::Current));
    assert!(choice.previous.is_none());
}

#[test]
fn only_a_newer_table_takes_another_one_s_place_and_none_that_is_still_to_be_made() {
    let keys = [secret(1).public()];
    let book = |version: &str, day: &str| open(sealed(version, day).as_bytes(), trusting(&keys)).unwrap();
    let in_use = book("m", "2027-05-05");
    let may = |version: &str, day: &str| may_replace(&book(version, day), &in_use, date(2027, 6, 1));
    assert_eq!(may("a", "2027-05-06"), Ok(()));
    assert_eq!(may("n", "2027-05-05"), Ok(()));
    for (version, day) in [("m", "2027-05-05"), ("l", "2027-05-05"), ("z", "2027-05-04")] {
        let refused = may(version, day).unwrap_err();
        assert!(matches!(refused, InstallRefusal::NotNewer { .. }), "{version} {day}");
        assert!(refused.to_string().contains("carded rules rollback"));
    }
    // The calendar may be a day ahead somewhere.
    assert_eq!(may("a", "2027-06-02"), Ok(()));
    assert!(matches!(may("a", "2027-06-03"), Err(InstallRefusal::ToCome { .. })));
}
