//! Many visitors at once, and the server killed and started again in the middle: nothing that it
//! had acknowledged is lost, and once it is back nothing fails.
//!
//! With every test run this takes a few seconds a store. For 200 visitors and a minute:
//!
//! ```text
//! SESSION_DEMO_LOAD=200x60 cargo test -p session-demo --test it load:: -- --nocapture --test-threads 1
//! ```

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use conformance_tests::servers::{PostgresServer, RedisServer};
use tempfile::tempdir;

use crate::browser::Browser;
use crate::restart::sqlite;
use crate::server::Server;

#[test]
fn nothing_acknowledged_is_lost_in_redis() {
    let redis = RedisServer::start(&[]).unwrap();
    nothing_acknowledged_is_lost(&redis.url());
}

#[test]
fn nothing_acknowledged_is_lost_in_postgres() {
    let postgres = PostgresServer::start(&[]).unwrap();
    nothing_acknowledged_is_lost(&postgres.url());
}

#[test]
fn nothing_acknowledged_is_lost_in_a_file() {
    let folder = tempdir().unwrap();
    nothing_acknowledged_is_lost(&sqlite(&folder));
}

#[allow(clippy::print_stdout, reason = "figures for who asks for them")]
fn nothing_acknowledged_is_lost(cache: &str) {
    let (visitors, lasts) = size();
    // A slow machine is no failing store.
    let cache = format!("{cache}?timeout_ms=20000");
    let server = Server::start(&cache);
    let address = server.address.clone();
    let arrived: Vec<Visitor> = (0..visitors)
        .map(|number| Visitor::arrive(number, &address))
        .collect();

    let site = Site::default();
    let began = Instant::now();
    let (gone, outage, _server) = thread::scope(|scope| {
        let site = &site;
        let visits: Vec<_> = arrived
            .into_iter()
            .map(|visitor| scope.spawn(move || visitor.go_on_visiting(site)))
            .collect();
        thread::sleep(lasts / 2);
        site.goes_down();
        let down = Instant::now();
        server.kill();
        let server = Server::start_at(&cache, &address);
        site.is_up();
        let outage = down.elapsed();
        thread::sleep(lasts / 2);
        site.closes.store(true, SeqCst);
        let gone = visits.into_iter().map(|visit| visit.join().unwrap());
        (gone.collect::<Vec<_>>(), outage, server)
    });
    let took = began.elapsed();

    let (mut acknowledged, mut unanswered) = (0, 0);
    for mut visitor in gone {
        assert!(visitor.failures.is_empty(), "{:?}", visitor.failures);
        acknowledged += visitor.acknowledged;
        unanswered += visitor.unanswered;
        visitor.finds_everything();
    }
    assert!(acknowledged >= 2 * u64::from(visitors), "hardly any visit");
    let store = cache.split(':').next().unwrap();
    println!(
        "{store}: {visitors} visitors for {took:.1?}, down for {outage:.1?}: \
         {acknowledged} visits acknowledged, none lost; {unanswered} without an answer"
    );
}

/// How many visitors, and for how long.
fn size() -> (u32, Duration) {
    let Ok(asked_for) = std::env::var("SESSION_DEMO_LOAD") else {
        return (20, Duration::from_secs(2));
    };
    let (visitors, seconds) = asked_for.split_once('x').expect("VISITORSxSECONDS");
    let seconds = Duration::from_secs(seconds.parse().expect("a number of seconds"));
    (visitors.parse().expect("a number of visitors"), seconds)
}

/// What visitors and the test tell each other of the server.
#[derive(Default)]
struct Site {
    /// Grows when the server goes down and again when it is up: odd while it is down.
    changes: AtomicU32,
    closes: AtomicBool,
}

impl Site {
    /// Called before the server is killed.
    fn goes_down(&self) {
        self.changes.fetch_add(1, SeqCst);
    }

    /// Called when it listens again.
    fn is_up(&self) {
        self.changes.fetch_add(1, SeqCst);
    }
}

/// One cookie jar and what its owner was told.
struct Visitor {
    browser: Browser,
    number: u32,
    acknowledged: u64,
    /// Visits that may or may not have been counted.
    unanswered: u64,
    failures: Vec<String>,
}

impl Visitor {
    /// Has a session, with a value in its bag; every tenth visitor is signed in.
    fn arrive(number: u32, address: &str) -> Self {
        let mut browser = Browser::of(address);
        if number.is_multiple_of(10) {
            browser.sign_in("alice").json();
        }
        let path = "/bag/number";
        let reply = browser.send("PUT", path, "application/json", &number.to_string());
        assert_eq!(reply.status, 204);
        Self {
            browser,
            number,
            acknowledged: 0,
            unanswered: 0,
            failures: Vec::new(),
        }
    }

    fn go_on_visiting(mut self, site: &Site) -> Self {
        while !site.closes.load(SeqCst) {
            let before = site.changes.load(SeqCst);
            let reply = self.browser.try_send("POST", "/session/visit", "", "");
            let after = site.changes.load(SeqCst);
            let failure = match reply {
                Ok(reply) if reply.status == 200 => {
                    self.acknowledged += 1;
                    None
                }
                Ok(reply) => Some(format!("{} {}", reply.status, reply.body)),
                Err(error) => Some(error.to_string()),
            };
            if let Some(failure) = failure {
                self.unanswered += 1;
                // Nobody is to fail while the server is up all the time.
                if before == after && before.is_multiple_of(2) {
                    self.failures.push(failure);
                }
            }
            thread::sleep(PAUSE);
        }
        self
    }

    /// The session is there with all that it was told to keep.
    fn finds_everything(&mut self) {
        let session = self.browser.get("/session").json();
        let visits = session["visits"].as_u64().unwrap();
        assert!(
            self.possible().contains(&visits),
            "{visits} visits, {self:?}"
        );
        let signed_in = self.number.is_multiple_of(10);
        assert_eq!(session["is_authenticated"], signed_in, "{self:?}");
        assert_eq!(self.browser.get("/bag/number").json(), self.number);
    }

    fn possible(&self) -> RangeInclusive<u64> {
        self.acknowledged..=self.acknowledged + self.unanswered
    }
}

impl std::fmt::Debug for Visitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { number, .. } = self;
        write!(f, "visitor {number}, who expects {:?}", self.possible())
    }
}

/// Between two visits of one visitor.
const PAUSE: Duration = Duration::from_millis(50);
