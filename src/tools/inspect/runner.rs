//! Runs a measurement over many inputs on several threads and prints its lines in the order of the inputs.

use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use serde_json::Value;

use super::Common;
use crate::tools::exit::{CommandError, Exit};
use crate::vision::{ModelError, Threads};

/// An input that cannot be read; the run goes on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InputFault(pub String);

/// Why one measurement gave no line of its own.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The input is bad: one error line, and the run goes on.
    #[error(transparent)]
    Input(#[from] InputFault),
    /// The device is bad: the run ends.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// One line of output: how the input is called, what was measured, how long it took.
#[derive(Debug, Serialize)]
pub struct Line<Label, Body> {
    #[serde(flatten)]
    label: Label,
    #[serde(flatten)]
    body: Body,
    ms: f64,
    cpu_ms: f64,
}

#[derive(Debug, Serialize)]
struct ErrorLine<Label> {
    #[serde(flatten)]
    label: Label,
    error: String,
}

/// Measures every input and prints a line each.
///
/// `worker` makes what one thread needs (its models, with the threads that it may use), `load` reads an input outside
/// the timing, `measure` is timed, `label` names the input in its line (`file`, `path`, or a pair of names).
///
/// # Errors
/// [`CommandError`] when a worker cannot start, a model fails or the output is closed.
pub fn run<Input, Worker, Loaded, Label, Body>(
    inputs: &[Input],
    common: &Common,
    label: impl Fn(&Input) -> Label + Sync,
    worker: impl Fn(Threads) -> Result<Worker, ModelError> + Sync,
    load: impl Fn(&Input) -> Result<Loaded, InputFault> + Sync,
    measure: impl Fn(&mut Worker, &Loaded) -> Result<Body, MeasureError> + Sync,
) -> Result<Exit, CommandError>
where
    Input: Sync,
    Label: Serialize,
    Body: Serialize,
{
    let threads = common.threads.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    // Several inputs are measured side by side with one thread each; a single one gets all threads for its models.
    let workers = threads.get().min(inputs.len()).max(1);
    let inner = if workers == 1 { threads } else { NonZeroUsize::MIN };
    let clock = if workers == 1 { ClockId::ProcessCPUTime } else { ClockId::ThreadCPUTime };
    let next = AtomicUsize::new(0);
    let one_input = |state: &mut Worker, input: &Input| -> Result<(String, Exit), ModelError> {
        let failed = |error: String| (line(&ErrorLine { label: label(input), error }), Exit::Negative);
        let loaded = match load(input) {
            Ok(loaded) => loaded,
            Err(fault) => return Ok(failed(fault.to_string())),
        };
        for round in 1.. {
            let (start, cpu_start) = (Instant::now(), clock_gettime(clock));
            let body = measure(state, &loaded);
            let (ms, cpu) = (start.elapsed().as_secs_f64() * 1e3, clock_gettime(clock) - cpu_start);
            let body = match body {
                Ok(body) => body,
                Err(MeasureError::Input(fault)) => return Ok(failed(fault.to_string())),
                Err(MeasureError::Model(fault)) => return Err(fault),
            };
            if round == common.repeat.get() {
                let cpu_ms = cpu.tv_sec as f64 * 1e3 + cpu.tv_nsec as f64 / 1e6;
                return Ok((line(&Line { label: label(input), body, ms, cpu_ms }), Exit::Success));
            }
        }
        Ok(failed("was not measured".to_owned()))
    };
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(2 * workers);
        for _ in 0..workers {
            let (sender, next, worker, one_input) = (sender.clone(), &next, &worker, &one_input);
            scope.spawn(move || {
                let mut state = match worker(Threads(inner)) {
                    Ok(state) => state,
                    Err(fault) => return drop(sender.send(Err(fault))),
                };
                while let Some((index, input)) = take(next, inputs) {
                    let result = one_input(&mut state, input).map(|(text, exit)| (index, text, exit));
                    if sender.send(result).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        print_in_order(&receiver)
    })
}

fn take<'a, Input>(next: &AtomicUsize, inputs: &'a [Input]) -> Option<(usize, &'a Input)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    inputs.get(index).map(|input| (index, input))
}

fn print_in_order(lines: &mpsc::Receiver<Result<(usize, String, Exit), ModelError>>) -> Result<Exit, CommandError> {
    let mut output = std::io::stdout().lock();
    let mut waiting = BTreeMap::new();
    let (mut next, mut worst) = (0, Exit::Success);
    for received in lines {
        let (index, text, exit) = received?;
        if exit != Exit::Success {
            worst = exit;
        }
        waiting.insert(index, text);
        while let Some(text) = waiting.remove(&next) {
            writeln!(output, "{text}")?;
            output.flush()?;
            next += 1;
        }
    }
    Ok(worst)
}

fn line(value: &impl Serialize) -> String {
    // Numbers that JSON cannot hold become null; labels and bodies are plain structs, so nothing else can fail.
    serde_json::to_string(value).unwrap_or_else(|error| Value::String(error.to_string()).to_string())
}
