//! `inspect document`: everything about one document but the person.

use clap::Args;
use jiff::civil::Date;
use serde::Serialize;

use super::lines::{CheckLine, ComparisonLine, FieldsLine};
use super::{Assets, Common, InputFault, run};
use crate::compliance::{AgeTier, PlaceDays};
use crate::document::DocumentKind;
use crate::run::{Stages, Verifier};
use crate::session::{
    DocumentEvidence, DocumentVerdict, EncodedSource, Policy, ReasonCode, document_findings, document_verdict,
};
use crate::tools::document_files::DocumentFiles;
use crate::tools::exit::{CommandError, Exit};
use crate::vision::Runtime;

/// Reads and judges a whole document.
#[derive(Debug, Clone, Args)]
pub struct DocumentArgs {
    #[command(flatten)]
    files: DocumentFiles,
    /// The day to judge for [default: today, UTC].
    #[arg(long)]
    today: Option<Date>,
    /// Accept a card without barcode and machine-readable zone for what its front says.
    #[arg(long)]
    accept_front_only: bool,
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
    run(
        std::slice::from_ref(&args.files),
        common,
        Clone::clone,
        |threads| Verifier::open(&Runtime::load(&assets.models, &assets.runtime, threads)?),
        |files| files.load().map_err(InputFault),
        |verifier, sides| {
            let reading = verifier.read_document(sides, today, &mut Stages::new(&mut |_| {}))?;
            Ok(Body::of(&reading.evidence, today, args.accept_front_only))
        },
    )
}

impl Body {
    fn of(evidence: &DocumentEvidence, today: Date, accept_front_only: bool) -> Self {
        // As `verify` judges files; the check that tells a specimen is listed either way.
        let policy = Policy { accept_front_only, admit_specimens: true, ..Policy::for_tier(AgeTier::Over16) };
        let findings = document_findings(evidence, &policy, PlaceDays::single(today));
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
