//! What a session writes, to be stored under many ids.

use std::collections::BTreeMap;
use std::time::Duration;

use cache_connect::connect;
use capacity::figures::{Kinds, Written};
use futures_util::TryStreamExt;
use session_core::{
    AuthUserSession, Bytes, CacheClientExtended, Expiry, Lifetime, SessionId, Sessions,
};

/// The kinds of entries.
pub(crate) const RECORD: usize = 0;
pub(crate) const BAG: usize = 1;
pub(crate) const INDEX: usize = 2;

/// The three entries of one session, and the id in their keys and values.
pub(crate) struct Template {
    entries: [(String, String); 3],
    id: String,
}

impl Template {
    /// Has a user sign in and put something into the bag.
    pub(crate) async fn new() -> Self {
        let cache = connect("memory:").await.expect("memory is there");
        let sessions = Sessions::<AuthUserSession>::new(cache.clone());
        let mut session = sessions
            .get_or_create(None)
            .await
            .expect("a session is made");
        let signed_in = session
            .sign_in(Lifetime::Temporary, |user| *user = alice())
            .await;
        signed_in.expect("alice signs in");
        let set = session.bag().set("cart", &cart()).await;
        set.expect("the bag takes a cart");
        let id = session.id().expect("it is stored").as_str().to_owned();
        let entry = async |prefix: &str| entry(&*cache, prefix).await;
        let entries = [
            entry("urn:iauthsession:").await,
            entry("sess:").await,
            entry("user:sess:").await,
        ];
        Self { entries, id }
    }

    pub(crate) fn written(&self) -> Kinds<Written> {
        let [record, bag, index] = self.entries.each_ref().map(|(key, value)| Written {
            key: length(key),
            value: length(value),
        });
        Kinds { record, bag, index }
    }

    /// The entry of a kind for the session of this number.
    pub(crate) fn entry(&self, kind: usize, number: u32) -> (String, Bytes) {
        let id = id(number);
        let (key, value) = &self.entries[kind];
        let key = match kind {
            // A user's key is a hash in hex; so is this.
            INDEX => format!("user:sess:{}", hex(&id)),
            _ => key.replace(&self.id, &id),
        };
        (key, value.replace(&self.id, &id).into())
    }

    /// Stores so many entries of a kind.
    pub(crate) async fn fill(&self, cache: &dyn CacheClientExtended, kind: usize, count: u32) {
        for from in (0..count).step_by(1_000) {
            let entries: Vec<_> = (from..count.min(from + 1_000))
                .map(|at| self.entry(kind, at))
                .collect();
            let entries: Vec<_> = entries
                .iter()
                .map(|(key, value)| (key.as_str(), value.clone()))
                .collect();
            let written = cache.write_all(&entries, Expiry::In(LIFETIME)).await;
            written.expect("a batch is written");
        }
    }
}

/// How long sessions live by default.
pub(crate) const LIFETIME: Duration = Duration::from_secs(14 * 86_400);

async fn entry(cache: &dyn CacheClientExtended, prefix: &str) -> (String, String) {
    let keys: Vec<String> = cache
        .keys_starting_with(prefix)
        .try_collect()
        .await
        .expect("keys are listed");
    let [key] = keys.as_slice() else {
        panic!("{} entries start with {prefix}", keys.len());
    };
    let value = cache
        .read(key)
        .await
        .expect("a value is read")
        .expect("it is there");
    (
        key.clone(),
        String::from_utf8(value.into()).expect("sessions are JSON"),
    )
}

/// The same ids in every run, scattered as random ones are.
fn id(number: u32) -> String {
    let mut rng = fastrand::Rng::with_seed(number.into());
    let bytes = std::array::from_fn(|_| rng.u8(..));
    SessionId::from_bytes(bytes).as_str().to_owned()
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn length(text: &str) -> f64 {
    f64::from(u32::try_from(text.len()).expect("texts are short"))
}

fn alice() -> AuthUserSession {
    let note = |n: u32| (format!("preference-{n}"), format!("value number {n}"));
    AuthUserSession {
        user_id: Some("1048577".to_owned()),
        user_name: Some("alice".to_owned()),
        display_name: Some("Alice Liddell".to_owned()),
        email: Some("alice@example.com".to_owned()),
        roles: ["editor", "reviewer"].map(str::to_owned).into(),
        meta: (0..4).map(note).collect(),
        ..AuthUserSession::default()
    }
}

/// Three articles and how many of each.
fn cart() -> BTreeMap<String, u32> {
    ["hat, blue, large", "scarf, red", "gloves, black, medium"]
        .map(|name| (name.to_owned(), 1))
        .into()
}
