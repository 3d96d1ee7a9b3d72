#![doc = include_str!("../README.md")]

use std::sync::Arc;

use session_core::{CacheClientExtended, Error, ErrorKind, Result};

/// Opens the store that a URL names and asks it for an answer.
///
/// | URL | store | feature |
/// | --- | --- | --- |
/// | `memory:` | the memory of this process; every call is a store of its own | `memory` |
/// | `sqlite://sessions.db`, `sqlite:///var/lib/app.db`, `sqlite::memory:` | one SQLite file | `sqlite` |
/// | `redis://host/0`, `rediss://…`, `redis+unix://…`, `redis+cluster://h1,h2`, `redis+sentinel://h1,h2/service` | Redis or Valkey | `redis` |
/// | `postgres://user@host/database`, `postgresql://…` | one table in PostgreSQL | `postgres` |
///
/// What a URL may say further stands with each backend's options. To give options that no URL can
/// hold, call the backend's own `connect_with` and put the client into an `Arc`.
///
/// # Errors
///
/// `InvalidInput` for an unknown scheme or parameter and for a backend that was not compiled in,
/// with what would be right; what the backend's `connect` gives; `Unavailable` if the store does
/// not answer. No error shows a user, a password or a parameter's value.
///
/// ```
/// use session_core::TypedCache;
///
/// # #[cfg(feature = "memory")]
/// # async fn program() -> session_core::Result<()> {
/// let cache = cache_connect::connect("memory:?max_entries=1000").await?;
/// cache.set("greeting", &"hello", None).await?;
/// assert_eq!(cache.get::<String>("greeting").await?.as_deref(), Some("hello"));
/// # Ok(())
/// # }
/// # #[cfg(feature = "memory")]
/// # tokio::runtime::Runtime::new().unwrap().block_on(program()).unwrap();
/// ```
pub async fn connect(url: &str) -> Result<Arc<dyn CacheClientExtended>> {
    let client = open(url).await?;
    client.ping().await?;
    Ok(client)
}

/// The schemes of the backends that are compiled in, in the order of the table above.
pub fn schemes() -> Vec<&'static str> {
    let compiled = BACKENDS.iter().filter(|backend| backend.compiled);
    compiled
        .flat_map(|backend| backend.schemes)
        .copied()
        .collect()
}

async fn open(url: &str) -> Result<Arc<dyn CacheClientExtended>> {
    match scheme(url) {
        #[cfg(feature = "memory")]
        "memory" => Ok(Arc::new(cache_memory::MemoryCache::connect(url).await?)),
        #[cfg(feature = "sqlite")]
        "sqlite" => Ok(Arc::new(cache_sqlite::SqliteCache::connect(url).await?)),
        #[cfg(feature = "redis")]
        scheme if REDIS.contains(&scheme) => {
            Ok(Arc::new(cache_redis::RedisCache::connect(url).await?))
        }
        #[cfg(feature = "postgres")]
        scheme if POSTGRES.contains(&scheme) => {
            Ok(Arc::new(cache_postgres::PostgresCache::connect(url).await?))
        }
        other => Err(unknown(other)),
    }
}

struct Backend {
    schemes: &'static [&'static str],
    feature: &'static str,
    compiled: bool,
}

const BACKENDS: [Backend; 4] = [
    Backend {
        schemes: &["memory"],
        feature: "memory",
        compiled: cfg!(feature = "memory"),
    },
    Backend {
        schemes: &["sqlite"],
        feature: "sqlite",
        compiled: cfg!(feature = "sqlite"),
    },
    Backend {
        schemes: REDIS,
        feature: "redis",
        compiled: cfg!(feature = "redis"),
    },
    Backend {
        schemes: POSTGRES,
        feature: "postgres",
        compiled: cfg!(feature = "postgres"),
    },
];

const REDIS: &[&str] = &[
    "redis",
    "rediss",
    "redis+cluster",
    "rediss+cluster",
    "redis+sentinel",
    "rediss+sentinel",
    "redis+unix",
];
const POSTGRES: &[&str] = &["postgres", "postgresql"];

/// What stands before the first `:`; empty if there is none.
fn scheme(url: &str) -> &str {
    url.split_once(':').map_or("", |(scheme, _)| scheme)
}

/// The scheme itself is not shown: in a URL that lost its scheme it may be a user or a host.
fn unknown(scheme: &str) -> Error {
    let message = match BACKENDS
        .iter()
        .find(|backend| backend.schemes.contains(&scheme))
    {
        Some(backend) => format!(
            "this program was built without the backend of '{scheme}:'; \
             enable the feature '{}' of cache-connect",
            backend.feature
        ),
        None => format!("the URL should start with one of {}", list(&schemes())),
    };
    Error::new(ErrorKind::InvalidInput, "cache", "connect").with_message(message)
}

fn list(schemes: &[&str]) -> String {
    schemes
        .iter()
        .map(|scheme| format!("'{scheme}:'"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The program in the workspace's README compiles.
#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../../README.md")]
struct WorkspaceReadme;
