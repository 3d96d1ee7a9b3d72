//! The rows of the Redis backend, beside the driver that it stands on and fred below
//! tower-sessions.
//!
//! All share the keys, which lie under a prefix of this run and go with it.

mod driver;

use std::sync::Arc;

use benches::place::Place;
use benches::rounds::Contestant;
use benches::table::{Goal, Row, Unit};
use redis::aio::MultiplexedConnection;
use sampler::entries::Entries;
use sampler::records::{Load, LoadAndSave, Records, Save};
use sampler::sample::{Shape, Work};
use sampler::work::{Get, GetAll, Set, SetAll};
use session_adapters::CacheSessionStore;
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike, Config, Pool};

use crate::ratios::Setting;
use crate::ratios::contest::{Contest, at_least};
use crate::ratios::stores::{Ours, Peer};

const SIZE: usize = 200;
const BATCH: u64 = 100;
const SESSIONS: usize = 1_000;

pub(crate) fn rows(setting: &Setting) -> Vec<Row> {
    let place = Place::redis(setting.url("redis"));
    let runtime = &setting.runtime;
    let (ours, driver) = runtime.block_on(async {
        let ours = Ours::connect(&place.url).await.expect("ours opens");
        let client = redis::Client::open(place.bare_url()).expect("the URL is the driver's too");
        let driver = client.get_multiplexed_async_connection().await;
        (ours, Peer(driver.expect("the driver connects")))
    });
    let entries = Entries::under(&place.prefix, setting.entries(), SIZE);
    let arena = Arena {
        setting,
        ours: Arc::new(ours),
        driver: Arc::new(driver),
        entries: Arc::new(entries),
    };
    let filled = runtime.block_on(arena.ours.fill(&arena.entries));
    filled.expect("the store is filled");
    let mut rows = arena.gets();
    rows.extend(arena.sets());
    rows.extend(arena.batches());
    rows.extend(arena.sessions(&place));
    let cleared = runtime.block_on(arena.ours.clear(&place.prefix));
    cleared.expect("the entries are removed");
    rows
}

struct Arena<'s> {
    setting: &'s Setting,
    ours: Arc<Ours>,
    driver: Arc<Peer<MultiplexedConnection>>,
    entries: Arc<Entries>,
}

impl Arena<'_> {
    fn gets(&self) -> Vec<Row> {
        let goals = [
            (1, at_least(0.95, 1.0)),
            (16, at_least(0.95, 1.0)),
            (64, at_least(1.15, 1.3)),
            (256, at_least(1.5, 1.9)),
        ];
        let mut rows = Vec::new();
        for (tasks, goal) in goals {
            let contest = self.contest("get", tasks);
            let contestants = [
                self.contestant("ours", Get(self.ours.clone(), self.entries.clone())),
                self.contestant(DRIVER, Get(self.driver.clone(), self.entries.clone())),
            ];
            let samples = contest.run(&contestants);
            rows.extend(contest.rows(&samples, &[goal], Unit::Rate, |sample| sample.rate));
            rows.extend(contest.latencies(&samples, DRIVER));
        }
        rows
    }

    fn sets(&self) -> Vec<Row> {
        [1, 16, 64, 256]
            .into_iter()
            .flat_map(|tasks| {
                let ours = Set(self.ours.clone(), self.entries.clone());
                let driver = Set(self.driver.clone(), self.entries.clone());
                let peer = self.contestant(DRIVER, driver);
                self.contest("set with deadline", tasks).rates(
                    self.contestant("ours", ours),
                    vec![(peer, at_least(0.95, 1.1))],
                )
            })
            .collect()
    }

    fn batches(&self) -> Vec<Row> {
        let (ours, driver, entries) = (&self.ours, &self.driver, &self.entries);
        let peer = (
            self.contestant(DRIVER, GetAll(driver.clone(), entries.clone(), BATCH)),
            at_least(0.95, 1.1),
        );
        let mut rows = self.contest("get of 100", 1).rates(
            self.contestant("ours", GetAll(ours.clone(), entries.clone(), BATCH)),
            vec![peer],
        );
        let peer = (
            self.contestant(DRIVER, SetAll(driver.clone(), entries.clone(), BATCH)),
            at_least(0.95, 1.1),
        );
        let set = SetAll(ours.clone(), entries.clone(), BATCH);
        rows.extend(
            self.contest("set of 100 with deadline", 1)
                .rates(self.contestant("ours", set), vec![peer]),
        );
        rows
    }

    fn sessions(&self, place: &Place) -> Vec<Row> {
        let runtime = &self.setting.runtime;
        let (ours, peer) = runtime.block_on(async {
            let config = Config::from_url(place.bare_url()).expect("the URL is fred's too");
            // As its documentation makes one.
            let pool = Pool::new(config, None, None, None, 6).expect("a pool can be made");
            pool.init().await.expect("fred connects");
            (
                Records::filled(CacheSessionStore::new(self.ours.cache.clone()), SESSIONS).await,
                Records::filled(RedisStore::new(pool), SESSIONS).await,
            )
        });
        let mut rows = Vec::new();
        for tasks in [1, 16, 64, 256] {
            let both = self.contestant("ours", LoadAndSave(ours.clone()));
            let theirs = self.contestant(STORE, LoadAndSave(peer.clone()));
            // A lone task waits for two round trips, which nobody can make shorter.
            let goal = match tasks {
                1 => Goal::None,
                _ => at_least(1.6, 2.0),
            };
            rows.extend(
                self.contest("session load and save", tasks)
                    .rates(both, vec![(theirs, goal)]),
            );
            let theirs = self.contestant(STORE, Load(peer.clone()));
            rows.extend(self.contest("session load", tasks).rates(
                self.contestant("ours", Load(ours.clone())),
                vec![(theirs, Goal::None)],
            ));
            let theirs = self.contestant(STORE, Save(peer.clone()));
            rows.extend(self.contest("session save", tasks).rates(
                self.contestant("ours", Save(ours.clone())),
                vec![(theirs, Goal::None)],
            ));
        }
        runtime.block_on(async {
            ours.clear().await;
            peer.clear().await;
        });
        rows
    }

    fn contest(&self, workload: &str, tasks: usize) -> Contest<'_> {
        Contest {
            setting: self.setting,
            backend: "redis",
            workload: workload.to_owned(),
            shape: Shape::Tasks(tasks),
        }
    }

    fn contestant(&self, name: &'static str, work: impl Work) -> Contestant {
        Contestant::new(name, self.setting.runtime.handle(), work)
    }
}

const DRIVER: &str = "redis-rs multiplexed";
const STORE: &str = "tower-sessions-redis-store";
