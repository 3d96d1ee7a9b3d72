//! The ways to a server: TLS, a socket on this machine, and what a connection says about itself.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use cache_redis::{RedisCache, RedisOptions};
use conformance_tests::servers::{Program, RedisServer, ask, free_port, redis_program};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use session_core::{CacheClient, Condition, Error, ErrorKind, Expiry, Outcome};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

/// An authority, a certificate for the server and one for a client, as files.
struct Certificates {
    folder: TempDir,
}

impl Certificates {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut authority = CertificateParams::new([]).unwrap();
        authority
            .distinguished_name
            .push(DnType::CommonName, "an authority of the tests");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = authority.self_signed(&key).unwrap();
        fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        let issuer = Issuer::new(authority, key);
        for name in ["server", "client"] {
            let key = KeyPair::generate().unwrap();
            let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
            let mut params = CertificateParams::new(names).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            let certificate = params.signed_by(&key, &issuer).unwrap();
            fs::write(folder.path().join(format!("{name}.pem")), certificate.pem()).unwrap();
            fs::write(
                folder.path().join(format!("{name}.key")),
                key.serialize_pem(),
            )
            .unwrap();
        }
        Self { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn name(&self, name: &str) -> String {
        self.file(name).display().to_string()
    }

    /// What a server is told to speak TLS on a port.
    fn settings(&self, port: u16, ask_clients: &str) -> Vec<(&'static str, String)> {
        vec![
            ("tls-port", port.to_string()),
            ("tls-cert-file", self.name("server.pem")),
            ("tls-key-file", self.name("server.key")),
            ("tls-ca-cert-file", self.name("ca.pem")),
            ("tls-auth-clients", ask_clients.to_owned()),
        ]
    }

    /// A server that speaks TLS on the port given back.
    fn server(&self, ask_clients: &str, more: &[(&'static str, &str)]) -> (RedisServer, u16) {
        let port = free_port().unwrap();
        let mut arguments = Vec::new();
        for (name, value) in self.settings(port, ask_clients) {
            arguments.extend([format!("--{name}"), value]);
        }
        for (name, value) in more {
            arguments.extend([format!("--{name}"), (*value).to_owned()]);
        }
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        (RedisServer::start(&arguments).unwrap(), port)
    }
}

async fn works(options: RedisOptions) -> Result<(), Error> {
    let cache = RedisCache::connect_with(options).await?;
    cache
        .write("key", "value".into(), Condition::Always, Expiry::Never)
        .await?;
    assert_eq!(cache.read("key").await?.unwrap(), "value");
    Ok(())
}

#[tokio::test]
async fn tls_trusts_the_authority_that_was_given_and_no_other() {
    let certificates = Certificates::new();
    let (_server, port) = certificates.server("no", &[]);
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("rediss://{host}:{port}?ca={}", certificates.name("ca.pem"));
        works(url.parse().unwrap()).await.unwrap();
    }
    let unknown = works(format!("rediss://localhost:{port}").parse().unwrap()).await;
    assert_eq!(unknown.unwrap_err().kind(), ErrorKind::Denied);
    let other = Certificates::new();
    let wrong = RedisOptions::server("localhost", port).tls_ca(other.file("ca.pem"));
    assert_eq!(works(wrong).await.unwrap_err().kind(), ErrorKind::Denied);
    let no_file = RedisOptions::server("localhost", port).tls_ca(certificates.file("none.pem"));
    assert_eq!(
        works(no_file).await.unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    let no_certificate =
        RedisOptions::server("localhost", port).tls_ca(certificates.file("server.key"));
    assert_eq!(
        works(no_certificate).await.unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_is_shown_one() {
    let certificates = Certificates::new();
    let (_server, port) = certificates.server("yes", &[]);
    let options = RedisOptions::server("localhost", port).tls_ca(certificates.file("ca.pem"));
    assert!(works(options.clone()).await.is_err());
    let (chain, key) = (
        certificates.file("client.pem"),
        certificates.file("client.key"),
    );
    works(options.tls_identity(chain, key)).await.unwrap();
}

#[tokio::test]
async fn every_server_of_a_cluster_is_spoken_to_by_tls() {
    let certificates = Certificates::new();
    let servers: Vec<_> = ["0-8191", "8192-16383"]
        .into_iter()
        .map(|slots| {
            let bus = free_port().unwrap().to_string();
            let more = [
                ("cluster-enabled", "yes"),
                ("cluster-port", &bus),
                ("tls-cluster", "yes"),
            ];
            let (server, port) = certificates.server("no", &more);
            let (first, last) = slots.split_once('-').unwrap();
            let words = ["CLUSTER", "ADDSLOTSRANGE", first, last];
            assert_eq!(ask(server.port(), &words).unwrap(), "OK");
            (server, port, bus)
        })
        .collect();
    let [(one, one_port, _), (two, two_port, two_bus)] = &servers[..] else {
        unreachable!()
    };
    let two_text = two_port.to_string();
    let meet = ["CLUSTER", "MEET", "127.0.0.1", &two_text, two_bus];
    assert_eq!(ask(one.port(), &meet).unwrap(), "OK");
    for server in [one, two] {
        until(server.port(), &["CLUSTER", "INFO"], "cluster_state:ok").await;
    }

    let ca = certificates.name("ca.pem");
    let url = format!("rediss+cluster://127.0.0.1:{one_port}?ca={ca}");
    let cache = RedisCache::connect(&url).await.unwrap();
    for number in 0..100 {
        let key = format!("key {number}");
        cache
            .write(&key, "value".into(), Condition::Always, Expiry::Never)
            .await
            .unwrap();
        assert_eq!(cache.read(&key).await.unwrap().unwrap(), "value");
    }
    let counts = [one, two].map(|server| ask(server.port(), &["DBSIZE"]).unwrap());
    let counts = counts.map(|count| count.parse::<u32>().unwrap());
    assert!(counts[0] > 0 && counts[1] > 0 && counts[0] + counts[1] == 100);

    let other = Certificates::new().name("ca.pem");
    let plain = format!("redis+cluster://127.0.0.1:{one_port}");
    for url in [url.replace(&ca, &other), plain] {
        assert!(works(url.parse().unwrap()).await.is_err());
    }
}

#[tokio::test]
async fn sentinels_and_their_primary_are_spoken_to_by_tls() {
    let certificates = Certificates::new();
    let (server, port) = certificates.server("no", &[]);
    let (plain_port, sentinel_port) = (free_port().unwrap(), free_port().unwrap());
    let mut config = format!("port {plain_port}\nbind 127.0.0.1\ntls-replication yes\n");
    for (name, value) in certificates.settings(sentinel_port, "no") {
        config.push_str(&format!("{name} {value}\n"));
    }
    config.push_str(&format!("sentinel monitor cache 127.0.0.1 {port} 1\n"));
    let arguments = ["sentinel.conf".to_owned(), "--sentinel".to_owned()];
    let _sentinel = Program::start(&redis_program(), &arguments, |folder| {
        fs::write(folder.join("sentinel.conf"), config)
    })
    .unwrap();
    until(plain_port, &["INFO", "sentinel"], "status=ok").await;

    let ca = certificates.name("ca.pem");
    let url = format!("rediss+sentinel://127.0.0.1:{sentinel_port}/cache?ca={ca}");
    works(url.parse().unwrap()).await.unwrap();
    assert_eq!(ask(server.port(), &["GET", "key"]).unwrap(), "value");

    let other = Certificates::new();
    let wrong = works(url.replace(&ca, &other.name("ca.pem")).parse().unwrap());
    assert_eq!(wrong.await.unwrap_err().kind(), ErrorKind::Denied);
    // A Sentinel that speaks in the clear is none of the service's.
    let plain = url.replace(&sentinel_port.to_string(), &plain_port.to_string());
    assert!(works(plain.parse().unwrap()).await.is_err());
}

/// Asks until the answer holds a text.
async fn until(port: u16, words: &[&str], text: &str) {
    let asked = async {
        while !ask(port, words).is_ok_and(|answer| answer.contains(text)) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(30), asked)
        .await
        .expect("the servers do not agree");
}

#[tokio::test]
async fn a_server_without_tls_is_an_error_and_no_plain_connection() {
    let server = RedisServer::start(&[]).unwrap();
    let error = works(RedisOptions::server("localhost", server.port()).tls())
        .await
        .unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert_eq!(error.outcome(), Outcome::NotApplied);
}

#[tokio::test]
async fn a_socket_on_this_machine_works_like_a_port() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("redis socket");
    let server = RedisServer::start(&["--unixsocket", &socket.display().to_string()]).unwrap();
    works(RedisOptions::unix(&socket)).await.unwrap();
    let path = socket.display().to_string().replace(' ', "%20");
    works(format!("redis+unix://{path}?db=3").parse().unwrap())
        .await
        .unwrap();
    assert!(
        ask(server.port(), &["INFO", "keyspace"])
            .unwrap()
            .contains("db3:keys=1")
    );
    let nobody = works(RedisOptions::unix(folder.path().join("none")))
        .await
        .unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_connection_has_the_name_that_was_given() {
    let server = RedisServer::start(&[]).unwrap();
    let url = format!("{}?client_name=shop-7", server.url());
    let _cache = RedisCache::connect(&url).await.unwrap();
    assert!(
        ask(server.port(), &["CLIENT", "LIST"])
            .unwrap()
            .contains("name=shop-7")
    );
}
