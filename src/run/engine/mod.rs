//! `carded engine`: camera, models, sessions and the database behind one Unix socket.
//!
//! Start-up, in this order: the store (so that a second engine ends before it touches anything), the rules, the models, the camera,
//! the socket, the desk. It is ready when the camera has given its first frame. Whichever part ends first ends the
//! engine, with its reason. Stopping: no new order is taken, a transaction that has begun is finished, and all within two
//! seconds.

mod api;
mod asking;
mod desk;
mod eyes;
mod known;
mod letters;
mod passes;
mod returning;
mod ruling;
mod server;
mod staffing;
mod store_keeper;
#[cfg(test)]
mod tests;
mod timekeeping;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use self::api::EngineBackend;
use self::desk::{Desk, Faults, Order};
use self::eyes::{Eyes, Shown};
use self::letters::Letters;
use self::returning::Codes;
use self::server::{Server, Users};
use self::staffing::Ways;
use self::store_keeper::StoreKeeper;
use super::clock::Clock;
use super::config::Config;
use super::fleet::Fleet;
use super::outbox::OutboxWatch;
use super::place::{self, Around, Watched};
use super::process::stopped;
use super::rules;
use super::socket::{self, SocketError};
use super::timekeeper::Timekeeper;
pub use super::vision::Decoder;
use super::vision::Vision;
use crate::api::ListenError;
use crate::camera::{Camera, CameraLimits, CameraStatus, OpenSource};
use crate::compliance::{Rule, RuleBook, RuleBookError, RuleError};
use crate::liveness::FeedMonitor;
use crate::session::machine::CaptureId;
use crate::session::{Policy, Prompt};
use crate::store::{Actor, AuditAction, AuditEntry, KeyError, Store, StoreError};
use crate::sync::takes_live;
use crate::vision::{ModelError, Runtime, Threads};

