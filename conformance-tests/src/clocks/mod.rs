//! Whose clock counts, proved on processes whose clocks are really wrong.
//!
//! A test starts its own binary again as a second process, with
//! [libfaketime](https://github.com/wolfcw/libfaketime) loaded before the C library: there the wall
//! clock is an hour ahead or behind, stands in another time zone, or jumps while the process runs.
//! The monotonic clock stays true, as it does when somebody sets the time of a host.
//!
//! Both processes write entries in every way that gives a deadline, and look at those of the other:
//! what is left of their lives must follow from the clock that counts, within minutes. Linux only.
//!
//! The guide shows a whole test under "Whose clock counts". `cargo test -- --exact` must find it by
//! the name that [`Clocks::new`] is given.

mod entries;
mod second;

use std::time::Duration;

use session_core::CacheClientExtended;

use crate::harness::Client;
use entries::{check, write};
use second::{Clock, Role, Timestamp};

/// Whose clock counts the deadlines of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The store's own: no client's clock counts.
    Store,
    /// The wall clock of the host, which all its processes share.
    Host,
    /// A monotonic one of the process: setting the time of the host moves no deadline.
    Process,
}

/// What a test says of the clock that counts.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    whose: Whose,
    test: &'static str,
}

/// What the second process has to do.
#[derive(Debug)]
pub struct Turn {
    whose: Whose,
    role: Role,
}

impl Clocks {
    /// Whose clock counts, and the full name of the test that asks, by which the second process
    /// finds it.
    pub const fn new(whose: Whose, test: &'static str) -> Self {
        Self { whose, test }
    }

    /// The turn of this process, if it is a second one.
    ///
    /// Panics if its clock is not as wrong as it is to be.
    pub fn turn(&self) -> Option<Turn> {
        let role = Role::of_this_process()?;
        Some(Turn {
            whose: self.whose,
            role,
        })
    }

    /// Processes an hour apart, and in time zones far from each other, share a store: each of
    /// them sees for every entry the life that the clock that counts leaves it.
    ///
    /// `client` is one of this process; `address` is handed to the second process, which opens its
    /// own by it. The store holds the entries afterwards. Panics at the first difference, with what
    /// the second process printed; also if libfaketime is missing, saying what to install.
    pub async fn differ(&self, address: &str, client: Client) {
        let cache = &*client;
        write(cache, "here", self.whose, TRUE).await;
        check(cache, "here", self.whose, TRUE, TRUE).await;
        for clock in [
            Clock::off("Kiritimati", TRUE, KIRITIMATI),
            Clock::off("St. John's", TRUE, ST_JOHNS),
            Clock::off("ahead", HOUR, KIRITIMATI),
            Clock::off("behind", -HOUR, ST_JOHNS),
        ] {
            second::run(self.test, address, &clock).await;
            check(cache, clock.name(), self.whose, clock.minutes(), TRUE).await;
            // Nor did the other process take away what it had no right to.
            check(cache, "here", self.whose, TRUE, TRUE).await;
        }
    }

    /// The clock of a running process jumps an hour ahead, back, and an hour behind: what it wrote
    /// before and between lives as long as the clock that counts says.
    ///
    /// `address` and panics as for [`differ`](Clocks::differ).
    pub async fn jump(&self, address: &str) {
        second::run(self.test, address, &Clock::jumping("jumping")).await;
    }
}

impl Turn {
    /// Where the store is, as the first process said.
    pub fn address(&self) -> String {
        self.role.address()
    }

    /// Does what the second process is there for, with a client of its own.
    pub async fn take(&self, client: Client) {
        let taken = async {
            match self.role.timestamp() {
                None => self.meet(&*client).await,
                Some(timestamp) => self.jump(&*client, &timestamp).await,
            }
        };
        if tokio::time::timeout(PATIENCE, taken).await.is_err() {
            panic!("the second process did not end within {PATIENCE:?}");
        }
        second::tell_done();
    }

    async fn meet(&self, cache: &dyn CacheClientExtended) {
        let off = self.role.minutes();
        check(cache, "here", self.whose, TRUE, off).await;
        let name = self.role.name();
        write(cache, name, self.whose, off).await;
        check(cache, name, self.whose, off, off).await;
        check(cache, "here", self.whose, TRUE, off).await;
    }

    async fn jump(&self, cache: &dyn CacheClientExtended, timestamp: &Timestamp) {
        let mut written: Vec<(String, i64)> = Vec::new();
        for (name, off) in [
            ("start", TRUE),
            ("ahead", HOUR),
            ("back", TRUE),
            ("behind", -HOUR),
            ("end", TRUE),
        ] {
            timestamp.set(off);
            self.role.must_be_off_by(off);
            for (earlier, then) in &written {
                check(cache, earlier, self.whose, *then, off).await;
            }
            let name = format!("jumping {name}");
            write(cache, &name, self.whose, off).await;
            check(cache, &name, self.whose, off, off).await;
            written.push((name, off));
        }
    }
}

/// How far the clocks of processes are apart, in minutes.
const HOUR: i64 = 60;

/// How far the true clock is off.
const TRUE: i64 = 0;

/// The time zones are written out, since a name that the machine does not know would be UTC without
/// a word: Kiritimati, where no place has a later date, and St. John's in Newfoundland.
const KIRITIMATI: &str = "<+14>-14";
const ST_JOHNS: &str = "NST3:30NDT,M3.2.0,M11.1.0";

/// A second process that hangs is given up.
const PATIENCE: Duration = Duration::from_secs(60);
