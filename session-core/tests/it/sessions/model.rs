//! Random sequences of what three requests can do, against a small model of what should come of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use session_core::{
    CurrentSession, Lifetime, SESSION_KEY_PREFIX, Session, SessionError, SessionHandle, SessionId,
    TimeToLive,
};

use super::{DAY, HOUR, Shop, World};

#[derive(Clone, Debug)]
enum Step {
    /// A new request of this client with one of the ids so far, dead ones among them.
    Load(usize, usize),
    Update(usize),
    Save(usize),
    Renew(usize),
    SignIn(usize, bool),
    Slide(usize),
    Remove(usize),
    /// All sessions of bob or of alice are ended, but for that of a client.
    RemoveUser(Option<usize>, bool),
    SetBag(usize, u8),
    GetBag(usize, u8),
    Pass(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let client = 0..3_usize;
    let step = prop_oneof![
        4 => (client.clone(), any::<usize>()).prop_map(|(client, id)| Step::Load(client, id)),
        3 => client.clone().prop_map(Step::Update),
        3 => client.clone().prop_map(Step::Save),
        1 => client.clone().prop_map(Step::Renew),
        1 => (client.clone(), any::<bool>()).prop_map(|(client, bob)| Step::SignIn(client, bob)),
        2 => client.clone().prop_map(Step::Slide),
        1 => client.clone().prop_map(Step::Remove),
        1 => (proptest::option::of(client.clone()), any::<bool>())
            .prop_map(|(client, bob)| Step::RemoveUser(client, bob)),
        2 => (client.clone(), 0..3_u8).prop_map(|(client, key)| Step::SetBag(client, key)),
        2 => (client.clone(), 0..3_u8).prop_map(|(client, key)| Step::GetBag(client, key)),
        1 => (1..300_u32).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 1..60)
}

/// A session as it should be stored.
#[derive(Clone, Debug)]
struct Stored {
    /// The number of the write that made the data.
    version: u32,
    user: Option<String>,
    bag: BTreeMap<u8, u32>,
    permanent: bool,
    deadline: Duration,
    limit: Duration,
}

/// A request as the model sees it.
struct Client {
    session: Session<Shop>,
    /// What the copy was read as; `None` if it is new.
    base: Option<u32>,
    is_gone: bool,
}

struct Run {
    world: World,
    now: Duration,
    writes: u32,
    ids: Vec<SessionId>,
    stored: BTreeMap<String, Stored>,
    /// Where an old id leads, and until when.
    leads: BTreeMap<String, (String, Duration)>,
    /// Leads that were slid: nobody reads them, and they take room for longer.
    slid: BTreeSet<String>,
    grace: Duration,
    clients: Vec<Client>,
}

type Outcome<T = ()> = Result<T, SessionError>;

impl Run {
    async fn new(grace: Duration) -> Self {
        let world = World::with(|options| options.renewal_grace(grace));
        let mut clients = Vec::new();
        for _ in 0..3 {
            let session = world.visitor().await;
            clients.push(Client {
                session,
                base: None,
                is_gone: false,
            });
        }
        Self {
            world,
            now: Duration::ZERO,
            writes: 0,
            ids: vec![SessionId::from_bytes([1; 24])],
            stored: BTreeMap::new(),
            leads: BTreeMap::new(),
            slid: BTreeSet::new(),
            grace,
            clients,
        }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Load(client, id) => self.load(client, id).await,
            Step::Update(client) => self.update(client).await,
            Step::Save(client) => self.save(client).await,
            Step::Renew(client) => self.renew(client).await,
            Step::SignIn(client, bob) => self.sign_in(client, bob).await,
            Step::Slide(client) => self.slide(client).await,
            Step::Remove(client) => self.remove(client).await,
            Step::RemoveUser(keep, bob) => self.remove_user(keep, bob).await,
            Step::SetBag(client, key) => self.set_bag(client, key).await,
            Step::GetBag(client, key) => self.get_bag(client, key).await,
            Step::Pass(hours) => {
                self.now += hours * HOUR;
                self.world.pass(hours * HOUR);
            }
        }
        self.stored.retain(|_, stored| stored.deadline > self.now);
        self.leads.retain(|_, (_, until)| *until > self.now);
        self.check().await;
    }