/// Orders that may wait at the desk.
const MOST_ORDERS: usize = 64;
/// Time between two looks at the outbox.
const OUTBOX_EVERY: Duration = Duration::from_mins(1);
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
    /// The clocks of the machine.
    pub clock: Arc<dyn Clock>,
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
    /// The key that the boxes of the fleet share cannot be used.
    #[error("fleet.key_file: {0}")]
    Fleet(#[from] KeyError),
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
    /// The API cannot be served.
    #[error(transparent)]
    Api(#[from] ListenError),
    /// The system gives no more threads.
    #[error("the system gives no thread: {0}; restart the device")]
    Thread(std::io::Error),
    /// The system gives no randomness.
    #[error("the system gives no random numbers: {0}; check the kernel")]
    Random(getrandom::Error),
    /// One part ended by itself.
    #[error("the engine's {0} ended; it is started again by its supervisor, report it with the log")]
    Ended(&'static str),
    /// The camera hung too often.
    #[error("the camera hung again and again; check its cable and power, then restart the device")]
    CameraDead,
}

/// Runs the engine until `stop` says so or a part ends. `ready` is called when a session can start.
///
/// # Errors
/// [`EngineError`], the reason why it could not start or go on.
pub async fn run(
    parts: EngineParts,
    mut stop: watch::Receiver<bool>,
    ready: impl FnOnce() + Send + 'static,
) -> Result<(), EngineError> {
    let origin = Instant::now();
    let config = Arc::new(parts.config);
    let (models, library, decoder) = (parts.models, parts.runtime, parts.decoder);
    let opening = tokio::task::spawn_blocking({
        let config = Arc::clone(&config);
        let clock = Arc::clone(&parts.clock);
        move || open(&config, &models, &library, decoder, clock)
    });
    let (store, rules, time, vision) = tokio::select! {
        () = stopped(&mut stop) => return Ok(()),
        opened = opening => opened.map_err(|_| EngineError::Ended("start-up"))??,
    };
    let secrets = store.api_secrets();
    let (rules, rules_in_use) = watch::channel(Arc::new(rules));
    let fleet = Fleet::open(&config.fleet, store.public_key())?;
    let (store, store_thread) = StoreKeeper::start(store)?;

    let (prompts, shown_prompts) = watch::channel(Prompt::idle());
    let camera = Camera::start((parts.camera)(shown_prompts.clone()), origin, CameraLimits::default());
    let statuses = camera.status_changes();
    let camera = Arc::new(camera);

    let (journal, feed) = (store.clone(), FeedMonitor::new(config.camera.rate()));
    let (desk_orders, orders) = mpsc::channel(MOST_ORDERS);
    let (shown, (due, ends)) = (Arc::new(Shown::default()), watch::channel(0));
    let (eyes, eyes_thread) =
        Eyes::start(vision, feed, Arc::clone(&camera), desk_orders.clone(), Arc::clone(&shown), fleet.clone(), origin)?;

    let (around, known_around) = watch::channel(Around::default());
    let listener = socket::bind(&config.device.socket).await?;
    let api_listeners = api::listen(config.api.as_ref()).await?;
    let ways = Ways {
        desk: desk_orders.clone(),
        store: store.clone(),
        config: Arc::clone(&config),
        due: due.clone(),
        secrets: secrets.clone(),
        letters: Letters::default(),
        codes: Arc::new(Codes::default()),
        rules,
        origin,
    };
    let backend = EngineBackend { ways: ways.clone(), secrets, prompts: shown_prompts.clone(), ends: ends.clone() };
    let server = Server {
        ways,
        camera: Arc::clone(&camera),
        prompts: shown_prompts,
        due: ends,
        users: Arc::new(Users::of(&config.device)),
        sync_place: Arc::new(Semaphore::new(1)),
    };
    let desk = Desk {
        config: Arc::clone(&config),
        rules: rules_in_use,
        held: None,
        policy: parts.policy,
        store,
        eyes,
        shown,
        prompts,
        due,
        time,
        around: known_around,
        origin,
        session: None,
        capture: CaptureId::default(),
        result_until: None,
        fleet,
        new_pass: None,
        faults: Faults::default(),
        attempt: None,
        triage: None,
        purge_at: Duration::ZERO,
    };

    let (halt, halted) = watch::channel(false);
    let mut tasks = JoinSet::new();
    tasks.spawn(desk.run(orders, halted.clone()));
    tasks.spawn(server.run(listener, halted.clone()));
    if api_listeners.is_empty() {
        // It would keep the store open until the end.
        drop(backend);
    } else {
        tasks.spawn(api::serve(backend, api_listeners, halted.clone()));
    }
    tasks.spawn(watch_place(config.watched(), parts.clock, around, halted.clone()));
    tasks.spawn(watch_outbox(Arc::clone(&config), journal.clone(), halted.clone()));
    tasks.spawn(watch_camera(statuses.clone(), desk_orders, halted.clone()));
    tasks.spawn(announce(statuses, ready, journal.clone(), halted));
    // The threads come last: the desk's own reason counts before that of the threads which end because of it.
    let mut threads = JoinSet::new();
    threads.spawn_blocking(move || eyes_thread.join().unwrap_or(Err(EngineError::Ended("eyes"))));
    threads.spawn_blocking(move || store_thread.join().map_err(|_| EngineError::Ended("store")));
    let reason = tokio::select! {
        biased;
        () = stopped(&mut stop) => Ok(()),
        Some(ended) = tasks.join_next() => ended.unwrap_or(Err(EngineError::Ended("tasks"))).and(Err(EngineError::Ended("tasks"))),
        Some(ended) = threads.join_next() => ended.unwrap_or(Err(EngineError::Ended("threads"))).and(Err(EngineError::Ended("threads"))),
    };
    // Everybody lets go of the store, which then finishes what it has begun and closes.
    let _ = halt.send(true);
    wind_down(tasks, threads, journal).await;
    let _ = std::fs::remove_file(&config.device.socket);
    reason
}

/// Waits until every part has ended, for no longer than [`STOP_WITHIN`].
async fn wind_down<T: 'static, U: 'static>(mut tasks: JoinSet<T>, mut threads: JoinSet<U>, journal: StoreKeeper) {
    let all_of_it = async {
        while tasks.join_next().await.is_some() {}
        note(&journal, AuditAction::EngineStopped).await;
        drop(journal);
        while threads.join_next().await.is_some() {}
    };
    if tokio::time::timeout(STOP_WITHIN, all_of_it).await.is_err() {
        tracing::warn!(
            "a part did not end in {STOP_WITHIN:.1?}; what the store had begun is finished or undone at the next start"
        );
    }
}

/// What takes time to open, in the order of the start-up.
fn open(
    config: &Config,
    models: &Path,
    library: &Path,
    decoder: Decoder,
    clock: Arc<dyn Clock>,
) -> Result<(Store, RuleBook, Timekeeper, Vision), EngineError> {
    let mut store = Store::open(config.device.places())?;
    config.endpoints.remember_in(config.device.state.join("endpoints.json"));
    store.set_site_mode(config.camera.may_be_live());
    for endpoint in config.endpoints.current().iter() {
        if config.camera.may_be_live() && !takes_live(&endpoint.url) {
            tracing::warn!(
                "endpoint {} is plain http:// and gets no live event; give it an https:// address",
                endpoint.name
            );
        }
    }
    let rules = rules::table_to_use(&store.installed_rules(), config)?;
    let time = Timekeeper::new(clock, &rules, store.clock()?.as_ref());
    match rules.resolve_at(config.site.use_case, &config.site.jurisdiction, time.time()) {
        // It may be allowed by another day's rule, or be asked for something else; whoever asks for this is refused.
        Err(error @ RuleError::Prohibited { .. }) => tracing::error!("site: {error}"),
        resolved => drop(resolved?),
    }
    let runtime = Runtime::load(models, library, Threads::all())?;
    let vision = Vision::open(&runtime, decoder)?;
    // Another table may allow tomorrow what this one does not.
    let estimates_ages = config.sessions.age_triage.is_some();
    Ok((store, rules, time, if estimates_ages { vision.estimating_ages(&runtime)? } else { vision }))
}

/// An engine that cannot write this goes on: the desk finds out by itself, and says so.
async fn note(journal: &StoreKeeper, action: AuditAction) {
    let entry = AuditEntry { at: Timestamp::now(), actor: Actor::Engine, action, session: None };
    if let Ok(Err(error)) = journal.call(move |store| store.audit(&entry)).await {
        tracing::error!("{error}");
    }
}

/// Calls `ready` when the camera has given its first frame, and then waits for the end.
async fn announce(
    mut statuses: watch::Receiver<CameraStatus>,
    ready: impl FnOnce() + Send,
    journal: StoreKeeper,
    mut stop: watch::Receiver<bool>,
) -> Result<(), EngineError> {
    let live = async { statuses.wait_for(|status| matches!(status, CameraStatus::Live { .. })).await.is_ok() };
    let live = tokio::select! {
        () = stopped(&mut stop) => false,
        live = live => live,
    };
    if live {
        ready();
        note(&journal, AuditAction::EngineStarted).await;
    }
    drop(journal);
    stopped(&mut stop).await;
    Ok(())
}

/// Keeps the device's place and network in view, beside everything else.
async fn watch_place(
    watched: Watched,
    clock: Arc<dyn Clock>,
    around: watch::Sender<Around>,
    stop: watch::Receiver<bool>,
) -> Result<(), EngineError> {
    place::watch(watched, clock, around, stop).await;
    Ok(())
}

/// Says when the outbox grows too old or too large, beside everything else.
async fn watch_outbox(
    config: Arc<Config>,
    journal: StoreKeeper,
    mut stop: watch::Receiver<bool>,
) -> Result<(), EngineError> {
    let mut alarm = OutboxWatch::default();
    let mut ticks = tokio::time::interval(OUTBOX_EVERY);
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return Ok(()),
            _ = ticks.tick() => {}
        }
        // What the store cannot say now it says the next time; the desk tells of its faults.
        if let Ok(counts) = journal.call(|store| store.outbox_counts()).await? {
            alarm.look(&config.outbox, &counts, Timestamp::now());
        }
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
