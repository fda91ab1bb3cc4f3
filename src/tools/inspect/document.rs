//! `inspect document`: everything about one document but the person.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;
use serde::Serialize;

use super::lines::{CheckLine, ComparisonLine, FieldsLine, load_picture};
use super::{Assets, Common, InputFault, run};
use crate::compliance::{AgeTier, PlaceDays};
use crate::document::DocumentKind;
use crate::run::{DocumentSides, Stages, Verifier};
use crate::session::{
    DocumentEvidence, DocumentVerdict, EncodedSource, Policy, ReasonCode, document_findings, document_verdict,
};
use crate::tools::exit::{CommandError, Exit};
use crate::vision::Runtime;

/// Reads and judges a whole document.
#[derive(Debug, Clone, Args)]
pub struct DocumentArgs {
    /// Picture of the front of a card.
    #[arg(long, requires = "back", required_unless_present = "passport", conflicts_with = "passport")]
    front: Option<PathBuf>,
    /// Picture of the back of the same card.
    #[arg(long, requires = "front")]
    back: Option<PathBuf>,
    /// Picture of a passport's data page.
    #[arg(long)]
    passport: Option<PathBuf>,
    /// The day to judge for [default: today, UTC].
    #[arg(long)]
    today: Option<Date>,
}

/// How a line names its pictures.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Pictures {
    Card { front: PathBuf, back: PathBuf },
    Passport { passport: PathBuf },
}

#[derive(Debug, Serialize)]
struct Body {
    document: Option<DocumentLine>,
    cross_reference: Vec<ComparisonLine>,
    checks: Vec<CheckLine>,
    verdict: DocumentVerdict,
    reasons: Vec<ReasonCode>,
}

#[derive(Debug, Serialize)]
struct DocumentLine {
    kind: Option<DocumentKind>,
    source: EncodedSource,
    portrait_found: bool,
    #[serde(flatten)]
    fields: FieldsLine,
}

/// Reads and judges a whole document. The age is held against the lowest tier, because no use case is asked for.
///
/// # Errors
/// [`CommandError`] when it cannot start or a model fails.
pub fn document(args: &DocumentArgs, common: &Common, assets: &Assets) -> Result<Exit, CommandError> {
    let today = args.today.unwrap_or_else(crate::tools::today_utc);
    let pictures = match (&args.front, &args.back, &args.passport) {
        (Some(front), Some(back), None) => Pictures::Card { front: front.clone(), back: back.clone() },
        (None, None, Some(passport)) => Pictures::Passport { passport: passport.clone() },
        _ => return Err(CommandError::Usage("give --front and --back, or --passport".to_owned())),
    };
    run(
        &[pictures],
        common,
        Clone::clone,
        |threads| Verifier::open(&Runtime::load(&assets.models, &assets.runtime, threads)?),
        load,
        |verifier, pictures| {
            let reading = verifier.read_document(pictures, today, &mut Stages::new(&mut |_| {}))?;
            Ok(Body::of(&reading.evidence, today))
        },
    )
}

fn load(pictures: &Pictures) -> Result<DocumentSides, InputFault> {
    let named = |file: &PathBuf| {
        load_picture(file).map_err(|InputFault(error)| InputFault(format!("{}: {error}", file.display())))
    };
    Ok(match pictures {
        Pictures::Card { front, back } => DocumentSides::Card { front: named(front)?, back: named(back)? },
        Pictures::Passport { passport } => DocumentSides::Passport { page: named(passport)? },
    })
}

impl Body {
    fn of(evidence: &DocumentEvidence, today: Date) -> Self {
        let findings = document_findings(evidence, &Policy::for_tier(AgeTier::Over16), PlaceDays::single(today));
        Self {
            document: evidence.encoded.map(|source| DocumentLine {
                kind: evidence.kind,
                source,
                portrait_found: evidence.portrait_found,
                fields: FieldsLine::from(&evidence.fields),
            }),
            cross_reference: evidence.comparisons.iter().map(ComparisonLine::from).collect(),
            checks: evidence.checks.iter().map(CheckLine::from).collect(),
            verdict: document_verdict(&findings),
            reasons: findings.into_iter().collect(),
        }
    }
}
