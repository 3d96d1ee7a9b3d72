//! A URL opens the store that it names, or an error says what would be right.

use cache_connect::connect;
use session_core::{CacheClientExtended, ErrorKind, TypedCache};

#[tokio::test]
async fn two_connections_to_memory_are_two_stores() {
    let (one, other) = (
        connect("memory:").await.unwrap(),
        connect("memory:").await.unwrap(),
    );
    one.set("key", &1, None).await.unwrap();
    assert_eq!(other.get::<i64>("key").await.unwrap(), None);
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_sqlite_file_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!(
        "sqlite://{}/a%20b.db?synchronous=full",
        folder.path().display()
    );
    connect(&url)
        .await
        .unwrap()
        .set("key", &1, None)
        .await
        .unwrap();
    assert_eq!(
        connect(&url)
            .await
            .unwrap()
            .get::<i64>("key")
            .await
            .unwrap(),
        Some(1)
    );
    assert!(folder.path().join("a b.db").exists());
}

#[tokio::test]
async fn options_in_the_url_reach_the_backend() {
    let urls = [
        "memory:?namespace=a:b&max_value_len=4",
        #[cfg(feature = "sqlite")]
        "sqlite::memory:?max_value_len=4",
    ];
    for url in urls {
        let cache = connect(url).await.unwrap();
        let error = cache.set("key", &"12345", None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{url}");
    }
}

#[tokio::test]
async fn an_unknown_scheme_is_refused_with_the_known_ones() {
    for url in ["", "memory", "mongodb://localhost", "user:secret@localhost"] {
        let error = connect(url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let text = format!("{error} {error:?}");
        for scheme in cache_connect::schemes() {
            assert!(text.contains(&format!("'{scheme}:'")), "{text}");
        }
        assert!(!text.contains("secret") && !text.contains("user"), "{text}");
    }
}

/// Runs where the tests are built with the feature `memory` alone, as the gate does.
#[cfg(not(feature = "sqlite"))]
#[tokio::test]
async fn a_backend_that_was_not_compiled_in_is_named_with_its_feature() {
    let error = connect("sqlite::memory:").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(
        error.to_string().contains("enable the feature 'sqlite'"),
        "{error}"
    );
}

/// Nothing listens on the discard port.
#[cfg(any(feature = "redis", feature = "postgres"))]
#[tokio::test]
async fn an_absent_server_shows_at_once_and_the_password_never() {
    let urls = [
        #[cfg(feature = "redis")]
        "redis://user:secret@127.0.0.1:9",
        #[cfg(feature = "postgres")]
        "postgres://user:secret@127.0.0.1:9/database",
    ];
    for url in urls {
        let error = connect(url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}

#[tokio::test]
async fn an_unknown_parameter_is_refused_with_the_known_ones() {
    let urls = [
        "memory:?max_entires=5",
        #[cfg(feature = "sqlite")]
        "sqlite::memory:?sync=full",
    ];
    for url in urls {
        let error = connect(url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("namespace"), "{error}");
    }
}

#[test]
fn the_future_can_move_between_threads() {
    fn send<
        F: Future<Output = session_core::Result<std::sync::Arc<dyn CacheClientExtended>>> + Send,
    >(
        _: F,
    ) {
    }
    send(connect("memory:"));
}
