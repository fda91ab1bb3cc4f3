//! Against peers that misbehave, and against gpsd itself where it is installed.

use std::fmt::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use jiff::ToSpan;
use jiff::tz::TimeZone;
use rustix::process::{Pid, Signal};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::compliance::{PlaceAgreement, PlaceSource};
use crate::run::clock::SystemClock;

/// Nothing here takes that long unless it hangs.
const PATIENCE: Duration = Duration::from_mins(1);

fn tpv(latitude: f64, at: Timestamp) -> String {
    format!("{{\"class\":\"TPV\",\"mode\":3,\"time\":\"{at}\",\"lat\":{latitude},\"lon\":-121.49,\"eph\":5.0}}\r\n")
}

fn report(at: Timestamp) -> Report {
    Report { time: at, fix: Position::new(38.58, -121.49).map(|position| (position, 5.0)) }
}

/// A peer in gpsd's place, and what the client takes from it.
struct Peer {
    listener: TcpListener,
    reports: mpsc::Receiver<Report>,
}

impl Peer {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (sender, reports) = mpsc::channel(1);
        tokio::spawn(gpsd::listen(listener.local_addr().unwrap(), sender));
        Self { listener, reports }
    }

    /// The client's next connection, which has asked for reports.
    async fn accept(&self) -> TcpStream {
        let (mut stream, _) = timeout(PATIENCE, self.listener.accept()).await.expect("the client comes").unwrap();
        let mut asked = vec![0; report::WATCH.len()];
        stream.read_exact(&mut asked).await.unwrap();
        assert_eq!(asked, report::WATCH);
        stream
    }

    async fn heard(&mut self) -> Report {
        timeout(PATIENCE, self.reports.recv()).await.expect("a report").unwrap()
    }
}

/// Waits until the other side has closed a connection.
async fn closed(mut stream: TcpStream) {
    let end = async { while !matches!(stream.read(&mut [0; 64]).await, Ok(0) | Err(_)) {} };
    timeout(PATIENCE, end).await.expect("the client lets go");
}

#[tokio::test]
async fn a_gpsd_that_goes_away_is_looked_for_until_it_is_back_and_garbage_between_reports_is_ignored() {
    let mut peer = Peer::new().await;
    let now = Timestamp::now();
    for _ in 0..2 {
        let mut stream = peer.accept().await;
        stream.write_all(b"{\"class\":\"VERSION\"}\r\n$GPRMC,,\r\n\xff\xfe\r\n\r\n{\"class\":\r\n").await.unwrap();
        stream.write_all(tpv(38.58, now).as_bytes()).await.unwrap();
        assert_eq!(peer.heard().await, report(now));
    }
}

