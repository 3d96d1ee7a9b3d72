//! One cache contract for every store, typed access on top.

mod api_keys;
mod client;
mod codec;
mod entry;
mod error;
mod glob;
mod key;
mod namespace;
mod options;
mod prefixed;
mod scope;
mod session;
mod typed;

pub use async_trait::async_trait;
pub use bytes::Bytes;

pub use api_keys::{
    API_KEY_SESSION_PREFIX, ApiKey, ApiKeyHash, ApiKeySecret, ApiKeySessions, ApiKeyStore, ApiKeys,
    CacheApiKeyStore, CacheTicket, CachedKeySession, KeyRefusal, NewApiKey,
};
pub use client::{BoxStream, CacheClient, CacheClientExtended};
pub use codec::Codec;
pub use entry::{
    Condition, Deadline, Expiry, MAX_DEADLINE_MS, TimeToLive, millis_rounded_up,
    unix_millis_rounded_up,
};
pub use error::{BoxError, Error, ErrorKind, Outcome, Result};
pub use key::{BAG_KEY_PREFIX, SESSION_KEY_PREFIX, USER_KEY_PREFIX};
pub use namespace::Namespace;
pub use options::{ClientOptions, Parameter, StoreUrl};
pub use prefixed::Prefixed;
pub use scope::{DEFAULT_MAX_VALUE_LEN, MAX_KEY_LEN, Scope, check_key, prefix_end};
pub use session::{
    AuthUserSession, CurrentSession, EventContext, IdKey, IdSigner, Lifetime, ListedSession,
    Rejection, Saving, Session, SessionBag, SessionChange, SessionData, SessionError,
    SessionEvents, SessionHandle, SessionId, SessionOptions, SessionResult, Sessions, Sliding,
    Undecodable,
};
pub use typed::TypedCache;
