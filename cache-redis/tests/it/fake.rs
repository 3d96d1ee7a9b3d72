//! Answers that no healthy server gives, from a server made up for the test.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use cache_redis::{RedisCache, RedisOptions};
use session_core::{CacheClient, CacheClientExtended, ErrorKind, Expiry, Outcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Listens, and answers each request by its first word and the number of the connection.
async fn fake<F, A>(answer: F) -> RedisOptions
where
    F: Fn(&str, usize) -> A + Send + Sync + 'static,
    A: AsRef<[u8]> + Send + 'static,
{
    let (port, _) = listening(answer).await;
    RedisOptions::server("127.0.0.1", port)
}

/// As [`fake`], but gives the port.
pub(crate) async fn listening<F, A>(answer: F) -> (u16, Arc<AtomicUsize>)
where
    F: Fn(&str, usize) -> A + Send + Sync + 'static,
    A: AsRef<[u8]> + Send + 'static,
{
    let answer = Arc::new(answer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let number = count.fetch_add(1, SeqCst) + 1;
            tokio::spawn(serve(stream, Arc::clone(&answer), number));
        }
    });
    (port, connections)
}

async fn serve<F, A>(mut stream: TcpStream, answer: Arc<F>, number: usize)
where
    F: Fn(&str, usize) -> A + Send + Sync + 'static,
    A: AsRef<[u8]> + Send + 'static,
{
    let mut buffer = [0; 1_024];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        // The tests send one request after the other, so each comes alone, whole.
        let request = String::from_utf8_lossy(&buffer[..read]).into_owned();
        for word in first_words(&request) {
            let _ = stream.write_all(answer(word, number).as_ref()).await;
        }
    }
}

/// The first word of each command: `*2`, `$3`, `GET`, `$3`, `key` are the lines of one. Of `CLUSTER` it
/// is the second.
fn first_words(request: &str) -> Vec<&str> {
    let lines: Vec<&str> = request.split("\r\n").collect();
    let (mut words, mut at) = (Vec::new(), 0);
    while let Some(count) = lines.get(at).and_then(|line| line.strip_prefix('*')) {
        let word = lines.get(at + 2);
        words.extend(match word {
            Some(&"CLUSTER") => lines.get(at + 4),
            word => word,
        });
        at += 1 + 2 * count.parse::<usize>().unwrap();
    }
    words
}

fn healthy(word: &str) -> &'static str {
    match word {
        "PING" => "+PONG\r\n",
        "INFO" => "$20\r\nredis_version:7.0.15\r\n",
        _ => "$5\r\nvalue\r\n",
    }
}

#[tokio::test]
async fn an_answer_to_another_question_is_an_error_and_never_a_miss() {
    let options = fake(|word, _| match word {
        "GET" | "UNLINK" | "EVALSHA" | "PTTL" | "EXEC" => "*0\r\n",
        word => healthy(word),
    })
    .await;
    let cache = RedisCache::connect_with(options).await.unwrap();
    for error in [
        cache.read("key").await.unwrap_err(),
        cache.remove("key").await.unwrap_err(),
        cache.increment("key", 1, Expiry::Never).await.unwrap_err(),
        cache.get_time_to_live("key").await.unwrap_err(),
        cache.read_with_time_to_live("key").await.unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.outcome()),
            (ErrorKind::Other, Outcome::Unknown)
        );
    }
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused_with_the_reason() {
    let options = fake(|word, _| match word {
        "INFO" => "$20\r\nredis_version:6.0.16\r\n",
        word => healthy(word),
    })
    .await;
    let error = RedisCache::connect_with(options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("6.0.16"), "{error}");
}

#[tokio::test]
async fn a_server_that_tells_no_version_is_taken_as_it_is() {
    let options = fake(|word, _| match word {
        "INFO" => "-NOPERM this user has no permissions to run the 'info' command\r\n",
        word => healthy(word),
    })
    .await;
    assert!(RedisCache::connect_with(options).await.is_ok());
}

#[tokio::test]
async fn a_server_that_loads_its_data_is_unavailable() {
    let options = fake(|word, _| match word {
        "PING" => "-LOADING Redis is loading the dataset in memory\r\n",
        word => healthy(word),
    })
    .await;
    let error = RedisCache::connect_with(options).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Unavailable, Outcome::NotApplied)
    );
}

#[tokio::test]
async fn a_server_that_refuses_the_database_is_not_used_without_it() {
    for (refusal, kind) in [
        (
            "-ERR SELECT is not allowed in cluster mode\r\n",
            ErrorKind::InvalidInput,
        ),
        (
            "-ERR unknown command 'SELECT', with args beginning with: '3'\r\n",
            ErrorKind::InvalidInput,
        ),
        (
            "-NOPERM this user has no permissions to run the 'select' command\r\n",
            ErrorKind::Denied,
        ),
    ] {
        let options = fake(move |word, _| match word {
            "SELECT" => refusal,
            word => healthy(word),
        });
        let error = RedisCache::connect_with(options.await.database(3))
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), error.outcome()),
            (kind, Outcome::NotApplied),
            "{refusal}"
        );
    }
}

#[tokio::test]
async fn a_login_that_a_server_does_not_know_is_an_error() {
    let options = fake(|word, _| match word {
        "AUTH" => "-ERR unknown command\r\n",
        word => healthy(word),
    });
    let options = options.await.user("shop").password("secret");
    let error = RedisCache::connect_with(options).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotApplied);
}

#[tokio::test]
async fn a_server_that_refuses_the_name_is_taken_as_it_is() {
    let options = fake(|word, _| match word {
        "CLIENT" => "-NOPERM this user has no permissions to run the 'client' command\r\n",
        word => healthy(word),
    });
    let options = options.await.client_name("shop");
    assert!(RedisCache::connect_with(options).await.is_ok());
}

#[tokio::test]
async fn what_a_server_quotes_is_not_repeated() {
    let options = fake(|word, _| match word {
        "GET" => "-ERR unknown command 'GET', with args beginning with: 'secret'\r\n",
        "UNLINK" => "-ERR unknown command `UNLINK`, with args beginning with: `secret`\r\n",
        word => healthy(word),
    })
    .await;
    let cache = RedisCache::connect_with(options).await.unwrap();
    for error in [
        cache.read("secret").await.unwrap_err(),
        cache.remove("secret").await.unwrap_err(),
    ] {
        assert!(
            !format!("{error} {error:?}").contains("secret"),
            "{error:?}"
        );
    }
}