    /// Where the session of a client is stored, as far as the client knows.
    fn known_at(&self, client: usize) -> Option<String> {
        let handle = self.clients[client].session.handle()?;
        let mut ids = self.ids.iter();
        let id = ids.find(|id| SessionHandle::of(id) == handle).unwrap();
        Some(id.as_str().to_owned())
    }

    /// Where it is, if it is anywhere.
    fn at(&self, client: usize) -> Option<String> {
        let at = self.known_at(client)?;
        Some(self.follow(&at).unwrap_or(at))
    }

    fn follow(&self, at: &str) -> Option<String> {
        let mut at = at;
        for _ in 0..=4 {
            if self.stored.contains_key(at) {
                return Some(at.to_owned());
            }
            at = &self.leads.get(at)?.0;
        }
        None
    }

    /// The client should be told that its session went; `true` if it is so.
    fn expect_removed<T: std::fmt::Debug>(&mut self, client: usize, result: &Outcome<T>) -> bool {
        self.clients[client].is_gone = true;
        matches!(result, Err(SessionError::Removed))
    }

    /// A session was stored under a fresh id.
    fn made(&mut self, client: usize, version: u32) {
        let session = &self.clients[client].session;
        let id = session.id().unwrap();
        assert!(!self.ids.contains(&id));
        let stored = Stored {
            version,
            user: session.auth.user_id.clone(),
            bag: BTreeMap::new(),
            permanent: session.is_permanent(),
            deadline: self.now + 14 * DAY,
            limit: self.now + 90 * DAY,
        };
        self.stored.insert(id.as_str().to_owned(), stored);
        self.ids.push(id);
    }

    fn saved(stored: &mut Stored, now: Duration) {
        let lifetime = if stored.permanent { 28 * DAY } else { 14 * DAY };
        stored.deadline = (now + lifetime).min(stored.limit);
    }

    async fn load(&mut self, client: usize, id: usize) {
        let id = self.ids[id % self.ids.len()].clone();
        let session = self.world.request(&id).await;
        let at = self.follow(id.as_str());
        let stored = at.and_then(|at| self.stored.get(&at));
        assert_eq!(session.is_stored(), stored.is_some());
        self.clients[client] = Client {
            base: stored.map(|stored| stored.version),
            is_gone: false,
            session,
        };
    }

    async fn update(&mut self, client: usize) {
        self.writes += 1;
        let (version, at) = (self.writes, self.at(client));
        let actor = &mut self.clients[client];
        let result = actor.session.update(|shop| shop.visits = version).await;
        match at {
            None if self.clients[client].is_gone => assert!(self.expect_removed(client, &result)),
            None => {
                result.unwrap();
                self.made(client, version);
                self.clients[client].base = Some(version);
            }
            Some(at) => match self.stored.get_mut(&at) {
                None => assert!(self.expect_removed(client, &result)),
                Some(stored) => {
                    result.unwrap();
                    stored.version = version;
                    Self::saved(stored, self.now);
                    self.clients[client].base = Some(version);
                }
            },
        }
    }

