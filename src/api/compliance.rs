//! What the law of a place asks for, as `GET /v1/compliance/check` answers it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::{ApiError, ErrorCode};
use super::params::Params;
use super::requests::{invalid, place};
use crate::compliance::{
    AgeTier, AllowedMethod, Jurisdiction, Merged, PlaceDays, RuleBook, RuleError, Source, UseCase,
};

/// Use cases that may be asked about at once.
const MOST_USE_CASES: usize = UseCase::ALL.len();
/// What nobody may take this for.
const NOTICE: &str = "Verify with counsel: this is no legal advice, and says nothing of licences, hours or quantities.";

/// `carded.compliance_check`: of several use cases the most restrictive of every part.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ComplianceCheck {
    /// Always `compliance_check`.
    object: &'static str,
    /// As they were asked about.
    use_cases: Vec<&'static str>,
    /// As it was asked about, by ISO 3166-2.
    jurisdiction: String,
    /// Whether any of them is allowed to nobody there.
    prohibited: bool,
    /// Those that are.
    prohibited_use_cases: Vec<&'static str>,
    /// `over_16`, `over_18`, `over_19`, `over_20`, `over_21` or `over_25`; null where all are prohibited.
    required_age_tier: Option<&'static str>,
    /// `document_face`, `document_front_only`, `age_estimate`: how it may be shown, none where it is prohibited.
    #[schema(value_type = Vec<String>)]
    allowed_methods: Vec<AllowedMethod>,
    /// Whether a rule itself says which methods are allowed. Otherwise they are the table's default, and the device's operator may
    /// accept more.
    methods_are_binding: bool,
    /// Who watches over it, where that is known.
    governing_regulator: Option<String>,
    /// The titles of what was read.
    legal_citations: Vec<String>,
    /// Always null: no rule of the table says.
    #[schema(value_type = Option<i64>)]
    data_retention_days: Option<()>,
    /// Days for which a picture or template of a face is kept.
    biometric_retention_days: u16,
    /// Whether the person is asked first.
    consent_required: bool,
    /// Version of the text that they are asked by.
    consent_text: String,
    /// Days for which a verified outcome grants anything.
    credential_validity_days: u16,
    /// Version of the table.
    rule_version: String,
    /// What was read, where and when.
    sources: Vec<ReadSource>,
    /// What nobody may take this for.
    notice: &'static str,
}

/// A text that was read.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ReadSource {
    /// Statute and clause, or the title of what was read.
    title: String,
    /// Where.
    url: String,
    /// When: a day.
    read_on: String,
    /// What it says, in one sentence.
    says: String,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComplianceRequest {
    use_cases: Vec<UseCase>,
    jurisdiction: Jurisdiction,
}

impl ComplianceRequest {
    /// Reads the query: `use_cases` with a comma between two, or as a list, and `jurisdiction`.
    ///
    /// # Errors
    /// [`ApiError`] that names the parameter.
    pub fn read(mut params: Params) -> Result<Self, ApiError> {
        let listed = match params.clone().text("use_cases") {
            Ok(text) => {
                params.text("use_cases")?;
                text.map(|text| text.split(',').map(|word| word.trim().to_owned()).collect())
            }
            Err(_) => params.list_of_text("use_cases")?,
        };
        let missing = || invalid("use_cases", "Name at least one use case, such as alcohol_in_person");
        let words: Vec<String> = listed.ok_or_else(missing)?;
        if words.len() > MOST_USE_CASES {
            return Err(invalid("use_cases", format!("Ask about at most {MOST_USE_CASES} use cases at once")));
        }
        let named = |word: &String| word.parse::<UseCase>().map_err(|error| invalid("use_cases", error.to_string()));
        let use_cases = words.iter().map(named).collect::<Result<_, _>>()?;
        let jurisdiction = place(params.text("jurisdiction")?, "jurisdiction")?
            .ok_or_else(|| invalid("jurisdiction", "Say where, by ISO 3166-2, such as US-CA"))?;
        params.finish()?;
        Ok(Self { use_cases, jurisdiction })
    }
}

