//! A database of a test's own on the shared server.

use std::collections::BTreeSet;
use std::net::{SocketAddr, ToSocketAddrs};
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
        Self::take_on(conformance_tests::servers::redis().await).await
    }

    /// The same on this server.
    pub(crate) async fn take_on(url: String) -> Self {
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
        options_of(&self.place())
    }

    /// What another process has to know to use the database too; see [`options_of`].
    pub(crate) fn place(&self) -> String {
        format!("{} {}", self.number, self.url)
    }

    /// What a client is told that finds the server, or what stands before it, at this address.
    pub(crate) fn options_at(&self, address: SocketAddr) -> RedisOptions {
        let rest = self.url.rsplit_once('@').map_or("", |(login, _)| login);
        let login = rest
            .strip_prefix("redis://")
            .map_or(String::new(), |login| format!("{login}@"));
        let options: RedisOptions = format!("redis://{login}{address}").parse().unwrap();
        options.database(self.number)
    }

    /// The server's address.
    pub(crate) fn address(&self) -> SocketAddr {
        let (_, rest) = self.url.split_once("://").unwrap();
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        let host = rest.split(['/', '?']).next().unwrap();
        let with_port = if host.contains(':') {
            host.to_owned()
        } else {
            format!("{host}:6379")
        };
        with_port.to_socket_addrs().unwrap().next().unwrap()
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

/// What a client of the database at this place is told.
pub(crate) fn options_of(place: &str) -> RedisOptions {
    let (number, url) = place.split_once(' ').unwrap();
    // Patient, because the machine of the tests is busy with the tests.
    let options: RedisOptions = url.parse().unwrap();
    options
        .database(number.parse().unwrap())
        .timeout(Duration::from_secs(10))
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
