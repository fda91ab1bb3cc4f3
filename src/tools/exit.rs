//! How commands end.

use std::process::ExitCode;

use crate::run::{ConfigError, EngineError, OrderError, RequestError, SupervisorError, SyncRoleError, VerifyError};
use crate::store::StoreError;
use crate::sync::MailError;
use crate::ui::UiError;

/// Exit status of every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use]
pub enum Exit {
    /// Done; for `verify`: verified; for `inspect`: every input could be read.
    #[default]
    Success,
    /// For `verify`: not verified; for `inspect`: some input could not be read.
    Negative,
    /// Bad usage or input.
    Usage,
    /// A fault of the device or a model, never of the person.
    Fault,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Negative => 1,
            Exit::Usage => 2,
            Exit::Fault => 3,
        })
    }
}

/// Why a command stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The command line or an input is wrong: the caller can mend it.
    #[error("{0}")]
    Usage(String),
    /// No rule is known, the challenge leaves a side out, or the clock is wrong.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The rule table that the program was built with is wrong.
    #[error(transparent)]
    RuleBook(#[from] crate::compliance::RuleBookError),
    /// The steps are no challenge.
    #[error(transparent)]
    Challenge(#[from] crate::liveness::ChallengeError),
    /// Frames cannot be read.
    #[error(transparent)]
    Frames(#[from] crate::camera::SequenceError),
    /// The system itself fails.
    #[error("{0}")]
    System(String),
    /// The system refuses a process, a file or a signal that the command cannot do without.
    #[error("the system refuses what this command cannot do without: {0}; check its disk, its memory and its limits")]
    Process(std::io::Error),
    /// Nobody reads standard output any more.
    #[error("cannot write to standard output: {0}; check the pipe or disk behind it")]
    Output(#[from] std::io::Error),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The engine could not start or go on.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// An endpoint or a secret cannot be used.
    #[error(transparent)]
    Sync(#[from] SyncRoleError),
    /// No letter can be sent.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// The window cannot be shown.
    #[error(transparent)]
    Window(#[from] UiError),
    /// A role is configured wrongly or cannot be started.
    #[error(transparent)]
    Supervisor(#[from] SupervisorError),
    /// Keys of the API or staff cannot be managed.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The store cannot be used as it was ordered.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A model or the runtime cannot be used.
    #[error(transparent)]
    Model(#[from] crate::vision::ModelError),
}

impl CommandError {
    /// The exit status that tells the caller what kind of error this is.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_)
            | Self::Request(RequestError::Rule(_) | RequestError::OneSided)
            | Self::Challenge(_)
            | Self::Frames(_)
            | Self::Config(_)
            | Self::Engine(EngineError::Rule(_) | EngineError::Api(_))
            | Self::Order(OrderError::Invalid(_))
            | Self::Store(
                StoreError::NoStore(_)
                | StoreError::Empty(_)
                | StoreError::Older { .. }
                | StoreError::Present(_)
                | StoreError::Sound
                | StoreError::BackupExists(_)
                | StoreError::BackupAltered(..)
                | StoreError::BackupWithoutKeys(_),
            )
            | Self::Sync(
                SyncRoleError::Endpoint { .. }
                | SyncRoleError::Secret { .. }
                | SyncRoleError::File { .. }
                | SyncRoleError::SecretOpen { .. }
                | SyncRoleError::Mail(_),
            )
            | Self::Supervisor(SupervisorError::Configuration(_)) => Exit::Usage,
            Self::Request(RequestError::Clock { .. })
            | Self::System(_)
            | Self::Process(_)
            | Self::RuleBook(_)
            | Self::Output(_)
            | Self::Engine(_)
            | Self::Order(_)
            | Self::Store(_)
            | Self::Window(_)
            | Self::Mail(_)
            | Self::Sync(SyncRoleError::Deliverer(_))
            | Self::Supervisor(_)
            | Self::Model(_) => Exit::Fault,
        }
    }
}

impl From<VerifyError> for CommandError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Frames(error) => Self::Frames(error),
            VerifyError::Model(error) => Self::Model(error),
            VerifyError::Random(_) => Self::System(error.to_string()),
        }
    }
}