#[tokio::test]
async fn a_report_that_comes_in_pieces_is_put_together() {
    let mut peer = Peer::new().await;
    let now = Timestamp::now();
    let mut stream = peer.accept().await;
    for piece in tpv(38.58, now).as_bytes().chunks(7) {
        stream.write_all(piece).await.unwrap();
        stream.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(peer.heard().await, report(now));
}

#[tokio::test]
async fn a_peer_without_end_of_line_or_with_another_protocol_is_let_go() {
    let mut peer = Peer::new().await;
    let mut endless = peer.accept().await;
    // The client lets go in the middle of it.
    let _ = endless.write_all(&vec![b'{'; 1 << 20]).await;
    closed(endless).await;
    let mut other = peer.accept().await;
    let _ = other.write_all(&b"HTTP/1.1 400 Bad Request\n".repeat(200)).await;
    closed(other).await;
    let now = Timestamp::now();
    peer.accept().await.write_all(tpv(38.58, now).as_bytes()).await.unwrap();
    assert_eq!(peer.heard().await, report(now));
}

#[tokio::test]
async fn a_client_that_nobody_wants_to_hear_ends() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (sender, reports) = mpsc::channel(1);
    let listening = tokio::spawn(gpsd::listen(address, sender));
    drop(reports);
    timeout(PATIENCE, listening).await.unwrap().unwrap();
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_position_counts_only_with_the_time_of_now_and_once() {
    let now = Timestamp::now();
    let mut gate = Gate::default();
    assert!(gate.pass(&report(now), SECOND, now).fix.is_some());
    assert!(gate.pass(&report(now), SECOND, now).fix.is_none(), "repeated");
    assert!(gate.pass(&report(now - 1.second()), 2 * SECOND, now).fix.is_none(), "back in time");
    assert!(gate.pass(&report(now - 2.hours()), 3 * SECOND, now).fix.is_none(), "stale");
    let mut gate = Gate::default();
    assert!(gate.pass(&report(now + 2.hours()), SECOND, now).fix.is_none(), "from the future");
}

#[test]
fn the_satellites_time_counts_when_it_goes_on_as_the_machine_s_does() {
    let start = Timestamp::now();
    let counts = |paces: &[(i64, u64)]| {
        let (mut gate, mut time, mut boot, mut counts) = (Gate::default(), start, Duration::ZERO, false);
        for (satellites, machine) in paces {
            (time, boot) = (time + satellites.seconds(), boot + Duration::from_secs(*machine));
            counts = gate.pass(&report(time), boot, start).time;
        }
        counts
    };
    assert!(counts(&[(1, 1), (1, 1), (1, 1)]));
    assert!(!counts(&[(1, 1), (1, 1)]), "too few");
    assert!(!counts(&[(1, 1), (1, 1), (600, 1)]), "a leap");
    assert!(counts(&[(1, 1), (0, 0), (1, 1), (0, 0), (1, 1)]), "told twice each");
    assert!(!counts(&[(1, 1), (60, 1), (60, 1), (60, 1)]), "a recording that is played fast");
    assert!(!counts(&[(1, 1), (-1, 1), (-1, 1)]));
}

#[test]
fn a_public_address_is_compared_by_its_country() {
    let around = |codes: &[&str]| {
        let address_in = codes.iter().map(|&code| code.to_owned()).collect();
        let around = Around { address_in, ..Around::default() };
        let rules = RuleBook::built_in().unwrap();
        around.surroundings(&rules, &"US-CA".parse().unwrap(), None, SECOND).address
    };
    assert_eq!(around(&[]), None);
    assert_eq!(around(&["US"]), Some(PlaceAgreement::Yes));
    assert_eq!(around(&["DE"]), Some(PlaceAgreement::No));
}

#[test]
fn the_satellites_time_is_forgotten_soon_after_their_last_report() {
    let (time, heard_at) = (Timestamp::now(), 100 * SECOND);
    let around = Around { gnss: Some(GnssTime { time, heard_at }), ..Around::default() };
    assert_eq!(around.gnss_at(104 * SECOND), Some(time + 4.seconds()));
    assert_eq!(around.gnss_at(111 * SECOND), None);
    assert_eq!(Around::default().gnss_at(SECOND), None);
}

fn watched(gpsd: Option<SocketAddr>, site: Option<(f64, f64)>) -> Watched {
    let site = site.and_then(|(latitude, longitude)| Position::new(latitude, longitude));
    Watched { gpsd, site, border_margin_m: 250.0, ip_countries: None }
}

/// A watch that runs for a test.
struct Running {
    around: watch::Receiver<Around>,
    rules: RuleBook,
    clock: SystemClock,
    _stop: watch::Sender<bool>,
}

impl Running {
    fn start(watched: Watched) -> Self {
        let (told, around) = watch::channel(Around::default());
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(watch(watched, Arc::new(SystemClock::new(None)), told, stopped));
        Self { around, rules: RuleBook::built_in().unwrap(), clock: SystemClock::new(None), _stop: stop }
    }

    fn place(&self, code: &str) -> (PlaceSource, PlaceAgreement) {
        let around = self.around.borrow();
        let surroundings = around.surroundings(&self.rules, &code.parse().unwrap(), None, self.clock.boot());
        let place = surroundings.place.unwrap();
        (place.source, place.agrees)
    }

    /// Waits until the device is known to be in a place, or not.
    async fn until(&mut self, code: &str, wanted: (PlaceSource, PlaceAgreement)) {
        let known = async {
            while self.place(code) != wanted {
                self.around.changed().await.unwrap();
            }
        };
        timeout(PATIENCE, known).await.unwrap_or_else(|_| panic!("{code} never was {wanted:?}"));
    }
}

#[tokio::test]
async fn without_a_receiver_the_configured_address_says_where_the_device_is_or_nobody_does() {
    let mut site = Running::start(watched(None, Some((38.58, -121.49))));
    site.until("US-CA", (PlaceSource::Site, PlaceAgreement::Yes)).await;
    assert_eq!(site.place("US-NV"), (PlaceSource::Site, PlaceAgreement::No));
    let mut berlin = Running::start(watched(None, Some((52.52, 13.40))));
    berlin.until("DE-BE", (PlaceSource::Site, PlaceAgreement::Yes)).await;
    assert_eq!(berlin.place("DE-BY"), (PlaceSource::Site, PlaceAgreement::Yes), "the rules know Germany as a whole");
    assert_eq!(berlin.place("PL-14"), (PlaceSource::Site, PlaceAgreement::No));
    let nobody = Running::start(watched(None, None));
    assert_eq!(nobody.place("US-CA"), (PlaceSource::None, PlaceAgreement::Unknown));
}

/// What a receiver says of a drive eastward along a parallel: NMEA 0183, a tenth of a second between two fixes.
fn drive(from_longitude: f64, to_longitude: f64, fixes: u32, quality: char) -> String {
    let begin = Timestamp::now();
    let mut log = String::new();
    for fix in 0..fixes {
        let share = f64::from(fix) / f64::from(fixes - 1);
        let west = -(from_longitude + (to_longitude - from_longitude) * share);
        let at = (begin + (i64::from(fix) * 100).milliseconds()).to_zoned(TimeZone::UTC);
        let (time, day) = (at.strftime("%H%M%S").to_string(), at.strftime("%d%m%y").to_string());
        let time = format!("{time}.{:02}", at.subsec_nanosecond() / 10_000_000);
        let minutes = |degrees: f64, width: usize| format!("{:0width$}{:07.4}", degrees as u32, degrees.fract() * 60.0);
        let place = format!("{},N,{},W", minutes(39.52, 2), minutes(west, 3));
        let (gga, gsa) = if quality == 'A' { (1, 3) } else { (0, 1) };
        for sentence in [
            format!("GPGSA,A,{gsa},01,02,03,04,05,06,07,08,,,,,1.6,0.9,1.3"),
            format!("GPGGA,{time},{place},{gga},08,0.9,1500.0,M,-25.0,M,,"),
            format!("GPRMC,{time},{quality},{place},50.0,90.0,{day},,,{quality}"),
        ] {
            let sum = sentence.bytes().fold(0, |sum, byte| sum ^ byte);
            let _ = write!(log, "${sentence}*{sum:02X}\r\n");
        }
    }
    log
}

/// gpsd with a simulated receiver; both end with this.
struct Gpsd(Child);

impl Gpsd {
    fn play(log: &str, port: u16, folder: &Path) -> Self {
        let file = folder.join("drive.nmea");
        std::fs::write(&file, log).unwrap();
        let mut command = Command::new("gpsfake");
        command.args(["-q", "-1", "-c", "0.03", "-P", &port.to_string()]).arg(file).process_group(0);
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Gpsd {
    fn drop(&mut self) {
        // gpsfake waits for its clients when the drive is over: it is not asked, and its gpsd goes with it.
        let _ = rustix::process::kill_process_group(Pid::from_child(&self.0), Signal::KILL);
        let _ = self.0.wait();
    }
}

/// Whether gpsd and its simulated receivers are there, told with a clear line when they are not.
fn has_gpsd() -> bool {
    let there = |program: &str| Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let both = there("gpsfake").is_ok() && (there("gpsd").is_ok() || Path::new("/usr/sbin/gpsd").exists());
    if !both {
        eprintln!("SKIPPED: gpsd and gpsfake are not installed; run '.ci/prerequisites --tests'");
    }
    both
}

async fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_drive_over_a_state_border_is_seen_through_gpsd_which_may_go_and_come_back() {
    if !has_gpsd() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let address = free_address().await;
    let mut running = Running::start(watched(Some(address), None));
    let (yes, no) = ((PlaceSource::Gnss, PlaceAgreement::Yes), (PlaceSource::Gnss, PlaceAgreement::No));
    // It stands at home for a while, so that a slow machine sees that, too.
    let log = drive(-120.10, -120.10, 40, 'A') + &drive(-120.10, -119.90, 60, 'A');
    let gpsd = Gpsd::play(&log, address.port(), folder.path());
    running.until("US-CA", yes).await;
    assert_eq!(running.place("US-NV"), no);
    running.until("US-CA", no).await;
    assert_eq!(running.place("US-NV"), yes);
    drop(gpsd);
    // Back home, with the same receiver after a pause.
    let _again = Gpsd::play(&drive(-119.90, -120.10, 60, 'A'), address.port(), folder.path());
    running.until("US-CA", yes).await;
}

#[tokio::test]
async fn a_receiver_without_a_fix_says_nothing_and_the_site_counts_until_it_has_one() {
    if !has_gpsd() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let address = free_address().await;
    let mut running = Running::start(watched(Some(address), Some((38.58, -121.49))));
    let log = drive(-120.10, -120.05, 20, 'V') + &drive(-119.95, -119.90, 40, 'A');
    let _gpsd = Gpsd::play(&log, address.port(), folder.path());
    let with_fix = async {
        while running.place("US-NV") != (PlaceSource::Gnss, PlaceAgreement::Yes) {
            let seen = running.place("US-CA");
            assert!(seen != (PlaceSource::Gnss, PlaceAgreement::Yes), "the part without a fix was in California");
            running.around.changed().await.unwrap();
        }
    };
    timeout(PATIENCE, with_fix).await.expect("a fix in Nevada");
}
