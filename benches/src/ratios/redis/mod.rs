//! The rows of the Redis backend, beside the driver that it stands on and fred below
//! tower-sessions.
//!
//! All share the keys, which lie under a prefix of this run and go with it.

mod driver;

use std::sync::Arc;

use benches::place::Place;
use benches::rounds::Contestant;
use benches::table::{Goal, Row};
use redis::aio::MultiplexedConnection;
use sampler::entries::Entries;
use sampler::records::{Load, LoadAndSave, Records, Save};
use sampler::sample::{Shape, Work};
use sampler::work::{Get, GetAll, Set, SetAll};
use session_adapters::CacheSessionStore;
use session_core::CacheClientExtended;
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike, Config, Pool};

use crate::ratios::Setting;
use crate::ratios::contest::{Bout, Contest, at_least, in_passes};
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
    let sessions = runtime.block_on(arena.sessions(&place));
    let rows = in_passes(setting.passes(), |parts| {
        let mut bouts = arena.gets(parts);
        bouts.extend(arena.sets(parts));
        bouts.extend(arena.batches(parts));
        bouts.extend(arena.session_bouts(parts, &sessions));
        bouts
    });
    runtime.block_on(async {
        sessions.ours.clear().await;
        sessions.peer.clear().await;
    });
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

/// The sessions that are loaded and saved.
struct Sessions {
    ours: Arc<Records<CacheSessionStore<Arc<dyn CacheClientExtended>>>>,
    peer: Arc<Records<RedisStore<Pool>>>,
}

impl<'s> Arena<'s> {
    fn gets(&self, parts: usize) -> Vec<Bout<'s>> {
        let goals = [
            (1, at_least(0.95, 1.0)),
            (16, at_least(0.95, 1.0)),
            (64, at_least(1.15, 1.3)),
            (256, at_least(1.5, 1.9)),
        ];
        let bouts = goals.into_iter().map(|(tasks, goal)| {
            let ours = self.contestant("ours", Get(self.ours.clone(), self.entries.clone()));
            let driver = self.contestant(DRIVER, Get(self.driver.clone(), self.entries.clone()));
            let bout = self
                .contest("get", tasks)
                .part(parts, ours, vec![(driver, goal)]);
            bout.with_latencies(DRIVER)
        });
        bouts.collect()
    }

    fn sets(&self, parts: usize) -> Vec<Bout<'s>> {
        let bouts = [1, 16, 64, 256].into_iter().map(|tasks| {
            let ours = self.contestant("ours", Set(self.ours.clone(), self.entries.clone()));
            let driver = self.contestant(DRIVER, Set(self.driver.clone(), self.entries.clone()));
            let contest = self.contest("set with deadline", tasks);
            contest.part(parts, ours, vec![(driver, at_least(0.95, 1.1))])
        });
        bouts.collect()
    }

    fn batches(&self, parts: usize) -> [Bout<'s>; 2] {
        let (ours, driver, entries) = (&self.ours, &self.driver, &self.entries);
        let goal = at_least(0.95, 1.1);
        let peer = self.contestant(DRIVER, GetAll(driver.clone(), entries.clone(), BATCH));
        let gets = self.contest("get of 100", 1).part(
            parts,
            self.contestant("ours", GetAll(ours.clone(), entries.clone(), BATCH)),
            vec![(peer, goal)],
        );
        let peer = self.contestant(DRIVER, SetAll(driver.clone(), entries.clone(), BATCH));
        let sets = self.contest("set of 100 with deadline", 1).part(
            parts,
            self.contestant("ours", SetAll(ours.clone(), entries.clone(), BATCH)),
            vec![(peer, goal)],
        );
        [gets, sets]
    }

    async fn sessions(&self, place: &Place) -> Sessions {
        let config = Config::from_url(place.bare_url()).expect("the URL is fred's too");
        // As its documentation makes one.
        let pool = Pool::new(config, None, None, None, 6).expect("a pool can be made");
        pool.init().await.expect("fred connects");
        Sessions {
            ours: Records::filled(CacheSessionStore::new(self.ours.cache.clone()), SESSIONS).await,
            peer: Records::filled(RedisStore::new(pool), SESSIONS).await,
        }
    }

    fn session_bouts(&self, parts: usize, Sessions { ours, peer }: &Sessions) -> Vec<Bout<'s>> {
        let bouts = [1, 16, 64, 256].into_iter().flat_map(|tasks| {
            // A lone task waits for two round trips, which nobody can make shorter.
            let goal = match tasks {
                1 => Goal::None,
                _ => at_least(1.6, 2.0),
            };
            let theirs = self.contestant(STORE, LoadAndSave(peer.clone()));
            let both = self.contest("session load and save", tasks).part(
                parts,
                self.contestant("ours", LoadAndSave(ours.clone())),
                vec![(theirs, goal)],
            );
            let theirs = self.contestant(STORE, Load(peer.clone()));
            let loads = self.contest("session load", tasks).part(
                parts,
                self.contestant("ours", Load(ours.clone())),
                vec![(theirs, Goal::None)],
            );
            let theirs = self.contestant(STORE, Save(peer.clone()));
            let saves = self.contest("session save", tasks).part(
                parts,
                self.contestant("ours", Save(ours.clone())),
                vec![(theirs, Goal::None)],
            );
            [both, loads, saves]
        });
        bouts.collect()
    }

    fn contest(&self, workload: &str, tasks: usize) -> Contest<'s> {
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
