//! Decoders of hostile bytes in a process of their own, which can be killed: what makes bounded time and memory real.
//!
//! `carded worker` reads requests on its standard input and answers on its standard output ([`serve`]); [`DecoderWorker`]
//! starts it, asks it, and kills it when it is late, dies or talks nonsense. Always holds: a request ends within its
//! limit; a killed worker is reaped at once and another one is started with the next request; the worker ends when its
//! standard input does. The worker is not trusted: its answers are bounded and checked like any other input. Does not
//! retry: the next frame is another chance, and what killed one worker would kill the next.

mod answer;
mod client;
mod confine;
mod frame;
mod request;
mod serve;

pub use client::{
    BARCODE_LIVE_LIMIT, BARCODE_THOROUGH_LIMIT, DecoderWorker, PICTURE_LIMIT, Refusal, WorkerError, picture_decoder,
};
pub use confine::MAX_WORKER_MEMORY;
pub use serve::{ServeError, serve, serve_standard_streams};
