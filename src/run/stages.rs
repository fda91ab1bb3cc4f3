//! What each stage of a verification saw and how long it took.

use std::time::Instant;

use serde::Serialize;

/// One stage that has ended.
#[derive(Debug, Clone, Serialize)]
pub struct StageReport {
    /// Stable name in snake case.
    pub stage: &'static str,
    /// What was seen, without personal data.
    pub seen: String,
    /// Wall time in milliseconds.
    pub ms: f64,
}

/// Collects stages in their order and tells each to an observer as it ends.
pub struct Stages<'a> {
    observer: &'a mut dyn FnMut(&StageReport),
    done: Vec<StageReport>,
}

impl<'a> Stages<'a> {
    /// None so far.
    pub fn new(observer: &'a mut dyn FnMut(&StageReport)) -> Self {
        Self { observer, done: Vec::new() }
    }

    /// Runs one stage; it returns its result and, without personal data, what it saw. A stage that fails is not listed.
    ///
    /// # Errors
    /// What the stage itself gives.
    pub fn run<T, E>(&mut self, stage: &'static str, work: impl FnOnce() -> Result<(T, String), E>) -> Result<T, E> {
        let start = Instant::now();
        let (result, seen) = work()?;
        let report = StageReport { stage, seen, ms: start.elapsed().as_secs_f64() * 1e3 };
        (self.observer)(&report);
        self.done.push(report);
        Ok(result)
    }

    /// All stages that have ended.
    #[must_use]
    pub fn into_reports(self) -> Vec<StageReport> {
        self.done
    }
}
