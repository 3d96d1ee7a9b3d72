//! Encrypted connections, where the feature `tls` is on.

#[cfg(feature = "tls")]
pub(crate) use enabled::Tls;

#[cfg(not(feature = "tls"))]
pub(crate) use disabled::Tls;

#[cfg(feature = "tls")]
mod enabled {
    use std::path::Path;
    use std::sync::Arc;

    use session_core::{Error, ErrorKind, Result};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

    use crate::error::{BACKEND, Failure};
    use crate::options::TlsOptions;

    /// What a client trusts and shows.
    #[derive(Clone)]
    pub(crate) struct Tls(TlsConnector);

    impl Tls {
        /// Reads the files that the options name.
        pub(crate) fn new(options: &TlsOptions) -> Result<Self> {
            let mut roots = RootCertStore::empty();
            match &options.ca {
                Some(file) => {
                    for certificate in certificates(file)? {
                        roots.add(certificate).map_err(refuse)?;
                    }
                }
                None => {
                    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                }
            }
            // Named, because the process may have chosen none or several.
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map_err(refuse)?
                .with_root_certificates(roots);
            let config = match &options.identity {
                Some((chain, key)) => {
                    let key = PrivateKeyDer::from_pem_file(key).map_err(refuse)?;
                    config
                        .with_client_auth_cert(certificates(chain)?, key)
                        .map_err(refuse)?
                }
                None => config.with_no_client_auth(),
            };
            Ok(Self(TlsConnector::from(Arc::new(config))))
        }

        pub(crate) async fn wrap(
            &self,
            host: &str,
            stream: TcpStream,
        ) -> Result<TlsStream<TcpStream>, Failure> {
            let name = ServerName::try_from(host.to_owned()).map_err(|_| {
                Failure::not_applied(ErrorKind::InvalidInput, "the host is no name for TLS")
            })?;
            self.0.connect(name, stream).await.map_err(|error| {
                // A certificate that is not trusted will not be so a moment later.
                let kind = match error
                    .get_ref()
                    .is_some_and(|inner| inner.is::<rustls::Error>())
                {
                    true => ErrorKind::Denied,
                    false => ErrorKind::Unavailable,
                };
                Failure::not_applied(kind, error.to_string())
            })
        }
    }

    fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
        let certificates = CertificateDer::pem_file_iter(file).map_err(refuse)?;
        let certificates = certificates
            .collect::<Result<Vec<_>, _>>()
            .map_err(refuse)?;
        if certificates.is_empty() {
            return Err(refuse("the file holds no certificate in PEM form"));
        }
        Ok(certificates)
    }

    fn refuse(source: impl Into<session_core::BoxError>) -> Error {
        Error::new(ErrorKind::InvalidInput, BACKEND, "connect")
            .with_message("the certificates or the key for TLS cannot be used")
            .with_source(source)
    }
}

#[cfg(not(feature = "tls"))]
mod disabled {
    use session_core::{Error, ErrorKind, Result};
    use tokio::net::TcpStream;

    use crate::error::{BACKEND, Failure};
    use crate::options::TlsOptions;

    /// Nothing can be of this type, so that no connection is taken for encrypted.
    #[derive(Clone)]
    pub(crate) enum Tls {}

    impl Tls {
        pub(crate) fn new(_: &TlsOptions) -> Result<Self> {
            Err(Error::new(ErrorKind::InvalidInput, BACKEND, "connect")
                .with_message("TLS needs the feature 'tls' of cache-redis"))
        }

        #[allow(clippy::unused_async)]
        pub(crate) async fn wrap(&self, _: &str, _: TcpStream) -> Result<TcpStream, Failure> {
            match *self {}
        }
    }
}
