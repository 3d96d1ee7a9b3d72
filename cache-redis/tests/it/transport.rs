//! The ways to a server: TLS, a socket on this machine, and what a connection says about itself.

use std::fs;
use std::path::PathBuf;

use cache_redis::{RedisCache, RedisOptions};
use conformance_tests::servers::{RedisServer, ask, free_port};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use session_core::{CacheClient, Condition, Error, ErrorKind, Expiry, Outcome};
use tempfile::TempDir;

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

    /// A server that speaks TLS on the port given back.
    fn server(&self, ask_clients: &str) -> (RedisServer, u16) {
        let port = free_port().unwrap();
        let server = RedisServer::start(&[
            "--tls-port",
            &port.to_string(),
            "--tls-cert-file",
            &self.name("server.pem"),
            "--tls-key-file",
            &self.name("server.key"),
            "--tls-ca-cert-file",
            &self.name("ca.pem"),
            "--tls-auth-clients",
            ask_clients,
        ]);
        (server.unwrap(), port)
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
    let (_server, port) = certificates.server("no");
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
    let (_server, port) = certificates.server("yes");
    let options = RedisOptions::server("localhost", port).tls_ca(certificates.file("ca.pem"));
    assert!(works(options.clone()).await.is_err());
    let (chain, key) = (
        certificates.file("client.pem"),
        certificates.file("client.key"),
    );
    works(options.tls_identity(chain, key)).await.unwrap();
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