impl ComplianceCheck {
    /// What the table says of the days that are kept in the place at `now`.
    ///
    /// # Errors
    /// [`ApiError`] where it says nothing of one of the use cases.
    pub fn of(rules: &RuleBook, asked: &ComplianceRequest, now: Timestamp) -> Result<Self, ApiError> {
        let anywhere = || PlaceDays::single(now.to_zoned(TimeZone::UTC).date());
        let days = rules.days_at(&asked.jurisdiction, now).unwrap_or_else(anywhere);
        let merged = rules.merge(&asked.use_cases, &asked.jurisdiction, days).map_err(|error| refusal(&error))?;
        let Merged { prohibited, tier, terms, regulators, sources, binds_methods, rule_version } = merged;
        Ok(Self {
            object: "compliance_check",
            use_cases: asked.use_cases.iter().map(|case| case.as_str()).collect(),
            jurisdiction: asked.jurisdiction.as_str().to_owned(),
            prohibited: !prohibited.is_empty(),
            prohibited_use_cases: prohibited.iter().map(|case| case.as_str()).collect(),
            required_age_tier: tier.map(AgeTier::as_str),
            allowed_methods: if prohibited.is_empty() { terms.allowed_methods } else { Vec::new() },
            methods_are_binding: binds_methods,
            governing_regulator: (!regulators.is_empty()).then(|| regulators.join("; ")),
            legal_citations: sources.iter().map(|source| source.title.clone()).collect(),
            data_retention_days: None,
            biometric_retention_days: terms.biometric_retention_days,
            consent_required: terms.consent_required,
            consent_text: terms.consent_text,
            credential_validity_days: terms.credential_validity_days,
            rule_version,
            sources: sources.into_iter().map(ReadSource::of).collect(),
            notice: NOTICE,
        })
    }
}

impl ReadSource {
    fn of(source: Source) -> Self {
        let Source { title, url, read_on, says, .. } = source;
        Self { title, url, read_on: read_on.to_string(), says }
    }
}

/// A rule that is not there, or allows nothing, as the API says it.
#[must_use]
pub fn refusal(error: &RuleError) -> ApiError {
    match error {
        RuleError::Unresolvable { .. } => {
            ApiError::of_param(ErrorCode::JurisdictionUnresolvable, "jurisdiction", error.to_string())
        }
        RuleError::Prohibited { .. } => ApiError::of_param(ErrorCode::UseCaseProhibited, "use_case", error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<ComplianceRequest, ApiError> {
        ComplianceRequest::read(Params::form(query.as_bytes()).unwrap())
    }

    #[test]
    fn use_cases_come_with_commas_or_as_a_list() {
        let wanted = vec![UseCase::AlcoholInPerson, UseCase::TobaccoNicotine];
        for query in [
            "use_cases=alcohol_in_person,tobacco_nicotine&jurisdiction=US-CA",
            "use_cases[]=alcohol_in_person&use_cases[]=tobacco_nicotine&jurisdiction=us-ca",
            "use_cases[0]=alcohol_in_person&use_cases[1]=tobacco_nicotine&jurisdiction=US-CA",
        ] {
            let asked = read(query).unwrap();
            assert_eq!((&asked.use_cases, asked.jurisdiction.as_str()), (&wanted, "US-CA"), "{query}");
        }
        for (query, param) in [
            ("jurisdiction=US-CA", "use_cases"),
            ("use_cases=beer&jurisdiction=US-CA", "use_cases"),
            ("use_cases=&jurisdiction=US-CA", "use_cases"),
            ("use_cases=firearms", "jurisdiction"),
            ("use_cases=firearms&jurisdiction=California", "jurisdiction"),
            ("use_cases=firearms&jurisdiction=US-CA&x=1", "x"),
        ] {
            assert_eq!(read(query).unwrap_err().param.as_deref(), Some(param), "{query}");
        }
    }

    #[test]
    fn an_answer_names_its_sources_and_what_it_is_not() {
        let rules = RuleBook::built_in().unwrap();
        let now = "2026-11-23T12:00:00Z".parse().unwrap();
        let asked = read("use_cases=alcohol_in_person,tobacco_nicotine&jurisdiction=US-CA").unwrap();
        let said = serde_json::to_value(ComplianceCheck::of(&rules, &asked, now).unwrap()).unwrap();
        assert_eq!((&said["required_age_tier"], &said["prohibited"]), (&"over_21".into(), &false.into()));
        assert_eq!(said["legal_citations"].as_array().unwrap().len(), said["sources"].as_array().unwrap().len());
        assert!(said["notice"].as_str().unwrap().contains("counsel"));
        let nowhere = read("use_cases=alcohol_in_person&jurisdiction=CH-ZH").unwrap();
        let refused = ComplianceCheck::of(&rules, &nowhere, now).unwrap_err();
        assert_eq!(refused.code, ErrorCode::JurisdictionUnresolvable);
    }
}
