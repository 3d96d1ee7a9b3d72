//! API keys without HTTP: what a key is, where keys are kept, and their cached sessions.
//!
//! Start with [`ApiKeys`](crate::ApiKeys), which makes, lists, cancels and regenerates keys over an
//! [`ApiKeyStore`](crate::ApiKeyStore), the application's own or the ready-made
//! [`CacheApiKeyStore`](crate::CacheApiKeyStore); then `sessions.rs`.
//!
//! Two decisions explain the rest. **A key is stored as its SHA-256 only**; the text is shown once,
//! when the key is made, and 192 random bits need no slow hash. **Dropping a cached session leaves a
//! mark in its place** for some minutes, and caching writes with a condition: a request that read
//! the key before it was cancelled can therefore never bring its session back.

mod key;
mod manage;
mod sessions;
mod store;

pub use key::{ApiKey, ApiKeyHash, ApiKeySecret, KeyRefusal};
pub use manage::{ApiKeys, NewApiKey};
pub use sessions::{API_KEY_SESSION_PREFIX, ApiKeySessions, CacheTicket, CachedKeySession};
pub use store::{ApiKeyStore, CacheApiKeyStore};
