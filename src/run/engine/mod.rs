//! `carded engine`: camera, models, sessions and the database behind one Unix socket.
//!
//! Start-up, in this order: the store (so that a second engine ends before it touches anything), the models, the camera,
//! the socket, the desk. It is ready when the camera has given its first frame. Whichever part ends first ends the
//! engine, with its reason. Stopping: no new order is taken, a transaction that has begun is finished, and all within two
//! seconds.

mod desk;
mod eyes;
mod server;
mod store_keeper;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{Notify, mpsc, watch};

use self::desk::{Desk, Order};
use self::eyes::{Eyes, Shown};
use self::server::Server;
use self::store_keeper::StoreKeeper;
use super::config::Config;
use super::process::stopped;
use super::socket::{self, SocketError};
pub use super::vision::Decoder;
use super::vision::Vision;
use crate::camera::{Camera, CameraLimits, CameraStatus, OpenSource};
use crate::compliance::{Rule, RuleBook, RuleBookError, RuleError};
use crate::session::machine::CaptureId;
use crate::session::{Policy, Prompt};
use crate::store::{Actor, AuditAction, AuditEntry, Store, StoreError};
use crate::vision::{ModelError, Runtime, Threads};

/// Orders that may wait at the desk.
const MOST_ORDERS: usize = 64;
/// Time that the parts get to end by themselves.
const STOP_WITHIN: Duration = Duration::from_millis(1500);

/// What `main` has found out for the engine.
pub struct EngineParts {
    /// The configuration.
    pub config: Config,
    /// Folder of the models.
    pub models: PathBuf,
    /// The ONNX Runtime library.
    pub runtime: PathBuf,
    /// Decodes the barcodes.
    pub decoder: Decoder,
    /// Makes the camera's source; it gets what the screen shows, which only the simulated person looks at.
    pub camera: Box<dyn FnOnce(watch::Receiver<Prompt>) -> OpenSource + Send>,
    /// What a rule asks for.
    pub policy: Box<dyn Fn(&Rule) -> Policy + Send>,
}

