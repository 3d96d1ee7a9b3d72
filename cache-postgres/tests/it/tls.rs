//! Encrypted connections, and who proves what to whom.

use std::fs;
use std::path::PathBuf;

use cache_postgres::{PostgresCache, PostgresOptions, TlsMode};
use conformance_tests::servers::PostgresServer;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use session_core::{CacheClient, ErrorKind, Outcome};

use crate::database::{Database, ends};

/// A server with a certificate for the name `localhost`, and files for its clients.
struct Encrypted {
    server: PostgresServer,
    authority: PathBuf,
    client: (PathBuf, PathBuf),
}

impl Encrypted {
    fn start() -> Self {
        let mut server = PostgresServer::start(&[]).unwrap();
        let own_key = KeyPair::generate().unwrap();
        let mut own = CertificateParams::new([]).unwrap();
        own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = own.self_signed(&own_key).unwrap();
        let issuer = Issuer::new(own, own_key);
        let write = |name: &str, text: String| {
            let file = server.folder().join(name);
            fs::write(&file, text).unwrap();
            server.give(&file).unwrap();
            file
        };
        let pair = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new([name.to_owned()]).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            let cert = params.signed_by(&key, &issuer).unwrap();
            (
                write(&format!("{name}.crt"), cert.pem()),
                write(&format!("{name}.key"), key.serialize_pem()),
            )
        };
        let authority = write("authority.crt", authority.pem());
        pair("localhost");
        let client = pair("postgres");
        server.set(&[
            "ssl = on",
            "ssl_cert_file = '../localhost.crt'",
            "ssl_key_file = '../localhost.key'",
            "ssl_ca_file = '../authority.crt'",
        ]);
        server.restart().unwrap();
        Self {
            server,
            authority,
            client,
        }
    }

    fn options(&self, mode: TlsMode) -> PostgresOptions {
        let options: PostgresOptions = self.server.url().parse().unwrap();
        options.host("localhost").tls_mode(mode)
    }
}

async fn refused(options: PostgresOptions) -> (ErrorKind, Outcome) {
    let error = ends(PostgresCache::connect_with(options))
        .await
        .unwrap_err();
    (error.kind(), error.outcome())
}

const UNAVAILABLE: (ErrorKind, Outcome) = (ErrorKind::Unavailable, Outcome::NotApplied);

#[tokio::test]
async fn a_server_proves_who_it_is() {
    let encrypted = Encrypted::start();
    let verified = encrypted
        .options(TlsMode::VerifyFull)
        .tls_root_cert(&encrypted.authority);
    PostgresCache::connect_with(verified.clone())
        .await
        .unwrap()
        .ping()
        .await
        .unwrap();
    let database = Database::on(encrypted.server.url());
    let count = "SELECT count(*) FROM pg_stat_ssl NATURAL JOIN pg_stat_activity
                 WHERE ssl AND application_name = 'session-cache'";
    let cache = PostgresCache::connect_with(verified.clone()).await.unwrap();
    assert_eq!(database.number(count).await, 1);
    drop(cache);
    // The certificate is not for this name.
    assert_eq!(
        refused(verified.clone().host("127.0.0.1")).await,
        UNAVAILABLE
    );
    PostgresCache::connect_with(verified.host("127.0.0.1").tls_mode(TlsMode::VerifyCa))
        .await
        .unwrap();
    // Nobody among the roots of the web has signed it.
    assert_eq!(
        refused(encrypted.options(TlsMode::VerifyCa)).await,
        UNAVAILABLE
    );
    PostgresCache::connect_with(encrypted.options(TlsMode::Require))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_client_proves_who_it_is() {
    let mut encrypted = Encrypted::start();
    let rules = encrypted.server.folder().join("data/pg_hba.conf");
    fs::write(rules, "hostssl all all all cert\n").unwrap();
    encrypted.server.restart().unwrap();
    let options = encrypted
        .options(TlsMode::VerifyFull)
        .tls_root_cert(&encrypted.authority);
    assert_eq!(
        refused(options.clone()).await,
        (ErrorKind::Denied, Outcome::NotApplied)
    );
    let (cert, key) = &encrypted.client;
    let cache = PostgresCache::connect_with(options.tls_client_cert(cert, key))
        .await
        .unwrap();
    cache.ping().await.unwrap();
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_it_is_required() {
    let database = Database::take().await;
    let options = database.options().tls_mode(TlsMode::Require);
    assert_eq!(refused(options).await, UNAVAILABLE);
}
