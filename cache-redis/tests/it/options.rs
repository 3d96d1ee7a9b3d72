//! What the options say reaches the client.

use cache_redis::RedisCache;
use session_core::{CacheClient, Codec, ErrorKind, TypedCache};

use crate::database::Database;

#[tokio::test]
async fn the_limit_for_values_and_the_codec_reach_the_client() {
    let database = Database::take().await;
    let options = database.options().max_value_len(3).codec(Codec::Json);
    let cache = RedisCache::connect_with(options).await.unwrap();
    cache.set("key", &'x', None).await.unwrap();
    let longer = cache.set("key", &"xx", None).await.unwrap_err();
    assert_eq!(longer.kind(), ErrorKind::InvalidInput);
    assert_eq!(cache.read("key").await.unwrap().unwrap(), "\"x\"");
}
