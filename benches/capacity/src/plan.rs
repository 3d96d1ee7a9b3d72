//! What the sessions cost in calls and bytes, and what a node has of both.

use clap::Args;

use crate::figures::{Backend, Figures, Kinds, Rates};
use crate::slides::{Events, Habit, Life, expected};

/// The sessions and their use.
#[derive(Args, Clone, Debug)]
pub struct Demand {
    /// Live sessions.
    #[arg(long, default_value_t = 1e8)]
    pub sessions: f64,
    /// Requests a second, all sessions together.
    #[arg(long, default_value_t = 100_000.0)]
    pub requests: f64,
    /// Instead: requests of a session in an hour.
    #[arg(long, conflicts_with = "requests")]
    pub hourly: Option<f64>,
    /// The share of requests that change the session and save it.
    #[arg(long, default_value_t = 0.01)]
    pub changing: f64,
    /// Days a session lives after a save or a slide.
    #[arg(long, default_value_t = 14.0)]
    pub lifetime: f64,
    /// Days a session lives at all.
    #[arg(long, default_value_t = 90.0)]
    pub limit: f64,
    /// A request slides if less than this part of the lifetime is left.
    #[arg(long, default_value_t = 0.9)]
    pub below: f64,
    /// Bytes of a session's record; those that were measured by default.
    #[arg(long)]
    pub record: Option<f64>,
    /// Values in the bag of a session.
    #[arg(long, default_value_t = 1.0)]
    pub bag: f64,
    /// Bytes of such a value.
    #[arg(long)]
    pub bag_value: Option<f64>,
    /// Reads of the bag for each request.
    #[arg(long, default_value_t = 0.2)]
    pub bag_reads: f64,
    /// Writes of a value that is there for each request.
    #[arg(long, default_value_t = 0.02)]
    pub bag_writes: f64,
    /// The share of sessions whose user is signed in and has an index.
    #[arg(long, default_value_t = 1.0)]
    pub signed_in: f64,
    /// Sessions of a user.
    #[arg(long, default_value_t = 1.5)]
    pub per_user: f64,
    /// API keys whose session is cached.
    #[arg(long, default_value_t = 0.0)]
    pub api_keys: f64,
    /// The share of requests that come with an API key instead of a session.
    #[arg(long, default_value_t = 0.0)]
    pub by_api_key: f64,
    /// Seconds for which a key's session is cached.
    #[arg(long, default_value_t = 60.0)]
    pub api_key_cached: f64,
}

/// What a node may be used for, and measured figures to replace.
#[derive(Args, Clone, Debug)]
pub struct Nodes {
    /// The share of a node's time and room that may be used.
    #[arg(long, default_value_t = 0.6)]
    pub utilisation: f64,
    /// Tasks at once: which of the measured rates count.
    #[arg(long, default_value_t = 256, value_parser = tasks)]
    pub tasks: u16,
    /// GiB of memory of a Redis primary, and of a process with `memory:`.
    #[arg(long, default_value_t = 64.0)]
    pub memory: f64,
    /// GiB of disk of a PostgreSQL or SQLite machine.
    #[arg(long, default_value_t = 1_024.0)]
    pub disk: f64,
    /// Replicas of each Redis primary.
    #[arg(long, default_value_t = 1.0)]
    pub replicas: f64,
    /// Dead rows for each live one that autovacuum lets gather: its scale factor.
    #[arg(long, default_value_t = 0.2)]
    pub dead_rows: f64,
    /// Another figure than the measured one, such as `redis.load=90000` (calls a second) or
    /// `postgres.record=1500` (bytes of an entry).
    #[arg(long = "set", value_name = "BACKEND.FIGURE=NUMBER")]
    pub set: Vec<String>,
}

fn tasks(text: &str) -> Result<u16, String> {
    match text {
        "64" => Ok(64),
        "256" => Ok(256),
        _ => Err("rates were measured with 64 and 256 tasks".to_owned()),
    }
}

/// Calls a second, by what they cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calls {
    /// Sessions read with what is left of their lives.
    pub loads: f64,
    /// Bag values, indexes, cached sessions of API keys.
    pub reads: f64,
    /// All writes of values.
    pub saves: f64,
    /// Deadlines moved.
    pub slides: f64,
}

/// Bytes stored.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Of sessions, and of cached sessions of API keys.
    pub records: f64,
    /// Of bags.
    pub bags: f64,
    /// Of the users' index.
    pub index: f64,
}

/// What a backend needs.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// How many nodes' time the calls take: 0.5 is half of one.
    pub busy: f64,
    /// Requests a second of one node at the allowed utilisation.
    pub requests: f64,
    /// What is stored.
    pub room: Room,
    /// Nodes for the calls alone.
    pub for_calls: f64,
    /// Nodes for the bytes alone.
    pub for_room: f64,
}

impl Demand {
    /// Requests a second that come with a session.
    pub fn with_session(&self) -> f64 {
        self.all() * (1.0 - self.by_api_key)
    }

    /// Requests a second.
    pub fn all(&self) -> f64 {
        self.hourly
            .map_or(self.requests, |hourly| hourly * self.sessions / HOUR)
    }

    /// How long sessions live.
    pub fn life(&self) -> Life {
        let [lifetime, limit] = [self.lifetime, self.limit].map(|days| days * DAY);
        Life {
            lifetime,
            limit,
            below: self.below,
        }
    }