/// Why the engine ended.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A model cannot be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The rule table that the program was built with is wrong.
    #[error(transparent)]
    RuleBook(#[from] RuleBookError),
    /// There is no rule for the configured place and use case.
    #[error("site: {0}")]
    Rule(#[from] RuleError),
    /// The socket cannot be used.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The system gives no more threads.
    #[error("the system gives no thread: {0}; restart the device")]
    Thread(std::io::Error),
    /// The system gives no randomness.
    #[error("the system gives no random numbers: {0}; check the kernel")]
    Random(getrandom::Error),
    /// One part ended by itself.
    #[error("the engine's {0} ended; it is started again by its supervisor, report it with the log")]
    Ended(&'static str),
    /// One part takes no orders.
    #[error("the engine's {0} does not answer; it is started again by its supervisor, report it with the log")]
    Stuck(&'static str),
    /// The camera hung too often.
    #[error("the camera hung again and again; check its cable and power, then restart the device")]
    CameraDead,
    /// The rule of a session is not in the table any more.
    #[error("the rule of a session is gone from the table; install the release again")]
    RuleGone,
}

/// Runs the engine until `stop` says so or a part ends. `ready` is called when a session can start.
///
/// # Errors
/// [`EngineError`], the reason why it could not start or go on.
pub async fn run(
    parts: EngineParts,
    mut stop: watch::Receiver<bool>,
    ready: impl FnOnce() + Send,
) -> Result<(), EngineError> {
    let origin = Instant::now();
    let config = Arc::new(parts.config);
    let rules = RuleBook::built_in()?;
    rules.resolve(config.site.use_case, &config.site.jurisdiction)?;

    let (store, store_thread) = StoreKeeper::start(Store::open(&config.device.state)?)?;
    let runtime = Runtime::load(&parts.models, &parts.runtime, Threads::all())?;
    let vision = Vision::open(&runtime, parts.decoder)?;

    let (prompts, shown_prompts) = watch::channel(Prompt::idle());
    let camera = Camera::start((parts.camera)(shown_prompts.clone()), origin, CameraLimits::default());
    let statuses = camera.status_changes();
    let camera = Arc::new(camera);

    let journal = store.clone();
    let (desk_orders, orders) = mpsc::channel(MOST_ORDERS);
    let (shown, due) = (Arc::new(Shown::default()), Arc::new(Notify::new()));
    let (eyes, eyes_thread) = Eyes::start(vision, Arc::clone(&camera), desk_orders.clone(), Arc::clone(&shown))?;

    let listener = socket::bind(&config.device.socket).await?;
    let own_user = rustix::process::getuid().as_raw();
    let mut allowed = config.device.allow_users.clone();
    allowed.extend([0, own_user]);
    let server = Server {
        desk: desk_orders.clone(),
        store: store.clone(),
        camera: Arc::clone(&camera),
        prompts: shown_prompts,
        due: Arc::clone(&due),
        allowed: Arc::new(allowed),
    };
    let desk = Desk {
        config: Arc::clone(&config),
        rules,
        policy: parts.policy,
        store,
        eyes,
        shown,
        prompts,
        due,
        origin,
        session: None,
        capture: CaptureId::default(),
        result_until: None,
        camera_fault: None,
        store_again_at: None,
    };

    let (halt, halted) = watch::channel(false);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(desk.run(orders, halted.clone()));
    tasks.spawn(server.run(listener, halted.clone()));
    tasks.spawn(watch_camera(statuses.clone(), desk_orders, halted.clone()));
    let eyes_ended = tokio::task::spawn_blocking(move || join(eyes_thread, "eyes"));

    let readiness = announce(statuses, ready);
    tokio::pin!(eyes_ended);
    let mut readiness = std::pin::pin!(readiness);
    let mut announced = false;
    let reason = loop {
        tokio::select! {
            () = stopped(&mut stop) => break Ok(()),
            () = &mut readiness, if !announced => {
                note(&journal, AuditAction::EngineStarted).await;
                announced = true;
            }
            ended = &mut eyes_ended => break ended.unwrap_or(Err(EngineError::Ended("eyes"))),
            Some(ended) = tasks.join_next() => break ended.unwrap_or(Err(EngineError::Ended("tasks"))),
        }
    };
    // Everybody lets go of the store, which then finishes what it has begun and closes.
    let _ = halt.send(true);
    let _ = tokio::time::timeout(STOP_WITHIN, async { while tasks.join_next().await.is_some() {} }).await;
    drop(tasks);
    let _ = tokio::time::timeout(STOP_WITHIN, note(&journal, AuditAction::EngineStopped)).await;
    drop(journal);
    let _ = tokio::time::timeout(STOP_WITHIN, tokio::task::spawn_blocking(move || store_thread.join())).await;
    let _ = std::fs::remove_file(&config.device.socket);
    reason
}

/// An engine that cannot write this goes on: the desk finds out by itself, and says so.
async fn note(journal: &StoreKeeper, action: AuditAction) {
    let entry = AuditEntry { at: Timestamp::now(), actor: Actor::Engine, action, session: None };
    if let Ok(Err(error)) = journal.call(move |store| store.audit(&entry)).await {
        tracing::error!("{error}");
    }
}

fn join(thread: JoinHandle<Result<(), EngineError>>, name: &'static str) -> Result<(), EngineError> {
    thread.join().unwrap_or(Err(EngineError::Ended(name)))
}

/// Calls `ready` when the camera has given its first frame.
async fn announce(mut statuses: watch::Receiver<CameraStatus>, ready: impl FnOnce()) {
    let live = statuses.wait_for(|status| matches!(status, CameraStatus::Live { .. })).await.is_ok();
    if live {
        ready();
    }
}

/// Tells the desk how the camera is; ends the engine when nothing but a fresh process can help.
async fn watch_camera(
    mut statuses: watch::Receiver<CameraStatus>,
    desk: mpsc::Sender<Order>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), EngineError> {
    statuses.mark_changed();
    let mut told = None;
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return Ok(()),
            changed = statuses.changed() => changed.map_err(|_| EngineError::Ended("camera"))?,
        }
        let status = *statuses.borrow_and_update();
        if status == CameraStatus::Dead {
            return Err(EngineError::CameraDead);
        }
        let fault = status.fault();
        if std::mem::replace(&mut told, fault) != fault && desk.send(Order::Camera(fault)).await.is_err() {
            return Ok(());
        }
    }
}
