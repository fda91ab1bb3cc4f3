//! What the staff say: who, by their code, and what.

use super::{invalid, read_expand};
use crate::api::error::ApiError;
use crate::api::params::Params;
use crate::privacy::StaffCode;

/// What one of the staff says.
#[derive(Debug)]
pub struct StaffRequest {
    /// Who.
    pub code: StaffCode,
    /// Whether the document is good, or the outcome is to be verified.
    pub good: bool,
}

/// A session to be ended.
#[derive(Debug)]
pub struct CancelRequest {
    /// Who of the staff ends it; nobody of them where nothing is said.
    pub code: Option<StaffCode>,
    /// Whether the report is to stand in the answer.
    pub expand: bool,
}

impl StaffRequest {
    /// Reads what one of the staff found at the document: `decision` is `accepted` or `refused`.
    ///
    /// # Errors
    /// [`ApiError`] that names the parameter.
    pub fn review(params: Params) -> Result<Self, ApiError> {
        Self::read(params, "decision", ["accepted", "refused"])
    }

    /// Reads what an outcome is to be: `result` is `verified` or `not_verified`.
    ///
    /// # Errors
    /// [`ApiError`] that names the parameter.
    pub fn overriding(params: Params) -> Result<Self, ApiError> {
        Self::read(params, "result", ["verified", "not_verified"])
    }

    fn read(mut params: Params, name: &str, [yes, no]: [&str; 2]) -> Result<Self, ApiError> {
        let code = staff_code(&mut params)?.ok_or_else(unformed_code)?;
        let good = match params.text(name)?.as_deref() {
            Some(word) if word == yes => true,
            Some(word) if word == no => false,
            _ => return Err(invalid(name, format!("Say {yes} or {no}"))),
        };
        params.finish()?;
        Ok(Self { code, good })
    }
}

impl CancelRequest {
    /// Reads the parameters of a session's end.
    ///
    /// # Errors
    /// [`ApiError`] that names the parameter.
    pub fn read(mut params: Params, expandable: &str) -> Result<Self, ApiError> {
        let code = staff_code(&mut params)?;
        Ok(Self { code, expand: read_expand(params, Some(expandable))? })
    }
}

fn staff_code(params: &mut Params) -> Result<Option<StaffCode>, ApiError> {
    let Some(text) = params.text("staff_code")?.map(zeroize::Zeroizing::new) else { return Ok(None) };
    StaffCode::parse(text.trim()).map(Some).ok_or_else(unformed_code)
}

fn unformed_code() -> ApiError {
    invalid("staff_code", "A staff code has eight digits; make one with `carded staff add`")
}