    async fn save(&mut self, client: usize) {
        self.writes += 1;
        let (version, at) = (self.writes, self.at(client));
        let actor = &mut self.clients[client];
        actor.session.visits = version;
        let result = actor.session.save().await;
        match at {
            None if self.clients[client].is_gone => assert!(self.expect_removed(client, &result)),
            None => {
                result.unwrap();
                self.made(client, version);
                self.clients[client].base = Some(version);
            }
            Some(at) => match self.stored.get_mut(&at) {
                // What it knew of already is told before the store is asked.
                None => {
                    let conflict = matches!(result, Err(SessionError::Conflict));
                    assert!(conflict || self.expect_removed(client, &result));
                }
                Some(stored) if self.clients[client].base == Some(stored.version) => {
                    result.unwrap();
                    stored.version = version;
                    Self::saved(stored, self.now);
                    self.clients[client].base = Some(version);
                }
                Some(_) => assert!(matches!(result, Err(SessionError::Conflict))),
            },
        }
    }

    async fn renew(&mut self, client: usize) {
        let at = self.at(client);
        let Some(at) = at else {
            return;
        };
        let result = self.clients[client].session.renew().await;
        match self.stored.remove(&at) {
            None => assert!(self.expect_removed(client, &result)),
            Some(mut stored) => {
                result.unwrap();
                Self::saved(&mut stored, self.now);
                self.moved(client, stored);
                if !self.grace.is_zero() {
                    let new = self.ids.last().unwrap().as_str().to_owned();
                    self.leads.insert(at, (new, self.now + self.grace));
                }
            }
        }
    }

    async fn sign_in(&mut self, client: usize, bob: bool) {
        let user = if bob { "bob" } else { "alice" }.to_owned();
        let lifetime = if bob {
            Lifetime::Permanent
        } else {
            Lifetime::Temporary
        };
        self.writes += 1;
        let (version, at) = (self.writes, self.at(client));
        let result = self.clients[client].session.sign_in(lifetime, |shop| {
            shop.auth.user_id = Some(user.clone());
            shop.visits = version;
        });
        result.await.unwrap();
        let before = at.and_then(|at| self.stored.remove(&at));
        let bag = match before {
            Some(before) if before.user.as_ref().is_none_or(|one| *one == user) => before.bag,
            _ => BTreeMap::new(),
        };
        let limit = self.now + 90 * DAY;
        let mut stored = Stored {
            version,
            user: Some(user),
            bag,
            permanent: bob,
            deadline: limit,
            limit,
        };
        Self::saved(&mut stored, self.now);
        self.moved(client, stored);
    }

    fn moved(&mut self, client: usize, stored: Stored) {
        let actor = &mut self.clients[client];
        let id = actor.session.id().unwrap();
        assert!(!self.ids.contains(&id));
        actor.base = Some(stored.version);
        actor.is_gone = false;
        self.stored.insert(id.as_str().to_owned(), stored);
        self.ids.push(id);
    }

    async fn slide(&mut self, client: usize) {
        let at = self.known_at(client);
        let is_lead = at.as_ref().is_some_and(|at| self.leads.contains_key(at));
        let result = self.clients[client].session.slide().await;
        let lead = at.clone();
        let stored = at.and_then(|at| self.stored.get_mut(&at));
        match (result, stored) {
            // Enough was left when it was read: the store was not asked.
            (Ok(false), _) => {}
            // It has got a new id, and its life began anew with that.
            (Ok(true), None) if is_lead => self.slid.extend(lead),
            (Ok(true), Some(stored)) => Self::saved(stored, self.now),
            (result, None) => assert!(self.expect_removed(client, &result)),
            (result, stored) => panic!("{result:?} {stored:?}"),
        }
    }

    async fn remove(&mut self, client: usize) {
        let at = self.at(client);
        let removed = self.clients[client].session.remove().await.unwrap();
        let stored = at.and_then(|at| self.stored.remove(&at));
        assert_eq!(removed, stored.is_some());
        self.clients[client].is_gone = true;
    }

