//! The sessions under test beside the model of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant, SystemTime};

use session_core::{
    CurrentSession, Lifetime, SESSION_KEY_PREFIX, Session, SessionError, SessionHandle, SessionId,
    SessionOptions, Sessions, TimeToLive,
};

use super::step::{CLIENTS, KEYS, Step};
use crate::cases::sessions::Visitor;
use crate::expect::{listed, ok};
use crate::store::Store;

/// A session as it should be stored.
#[derive(Clone, Debug)]
struct Stored {
    /// The number of the write that made the data.
    version: u32,
    user: Option<String>,
    bag: BTreeMap<usize, u32>,
    permanent: bool,
    deadline: Duration,
    limit: Duration,
}

/// A request as the model sees it.
struct Client {
    session: Session<Visitor>,
    /// What the copy was read as; `None` if it is new.
    base: Option<u32>,
    is_gone: bool,
}

pub(super) struct Run<'s> {
    store: &'s Store,
    sessions: Sessions<Visitor>,
    /// Minutes by which the clock of the sessions is ahead of the host's, as the store's is.
    ahead: Arc<AtomicU64>,
    began: Instant,
    /// By the model's clock, which stands still between steps.
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

impl<'s> Run<'s> {
    pub(super) async fn new(store: &'s Store, seed: u64) -> Self {
        let ahead = Arc::new(AtomicU64::new(0));
        let read = Arc::clone(&ahead);
        let clock = move || SystemTime::now() + MINUTE * u32::try_from(read.load(SeqCst)).unwrap();
        let grace = HOUR * 100 * u32::try_from(seed % 3).unwrap();
        let options = SessionOptions::default().clock(clock).renewal_grace(grace);
        let sessions = Sessions::new(store.cache()).with_options(options);
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            let session = sessions.open(&CurrentSession::new(None)).await.unwrap();
            clients.push(Client {
                session,
                base: None,
                is_gone: false,
            });
        }
        Self {
            store,
            sessions,
            ahead,
            began: Instant::now(),
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

    pub(super) async fn take(&mut self, step: Step) {
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
            Step::Pass(units) => {
                let minutes = UNIT_MINUTES * units;
                self.now += MINUTE * minutes;
                self.ahead.fetch_add(minutes.into(), SeqCst);
                self.store.pass(MINUTE * minutes).await;
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
        let current = CurrentSession::new(Some(id.clone()));
        let session = self.sessions.open(&current).await.unwrap();
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
        let change = |visitor: &mut Visitor| visitor.visits = version;
        let result = actor.session.update(change).await;
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
        let result = self.clients[client].session.sign_in(lifetime, |visitor| {
            visitor.auth.user_id = Some(user.clone());
            visitor.visits = version;
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
        // One that was slid stays for longer than it leads anywhere.
        let is_lead = |at: &String| self.leads.contains_key(at) || self.slid.contains(at);
        let is_lead = at.as_ref().is_some_and(is_lead);
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
        let sessions = &self.sessions;
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

    async fn set_bag(&mut self, client: usize, key: usize) {
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

    async fn get_bag(&mut self, client: usize, key: usize) {
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

    /// The store holds what the model holds, and no other session.
    async fn check(&self) {
        let keys = ok(listed(&**self.store, SESSION_KEY_PREFIX).await);
        let sessions = keys
            .iter()
            .filter_map(|key| key.strip_prefix(SESSION_KEY_PREFIX));
        let expected = self.stored.keys().chain(self.leads.keys());
        let expected: BTreeSet<&str> = expected.map(String::as_str).collect();
        let sessions = sessions.filter(|id| expected.contains(id) || !self.slid.contains(*id));
        let sessions: BTreeSet<&str> = sessions.collect();
        assert_eq!(sessions, expected, "the sessions in the store");
        for user in ["alice", "bob"] {
            let listed = self.sessions.list_user(user).await.unwrap();
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
            let session = self.sessions.find(&id).await.unwrap();
            let session = session.expect("a session that the model has");
            assert_eq!(session.visits, stored.version, "the data");
            assert_eq!(session.auth.user_id, stored.user);
            assert_eq!(session.is_permanent(), stored.permanent);
            self.ends_at(&session, stored.deadline);
            assert!(stored.deadline <= stored.limit);
            let bag = self.sessions.bag(&CurrentSession::new(Some(id)));
            for key in 0..KEYS {
                let value = bag.get::<u32>(&key.to_string()).await.unwrap();
                assert_eq!(value, stored.bag.get(&key).copied());
            }
        }
    }

    /// The model's clock stands still between steps; the store's goes on.
    fn ends_at(&self, session: &Session<Visitor>, deadline: Duration) {
        let expected = deadline - self.now;
        let slack = self.began.elapsed() + self.store.brief();
        match session.time_to_live() {
            Some(TimeToLive::Remaining(left)) if left.abs_diff(expected) <= slack => {}
            other => panic!("{expected:?} should be left, not {other:?}"),
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// The step in which time passes. No multiple of it is within minutes of a lifetime, a limit or a
/// grace time, so that what really passes in a test ends nothing.
pub(super) const UNIT_MINUTES: u32 = 67;
