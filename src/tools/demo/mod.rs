//! `carded demo`: the whole appliance on one machine, with rendered people before a simulated camera.
//!
//! Engine, sync and receiver run as processes of their own, exactly as on a device; a till starts one session after the
//! other. Always holds: the demonstration ends well only if every scene ended as its table says; all that it writes lies
//! in a folder of its own that is removed at the end. Nothing in it can be live: the camera says that it is simulated.

mod cast;
mod play;
mod scenes;
#[cfg(test)]
mod switches;

use std::io::Write;
use std::time::{Duration, Instant};

use clap::Args;

use self::cast::Cast;
use self::play::{PlayError, Till};
use self::scenes::{Ended, SCENES, Scene};
use super::assets::Assets;
use super::exit::{CommandError, Exit};
use crate::session::{DocumentSide, Prompt, Screen};

/// How long the receiver stays down after the end of the scene that it misses.
const DOWN_FOR: Duration = Duration::from_secs(2);

/// What the demonstration takes.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Tell it in the terminal only, also where there is a display.
    #[arg(long)]
    no_window: bool,
}

/// Plays every scene and says how each ended.
///
/// # Errors
/// [`CommandError`] when a role cannot be started or a scene cannot be played.
pub fn demo(args: &DemoArgs, assets: &Assets) -> Result<Exit, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CommandError::Process)?;
    runtime.block_on(perform(args, assets))
}

async fn perform(args: &DemoArgs, assets: &Assets) -> Result<Exit, CommandError> {
    say("\n  carded: six visits to a counter in California that sells alcohol (21 and over)")?;
    say("  licences, people and camera are rendered, so that every outcome says livemode: false\n")?;
    let window = !args.no_window && has_display();
    if !args.no_window && !window {
        say("  there is no display (neither WAYLAND_DISPLAY nor DISPLAY is set): no window is opened\n")?;
    }
    let mut cast = Cast::start(assets, window).await?;
    let mut till = Till::connect(&cast.socket(), cast.receiver_address()).await?;
    let mut rows = Vec::new();
    for (number, scene) in (1..).zip(&SCENES) {
        let started = Instant::now();
        say(&format!("  {number}. {}", scene.name))?;
        let ended = play(scene, &mut till, &mut cast).await?;
        let right = scene.is_right(ended);
        say(&format!("     {ended}: {}\n", if right { "as it has to be" } else { "WRONG" }))?;
        rows.push((scene, ended, right, started.elapsed()));
    }
    cast.stop().await;
    say("  visit                                            has to end as                          seconds")?;
    for (scene, ended, right, took) in &rows {
        let sign = if *right { "ok   " } else { "WRONG" };
        let expected = scene.expected.to_string();
        say(&format!("  {sign} {:<42} {expected:<38} {:>7.1}", scene.name, took.as_secs_f64()))?;
        if !right {
            say(&format!("        it ended as {ended}"))?;
        }
    }
    let all = rows.iter().all(|(_, _, right, _)| *right);
    say(if all { "\n  every visit ended as it has to\n" } else { "\n  NOT every visit ended as it has to\n" })?;
    Ok(if all { Exit::Success } else { Exit::Negative })
}

async fn play(scene: &Scene, till: &mut Till, cast: &mut Cast) -> Result<Ended, CommandError> {
    if scene.receiver_down {
        cast.stop_receiver().await;
        say("     the receiver is stopped")?;
    }
    let mut narrator = Narrator::default();
    let mut ended = till.session(&mut |prompt| narrator.tell(prompt)).await?;
    if scene.receiver_down {
        tokio::time::sleep(DOWN_FOR).await;
        cast.start_receiver()?;
        say("     the receiver is started again")?;
    }
    let event = till.delivered().await?;
    if let Some(event) = &event {
        let word = |key: &str| event[key].as_str().unwrap_or("?").to_owned();
        say(&format!("     delivered {} ({}), attestation {}", word("type"), word("id"), word("attestation")))?;
    }
    ended.delivered = event.is_some_and(|event| event["attestation"] == "verified");
    Ok(ended)
}

/// Tells in a few words what is on the screen, each thing once.
#[derive(Default)]
struct Narrator {
    last: String,
}

impl Narrator {
    fn tell(&mut self, prompt: &Prompt) {
        let again = prompt.last_error.map(|reason| format!(" (again: {reason})")).unwrap_or_default();
        let words = match prompt.screen {
            Screen::Consent => "consent".to_owned(),
            Screen::Document { side: DocumentSide::Front } => format!("show the front of the card{again}"),
            Screen::Document { side: DocumentSide::Back } => format!("show the back of the card{again}"),
            Screen::Face { direction, .. } => format!("look {}{again}", format!("{direction:?}").to_lowercase()),
            Screen::FlashNotice => format!("the screen is going to flash{again}"),
            Screen::Flash { colour, .. } => format!("the screen is {}", format!("{colour:?}").to_lowercase()),
            Screen::Fault { fault } => format!("the device cannot go on: {fault}"),
            Screen::Idle
            | Screen::Deciding
            | Screen::Review
            | Screen::Verified
            | Screen::NotVerified { .. }
            | Screen::Canceled { .. }
            | Screen::Expired => return,
        };
        if words != self.last {
            // Where nobody reads the output any more, the next line outside says so.
            let _ = say(&format!("     {words}"));
            self.last = words;
        }
    }
}

impl From<PlayError> for CommandError {
    fn from(error: PlayError) -> Self {
        Self::System(error.to_string())
    }
}

fn has_display() -> bool {
    ["WAYLAND_DISPLAY", "DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

fn say(line: &str) -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}