    async fn remove_user(&mut self, keep: Option<usize>, bob: bool) {
        let user = if bob { "bob" } else { "alice" };
        let kept = keep.and_then(|client| self.at(client));
        let sessions = &self.world.sessions;
        let removed = match keep {
            Some(client) => {
                let current = self.clients[client].session.current();
                sessions.remove_user_except(user, current).await
            }
            None => sessions.remove_user(user).await,
        };
        let before = self.stored.len();
        let is_of_user = |stored: &Stored| stored.user.as_deref() == Some(user);
        self.stored
            .retain(|id, stored| !is_of_user(stored) || kept.as_ref() == Some(id));
        let gone = before - self.stored.len();
        assert_eq!(removed.unwrap(), u64::try_from(gone).unwrap());
    }

    async fn set_bag(&mut self, client: usize, key: u8) {
        self.writes += 1;
        let (value, at) = (self.writes, self.at(client));
        let bag = self.clients[client].session.bag();
        let result = bag.set(&key.to_string(), &value).await;
        if let Some(at) = &at
            && let Some(stored) = self.stored.get_mut(at)
        {
            result.unwrap();
            stored.bag.insert(key, value);
        } else if at.is_some() || self.clients[client].is_gone {
            assert!(self.expect_removed(client, &result));
        } else {
            result.unwrap();
            self.made(client, 0);
            let id = self.clients[client].session.id().unwrap();
            let stored = self.stored.get_mut(id.as_str()).unwrap();
            // The session is stored as it was made, not as the copy is by now.
            (stored.user, stored.bag) = (None, [(key, value)].into());
            self.clients[client].base = Some(0);
        }
    }

    async fn get_bag(&mut self, client: usize, key: u8) {
        let at = self.at(client);
        let bag = self.clients[client].session.bag();
        let value = bag.get::<u32>(&key.to_string()).await.unwrap();
        let stored = at.as_ref().and_then(|at| self.stored.get(at));
        assert_eq!(
            value,
            stored.and_then(|stored| stored.bag.get(&key).copied())
        );
        self.clients[client].is_gone |= at.is_some() && stored.is_none();
    }

    /// The store holds what the model holds, to the millisecond, and no other session.
    async fn check(&self) {
        let keys = self.world.store.keys().await;
        let sessions = keys
            .iter()
            .filter_map(|key| key.strip_prefix(SESSION_KEY_PREFIX));
        let expected = self.stored.keys().chain(self.leads.keys());
        let expected: BTreeSet<&str> = expected.map(String::as_str).collect();
        let sessions = sessions.filter(|id| expected.contains(id) || !self.slid.contains(*id));
        assert!(sessions.eq(expected.iter().copied()), "{keys:?}");
        for user in ["alice", "bob"] {
            let listed = self.world.sessions.list_user(user).await.unwrap();
            let listed: BTreeSet<_> = listed.into_iter().map(|one| one.handle).collect();
            let stored = self.stored.iter();
            let of_user = stored.filter(|(_, stored)| stored.user.as_deref() == Some(user));
            let handle = |id: &String| SessionHandle::of(&id.parse().unwrap());
            assert_eq!(
                listed,
                of_user.map(|(id, _)| handle(id)).collect(),
                "{user}"
            );
        }
        for (id, stored) in &self.stored {
            let id: SessionId = id.parse().unwrap();
            let session = self.world.find(&id).await.unwrap();
            assert_eq!(session.visits, stored.version);
            assert_eq!(session.auth.user_id, stored.user);
            assert_eq!(session.is_permanent(), stored.permanent);
            let left = TimeToLive::Remaining(stored.deadline - self.now);
            assert_eq!(session.time_to_live(), Some(left));
            assert!(stored.deadline <= stored.limit);
            let bag = self.world.sessions.bag(&CurrentSession::new(Some(id)));
            for key in 0..3 {
                let value = bag.get::<u32>(&key.to_string()).await.unwrap();
                assert_eq!(value, stored.bag.get(&key).copied());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn three_requests_do_what_the_model_says(steps in steps(), grace in 0..3_u32) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut run = Run::new(grace * 100 * HOUR).await;
            for step in steps {
                run.take(step).await;
            }
        });
    }
}
