//! What a memory cache can be told, in code or in a URL.

use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

use session_core::{ClientOptions, Codec, Error, Namespace, Result, StoreUrl};

use crate::clock::Clock;

/// The options of a [`MemoryCache`](crate::MemoryCache).
///
/// In a URL: `memory:?max_entries=100000&max_bytes=67108864&sweep_interval_ms=500`, and the
/// parameters of [`ClientOptions`].
///
/// ```
/// use cache_memory::MemoryOptions;
///
/// let options: MemoryOptions = "memory:?max_entries=1000&namespace=shop".parse()?;
/// assert!("memory:?entries=1000".parse::<MemoryOptions>().is_err());
/// # Ok::<(), session_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MemoryOptions {
    pub(crate) client: ClientOptions,
    pub(crate) max_entries: Option<NonZeroU64>,
    pub(crate) max_bytes: Option<NonZeroU64>,
    pub(crate) sweep_interval: Duration,
    pub(crate) clock: Option<Clock>,
}

/// What an entry counts towards [`MemoryOptions::max_bytes`] beyond its key and value, in bytes.
///
/// About what an entry with a deadline costs in a bounded cache; fixed, so that a bound means the
/// same on every machine.
pub const ENTRY_OVERHEAD: u64 = 128;

/// The name that errors carry.
pub(crate) const BACKEND: &str = "memory";

impl Default for MemoryOptions {
    fn default() -> Self {
        Self {
            client: ClientOptions::default(),
            max_entries: None,
            max_bytes: None,
            sweep_interval: Duration::from_millis(500),
            clock: None,
        }
    }
}

impl MemoryOptions {
    /// The defaults: the whole store, no bounds, values up to 16 MiB, a sweep every 500 ms.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps at most this many entries, at least one; no bound by default.
    ///
    /// While several threads write at once, the cache may hold one entry more for each of them.
    #[must_use]
    pub fn max_entries(mut self, entries: u64) -> Self {
        self.max_entries = Some(NonZeroU64::new(entries).unwrap_or(NonZeroU64::MIN));
        self
    }

    /// Keeps at most this many bytes of keys, values and [`ENTRY_OVERHEAD`] for each entry; no
    /// bound by default.
    ///
    /// A value counts with its length, even if it is a slice of a larger buffer. While several
    /// threads write at once, the cache may hold one entry more for each of them. An entry that is
    /// larger than the bound is refused as `Full`.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(NonZeroU64::new(bytes).unwrap_or(NonZeroU64::MIN));
        self
    }

    /// How often expired entries are freed, 500 ms by default and a day at most. They are absent
    /// at once.
    #[must_use]
    pub fn sweep_interval(mut self, interval: Duration) -> Self {
        self.sweep_interval = interval.max(Duration::from_millis(1));
        self
    }

    /// The clock that deadlines count on; a running one of its own by default.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The part of the store that the client sees; the whole of it by default.
    #[must_use]
    pub fn namespace(mut self, namespace: Namespace) -> Self {
        self.client.namespace = namespace;
        self
    }

    /// The longest value in bytes; 16 MiB by default.
    #[must_use]
    pub fn max_value_len(mut self, bytes: usize) -> Self {
        self.client.max_value_len = bytes;
        self
    }

    /// How `TypedCache` encodes what it writes; bincode by default.
    #[must_use]
    pub fn codec(mut self, codec: Codec) -> Self {
        self.client.codec = codec;
        self
    }
}

impl FromStr for MemoryOptions {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        let url = StoreUrl::parse(BACKEND, url)?;
        if url.scheme() != "memory" || !url.address().is_empty() {
            return Err(url.refuse("a memory cache is written memory: or memory:?name=value"));
        }
        let mut options = Self::default();
        let mut client = ClientOptions::default();
        let known = ["max_entries", "max_bytes", "sweep_interval_ms"];
        url.apply(&mut client, &known, |parameter| {
            match parameter.name() {
                "max_entries" => options.max_entries = NonZeroU64::new(parameter.number(1)?),
                "max_bytes" => options.max_bytes = NonZeroU64::new(parameter.number(1)?),
                "sweep_interval_ms" => {
                    options.sweep_interval = Duration::from_millis(parameter.number(1)?);
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        options.client = client;
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_memory_url_is_refused() {
        for url in [
            "sqlite:",
            "memory://host",
            "memory:name",
            "memory:?max_entries=0",
            "memory:?max_bytes=-1",
            "memory:?entries=1",
        ] {
            assert!(url.parse::<MemoryOptions>().is_err(), "{url}");
        }
    }
}
