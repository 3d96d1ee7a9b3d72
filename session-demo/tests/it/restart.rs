//! What outlives the server.

use conformance_tests::servers::{PostgresServer, RedisServer};
use serde_json::json;
use tempfile::{TempDir, tempdir};

use crate::browser::Browser;
use crate::server::Server;

#[test]
fn a_session_in_a_file_survives_a_kill() {
    let folder = tempdir().unwrap();
    a_session_survives_a_kill(&sqlite(&folder));
}

#[test]
fn a_session_in_redis_survives_a_kill() {
    let redis = RedisServer::start(&[]).unwrap();
    a_session_survives_a_kill(&redis.url());
}

#[test]
fn a_session_in_postgres_survives_a_kill() {
    let postgres = PostgresServer::start(&[]).unwrap();
    a_session_survives_a_kill(&postgres.url());
}

fn a_session_survives_a_kill(cache: &str) {
    let server = Server::start(cache);
    let mut alice = Browser::of(&server.address);
    alice.sign_in("alice").json();
    alice.post("/session/visit").json();
    assert_eq!(
        alice
            .send("PUT", "/bag/cart", "application/json", r#"["book"]"#)
            .status,
        204
    );
    let before = alice.get("/session").json();
    server.kill();

    let server = Server::start(cache);
    let mut alice = alice.at(&server.address);
    let after = alice.get("/session").json();
    for field in [
        "id_handle",
        "user_name",
        "visits",
        "permanent",
        "is_authenticated",
    ] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(after["user_name"], "alice");
    assert_eq!(after["visits"], 1);
    assert_eq!(alice.get("/bag/cart").json(), json!(["book"]));
    assert_eq!(alice.post("/session/visit").json()["visits"], 2);
}

#[test]
fn memory_forgets() {
    let server = Server::start("memory:");
    let mut alice = Browser::of(&server.address);
    alice.sign_in("alice").json();
    server.kill();
    let server = Server::start("memory:");
    let session = alice.at(&server.address).get("/session").json();
    assert_eq!(session["is_authenticated"], false);
}

#[test]
fn two_servers_on_one_file_share_sessions() {
    let folder = tempdir().unwrap();
    two_servers_share_sessions(&sqlite(&folder));
}

#[test]
fn two_servers_on_redis_share_sessions() {
    let redis = RedisServer::start(&[]).unwrap();
    two_servers_share_sessions(&redis.url());
}

#[test]
fn two_servers_on_postgres_share_sessions() {
    let postgres = PostgresServer::start(&[]).unwrap();
    two_servers_share_sessions(&postgres.url());
}

fn two_servers_share_sessions(cache: &str) {
    let (one, other) = (Server::start(cache), Server::start(cache));
    let mut alice = Browser::of(&one.address);
    alice.sign_in("alice").json();
    let visits: Vec<_> = (0..8)
        .map(|number| {
            let server = [&one, &other][number % 2];
            let mut tab = alice.clone().at(&server.address);
            std::thread::spawn(move || tab.post("/session/visit").status)
        })
        .collect();
    for visit in visits {
        assert_eq!(visit.join().unwrap(), 200);
    }
    let mut there = alice.clone().at(&other.address);
    assert_eq!(there.get("/session").json()["visits"], 8);
    // Signed out at one is signed out at the other, for a request that is under way too.
    let mut slow = there.clone();
    let slow = std::thread::spawn(move || slow.post("/session/visit?delay_ms=4000").status);
    // Long enough to have read, on a busy machine too.
    std::thread::sleep(std::time::Duration::from_secs(2));
    alice.post("/auth/logout").json();
    assert_eq!(slow.join().unwrap(), 409);
    assert_eq!(there.get("/session").json()["is_authenticated"], false);
}

#[cfg(unix)]
#[test]
fn it_ends_cleanly_and_has_printed_no_secret() {
    let (folder, redis) = (tempdir().unwrap(), RedisServer::start(&[]).unwrap());
    let postgres = PostgresServer::start(&[]).unwrap();
    for (cache, signal) in [
        ("memory:", "INT"),
        (&*sqlite(&folder), "TERM"),
        (&*redis.url(), "INT"),
        (&*postgres.url(), "TERM"),
    ] {
        let server = Server::start(cache);
        let mut alice = Browser::of(&server.address);
        let mut secrets = Vec::new();
        alice.post("/session/visit").json();
        secrets.extend(alice.jar.values().cloned());
        alice.sign_in("alice").json();
        alice.sign_in("nobody");
        secrets.extend(alice.jar.values().cloned());
        let (clean, printed) = server.end(signal);
        assert!(clean, "{signal}");
        secrets.retain(|secret| !["temp", "perm"].contains(&&**secret));
        secrets.push("-password".to_owned());
        for secret in &secrets {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}

pub(crate) fn sqlite(folder: &TempDir) -> String {
    format!("sqlite://{}/demo.db", folder.path().display())
}
