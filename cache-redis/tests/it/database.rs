//! A database of a test's own on the shared server.

use std::collections::BTreeSet;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use cache_redis::RedisOptions;
use redis::aio::MultiplexedConnection;

/// An empty database. It is emptied when it is taken, so that a failed test leaves its entries to
/// look at until the next run.
pub(crate) struct Database {
    number: u32,
    url: String,
}

/// The databases in use by the tests of this process.
static TAKEN: LazyLock<Mutex<BTreeSet<u32>>> = LazyLock::new(Mutex::default);

impl Database {
    /// Takes the first free database but 0, and waits while there is none.
    pub(crate) async fn take() -> Self {
        let url = conformance_tests::servers::redis().await;
        let count = count_of(&url).await;
        let number = loop {
            let free = {
                let mut taken = TAKEN.lock().unwrap();
                (1..count).find(|number| taken.insert(*number))
            };
            match free {
                Some(number) => break number,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        let database = Self { number, url };
        let mut plain = database.plain().await;
        redis::cmd("FLUSHDB").exec_async(&mut plain).await.unwrap();
        database
    }

    pub(crate) fn options(&self) -> RedisOptions {
        // Patient, because the machine of the tests is busy with the tests.
        let options: RedisOptions = self.url.parse().unwrap();
        options
            .database(self.number)
            .timeout(Duration::from_secs(10))
    }

    /// A connection without the cache's own ways.
    pub(crate) async fn plain(&self) -> MultiplexedConnection {
        let mut connection = plain(&self.url).await;
        redis::cmd("SELECT")
            .arg(self.number)
            .exec_async(&mut connection)
            .await
            .unwrap();
        connection
    }

    /// Takes `by` from every stored deadline.
    pub(crate) async fn age(&self, by: Duration) {
        redis::cmd("EVAL")
            .arg(AGE)
            .arg(0)
            .arg(u64::try_from(by.as_millis()).unwrap())
            .exec_async(&mut self.plain().await)
            .await
            .unwrap();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        TAKEN.lock().unwrap().remove(&self.number);
    }
}

pub(crate) const AGE: &str = "
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 then redis.call('PEXPIRE', key, left - ARGV[1]) end
end";

/// A connection to the server of a URL without the cache's own ways.
pub(crate) async fn plain(url: &str) -> MultiplexedConnection {
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let client = redis::Client::open(url).unwrap();
    client
        .get_multiplexed_async_connection_with_config(&config)
        .await
        .unwrap()
}

async fn count_of(url: &str) -> u32 {
    let answer: redis::RedisResult<(String, u32)> = redis::cmd("CONFIG")
        .arg("GET")
        .arg("databases")
        .query_async(&mut plain(url).await)
        .await;
    answer.map_or(16, |(_, count)| count)
}
