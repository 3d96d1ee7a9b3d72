//! A store that is watched: calls are counted, fail on demand, and leave room for others.

use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;

use session_core::{
    BoxStream, Bytes, CacheClient, CacheClientExtended, Condition, Error, ErrorKind, Expiry,
    Outcome, Result, TimeToLive, async_trait,
};

use crate::map::MapCache;

#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) map: MapCache,
    watch: Mutex<Watch>,
}

#[derive(Default)]
struct Watch {
    calls: Vec<&'static str>,
    fault: Option<Fault>,
    meanwhile: Option<(usize, Meanwhile)>,
    afterwards: Option<Meanwhile>,
    /// The state of a small generator of pauses; 0 is none.
    seed: u64,
    restless: bool,
}

/// A failure of the calls from a certain one on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    /// The first call that fails, from 0.
    pub(crate) from: usize,
    /// The first call that works again.
    pub(crate) until: usize,
    /// Whether a failing call takes place, and only its answer is lost.
    pub(crate) applied: bool,
}

type Meanwhile = Pin<Box<dyn Future<Output = ()> + Send>>;

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("calls", &self.calls).finish()
    }
}

impl Watched {
    pub(crate) fn over(map: MapCache) -> Self {
        let watch = Mutex::default();
        Self { map, watch }
    }

    /// The calls since the last time this was asked.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.watch.lock().unwrap().calls)
    }

    /// Fails calls, counted from now.
    pub(crate) fn fail(&self, fault: impl Into<Option<Fault>>) {
        self.calls();
        self.watch.lock().unwrap().fault = fault.into();
    }

    /// Does something right before a call, counted from now.
    pub(crate) fn before_call(
        &self,
        call: usize,
        meanwhile: impl Future<Output = ()> + Send + 'static,
    ) {
        self.calls();
        self.watch.lock().unwrap().meanwhile = Some((call, Box::pin(meanwhile)));
    }

    /// Does something once the next call has taken place, before its answer arrives.
    pub(crate) fn before_answer(&self, meanwhile: impl Future<Output = ()> + Send + 'static) {
        self.watch.lock().unwrap().afterwards = Some(Box::pin(meanwhile));
    }

    /// Forgets what was to be done before a call, if that call did not come.
    pub(crate) fn disarm(&self) {
        self.watch.lock().unwrap().meanwhile = None;
    }

    /// Lets other tasks go first, as often as this seed says.
    pub(crate) fn shuffle(&self, seed: u64) {
        self.watch.lock().unwrap().seed = seed;
    }

    /// From now on every entry changes just before it is compared.
    pub(crate) fn keep_changing(&self) {
        self.watch.lock().unwrap().restless = true;
    }

    /// What is stored, whatever is watched.
    pub(crate) async fn keys(&self) -> Vec<String> {
        use futures_util::TryStreamExt;
        self.map.keys_starting_with("").try_collect().await.unwrap()
    }

    async fn watched<R: Send>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<R>> + Send,
    ) -> Result<R> {
        let (fault, meanwhile, seed) = self.begin(name);
        if let Some(meanwhile) = meanwhile {
            meanwhile.await;
        }
        pause(seed % 5).await;
        let Some(fault) = fault else {
            let afterwards = self.watch.lock().unwrap().afterwards.take();
            let result = work.await;
            if let Some(afterwards) = afterwards {
                afterwards.await;
            }
            pause(seed / 5 % 5).await;
            return result;
        };
        let mut outcome = Outcome::NotApplied;
        if fault.applied {
            work.await?;
            outcome = Outcome::Unknown;
        }
        Err(Error::new(ErrorKind::Unavailable, "watched", name).with_outcome(outcome))
    }

    fn begin(&self, name: &'static str) -> (Option<Fault>, Option<Meanwhile>, u64) {
        let mut watch = self.watch.lock().unwrap();
        let call = watch.calls.len();
        watch.calls.push(name);
        let fault = watch.fault;
        let fault = fault.filter(|fault| (fault.from..fault.until).contains(&call));
        let meanwhile = watch.meanwhile.take_if(|(at, _)| *at == call);
        // Xorshift: enough to try different orders, and the same ones each time.
        for shift in [13, -7, 17] {
            watch.seed ^= match shift {
                ..0 => watch.seed >> -shift,
                _ => watch.seed << shift,
            };
        }
        (fault, meanwhile.map(|(_, future)| future), watch.seed)
    }
}

/// The way to the store or back, while others run.
async fn pause(turns: u64) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

#[async_trait]
impl CacheClient for Watched {
    async fn read(&self, key: &str) -> Result<Option<Bytes>> {
        self.watched("read", self.map.read(key)).await
    }

    async fn read_all(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        self.watched("read_all", self.map.read_all(keys)).await
    }

    async fn write(
        &self,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        let is_session = key.starts_with(session_core::SESSION_KEY_PREFIX);
        let unconditional = condition == Condition::Always;
        assert!(
            !(is_session && unconditional),
            "an unconditional write of a session"
        );
        if self.watch.lock().unwrap().restless && matches!(condition, Condition::Equals(_)) {
            return self.watched("write", async { Ok(false) }).await;
        }
        let work = self.map.write(key, value, condition, expiry);
        self.watched("write", work).await
    }

    async fn write_all(&self, entries: &[(&str, Bytes)], expiry: Expiry) -> Result<()> {
        let mut keys = entries.iter().map(|(key, _)| key);
        assert!(keys.all(|key| !key.starts_with(session_core::SESSION_KEY_PREFIX)));
        self.watched("write_all", self.map.write_all(entries, expiry))
            .await
    }

    async fn remove(&self, key: &str) -> Result<bool> {
        self.watched("remove", self.map.remove(key)).await
    }

    async fn remove_all(&self, keys: &[&str]) -> Result<u64> {
        self.watched("remove_all", self.map.remove_all(keys)).await
    }

    async fn increment(&self, key: &str, by: i64, expiry_if_new: Expiry) -> Result<i64> {
        let work = self.map.increment(key, by, expiry_if_new);
        self.watched("increment", work).await
    }

    async fn flush_all(&self) -> Result<()> {
        self.watched("flush_all", self.map.flush_all()).await
    }

    async fn ping(&self) -> Result<()> {
        self.watched("ping", self.map.ping()).await
    }
}

#[async_trait]
impl CacheClientExtended for Watched {
    async fn get_time_to_live(&self, key: &str) -> Result<Option<TimeToLive>> {
        let work = self.map.get_time_to_live(key);
        self.watched("get_time_to_live", work).await
    }

    async fn set_time_to_live(&self, key: &str, expiry: Expiry) -> Result<bool> {
        let work = self.map.set_time_to_live(key, expiry);
        self.watched("set_time_to_live", work).await
    }

    async fn read_with_time_to_live(&self, key: &str) -> Result<Option<(Bytes, TimeToLive)>> {
        let work = self.map.read_with_time_to_live(key);
        self.watched("read_with_time_to_live", work).await
    }

    fn keys_starting_with<'a>(&'a self, prefix: &'a str) -> BoxStream<'a, Result<String>> {
        self.map.keys_starting_with(prefix)
    }

    async fn remove_starting_with(&self, prefix: &str) -> Result<u64> {
        let work = self.map.remove_starting_with(prefix);
        self.watched("remove_starting_with", work).await
    }

    async fn remove_expired(&self) -> Result<u64> {
        Ok(0)
    }
}