    /// What a session's user does.
    pub fn habit(&self) -> Habit {
        let requests = self.with_session() / self.sessions;
        Habit {
            requests,
            changing: self.changing,
        }
    }

    /// Events of all sessions in a second.
    pub fn events(&self) -> Events {
        let one = expected(self.life(), self.habit());
        Events {
            requests: one.requests * self.sessions,
            slides: one.slides * self.sessions,
            expired: one.expired * self.sessions,
            limited: one.limited * self.sessions,
        }
    }

    /// Store calls in a second. A session that ends makes way for a new one: one write, and where
    /// somebody signs in, a read and a write of the index.
    pub fn calls(&self) -> Calls {
        let (requests, events) = (self.with_session(), self.events());
        let begun = events.expired + events.limited;
        let keys_stored = self.api_keys / self.api_key_cached;
        let bag_writes = requests * self.bag_writes;
        Calls {
            loads: requests,
            // A write to the bag looks at the session's record too.
            reads: requests * self.bag_reads
                + bag_writes
                + begun * self.signed_in
                + self.all() * self.by_api_key,
            saves: requests * self.changing
                + bag_writes
                + begun * (1.0 + self.signed_in)
                + keys_stored,
            slides: events.slides,
        }
    }

    /// Bytes in a backend that stores entries of these sizes.
    pub fn room(&self, stored: Kinds<f64>, figures: &Figures) -> Room {
        let written = &figures.written;
        let other = |given: Option<f64>, measured: f64| given.map_or(0.0, |given| given - measured);
        let record = stored.record + other(self.record, written.record.value);
        let bag = stored.bag + other(self.bag_value, written.bag.value);
        // Each session after the first is one more name in the index.
        let names = (self.per_user - 1.0) * (written.index.value - EMPTY_INDEX);
        let users = self.sessions * self.signed_in / self.per_user;
        Room {
            records: (self.sessions + self.api_keys) * record,
            bags: self.sessions * self.bag * bag,
            index: users * (stored.index + names),
        }
    }
}

impl Calls {
    /// All of them.
    pub fn all(&self) -> f64 {
        self.loads + self.reads + self.saves + self.slides
    }

    /// How many nodes' time they take.
    pub fn busy(&self, rates: Rates) -> f64 {
        self.loads / rates.load
            + self.reads / rates.read
            + self.saves / rates.save
            + self.slides / rates.slide
    }
}

impl Room {
    /// All of it.
    pub fn all(&self) -> f64 {
        self.records + self.bags + self.index
    }

    /// So many times as much.
    pub fn times(self, factor: f64) -> Self {
        Self {
            records: self.records * factor,
            bags: self.bags * factor,
            index: self.index * factor,
        }
    }
}

impl Need {
    /// What the demand takes of a backend, each of whose nodes has so many bytes.
    pub fn of(demand: &Demand, nodes: &Nodes, backend: &Backend, room: Room, has: f64) -> Self {
        let rates = if nodes.tasks == 64 {
            backend.tasks_64
        } else {
            backend.tasks_256
        };
        let busy = demand.calls().busy(rates);
        Self {
            busy,
            requests: demand.all() / busy * nodes.utilisation,
            room,
            for_calls: (busy / nodes.utilisation).ceil(),
            for_room: (room.all() / (has * nodes.utilisation)).ceil(),
        }
    }

    /// Nodes for both.
    pub fn nodes(&self) -> f64 {
        self.for_calls.max(self.for_room)
    }
}

impl Figures {
    /// The figures with some of them replaced.
    ///
    /// # Errors
    ///
    /// If there is no such figure, or no number.
    pub fn replaced(mut self, given: &[String]) -> Result<Self, String> {
        for text in given {
            let (name, number) = text
                .split_once('=')
                .ok_or("expected BACKEND.FIGURE=NUMBER")?;
            let number: f64 = number
                .parse()
                .map_err(|_| format!("{number} is no number"))?;
            let (backend, figure) = name
                .split_once('.')
                .ok_or("expected BACKEND.FIGURE=NUMBER")?;
            let backend = match backend {
                "memory" => &mut self.memory,
                "sqlite" => &mut self.sqlite,
                "redis" => &mut self.redis,
                "postgres" => &mut self.postgres,
                _ => return Err(format!("there is no backend {backend}")),
            };
            backend.set(figure, number)?;
        }
        Ok(self)
    }
}

impl Backend {
    fn set(&mut self, figure: &str, number: f64) -> Result<(), String> {
        for rates in [&mut self.tasks_64, &mut self.tasks_256] {
            match figure {
                "load" => rates.load = number,
                "read" => rates.read = number,
                "save" => rates.save = number,
                "slide" => rates.slide = number,
                _ => {}
            }
        }
        match figure {
            "record" => self.stored.record = number,
            "bag" => self.stored.bag = number,
            "index" => self.stored.index = number,
            "load" | "read" | "save" | "slide" => {}
            _ => return Err(format!("there is no figure {figure}")),
        }
        Ok(())
    }
}

/// Bytes of `{"v":1,"sessions":{}}`.
const EMPTY_INDEX: f64 = 21.0;
const HOUR: f64 = 3_600.0;
const DAY: f64 = 24.0 * HOUR;
