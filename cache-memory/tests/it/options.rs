//! What the options say counts, in code and in a URL.

use std::time::Duration;

use cache_memory::{MemoryCache, MemoryOptions};
use session_core::{CacheClient, Codec, ErrorKind, Expiry, TypedCache};

#[test]
fn every_option_can_be_said_in_a_url() {
    let url = "memory:?max_entries=3&max_bytes=4000&sweep_interval_ms=20&namespace=a:b\
               &max_value_len=9&codec=json";
    let said: MemoryOptions = url.parse().unwrap();
    let built = MemoryOptions::new()
        .max_entries(3)
        .max_bytes(4_000)
        .sweep_interval(Duration::from_millis(20))
        .namespace("a:b".parse().unwrap())
        .max_value_len(9)
        .codec(Codec::Json);
    assert_eq!(format!("{said:?}"), format!("{built:?}"));
}

#[tokio::test]
async fn options_in_a_url_reach_the_cache() {
    let cache = MemoryCache::connect("memory:?max_entries=2&max_value_len=3&codec=json")
        .await
        .unwrap();
    for key in ["a", "b", "c"] {
        cache.set(key, &'x', Expiry::Never).await.unwrap();
    }
    assert_eq!(cache.stored_entries(), 2);
    let longer = cache.set("d", &"xx", Expiry::Never).await.unwrap_err();
    assert_eq!(longer.kind(), ErrorKind::InvalidInput);
    assert_eq!(
        cache.read("c").await.unwrap().as_deref(),
        Some(&b"\"x\""[..])
    );
    assert!(MemoryCache::connect("memory:name").await.is_err());
}
