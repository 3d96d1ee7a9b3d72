//! On which connections a request may carry a secret in the open.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::StatusCode;
use http::header::{FORWARDED, HOST};
use http::request::Parts;
use http::uri::Authority;

use crate::context::SessionContext;
use crate::problem::Problem;
use crate::proxy::{self, TrustedProxies};

/// Whether a connection is good enough for keys, passwords and tokens; by default only HTTPS is,
/// and for the sign-in what stays on this machine too.
///
/// ```
/// # fn main() -> Result<(), session_web::OptionsError> {
/// use session_web::{ConnectionRule, TrustedProxies};
///
/// // TLS ends at the machines of this network.
/// let rule = ConnectionRule::https_by(TrustedProxies::new(["10.0.0.0/8"])?);
/// // A rule of one's own.
/// let rule = ConnectionRule::by(|request| request.headers.contains_key("x-internal"));
/// # let _ = rule;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ConnectionRule(Arc<dyn Fn(&Parts) -> bool + Send + Sync>);

impl ConnectionRule {
    /// HTTPS only, as [`SecureConnection`](crate::SecureConnection) among the extensions says, or
    /// as the proxies say that the [`SessionLayer`](crate::SessionLayer) around the route trusts.
    pub fn https() -> Self {
        Self::by(|request| {
            let nobody = TrustedProxies::default();
            proxies(request, &nobody).is_https(&request.headers, &request.extensions)
        })
    }

    /// HTTPS only, as these proxies say: for routes without a `SessionLayer` around them.
    pub fn https_by(proxies: TrustedProxies) -> Self {
        Self::by(move |request| proxies.is_https(&request.headers, &request.extensions))
    }

    /// HTTPS, judged as by [`https`](ConnectionRule::https), or a visitor on this very machine, as
    /// in development: one who asked for `localhost`, `127.0.0.1` or `[::1]`, as browsers judge it
    /// too, and whose request no proxy says it passed on.
    ///
    /// Where the server knows the peer's address, that has to be a loopback address besides.
    pub fn https_or_localhost() -> Self {
        let https = Self::https();
        Self::by(move |request| https.allows(request) || is_local(request))
    }

    /// Any connection. Whoever listens to one of them has the secret.
    pub fn any() -> Self {
        Self::by(|_| true)
    }

    /// A rule of the application's own.
    pub fn by(rule: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(rule))
    }

    /// Whether a request's connection is good enough.
    pub fn allows(&self, request: &Parts) -> bool {
        (self.0)(request)
    }
}

impl Default for ConnectionRule {
    fn default() -> Self {
        Self::https()
    }
}

impl fmt::Debug for ConnectionRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionRule(..)")
    }
}

/// The answer to a password on any other connection.
pub(crate) fn insecure_password() -> Problem {
    tracing::warn!(
        "a password came over an insecure connection and was not looked at; behind a proxy that \
         ends TLS, say which addresses are its"
    );
    Problem::new(StatusCode::FORBIDDEN)
        .with_detail("Passwords may be sent over a secure connection (HTTPS) only.")
}

/// Whether a request has not left this machine, as far as it tells.
fn is_local(request: &Parts) -> bool {
    let passed_on = [
        &FORWARDED,
        &proxy::X_FORWARDED_FOR,
        &proxy::X_FORWARDED_PROTO,
    ];
    let passed_on = passed_on
        .iter()
        .any(|name| request.headers.contains_key(*name));
    let peer = proxy::peer(&request.extensions);
    let authority = match request.uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => {
            let host = request.headers.get(HOST);
            host.and_then(|host| host.as_bytes().try_into().ok())
        }
    };
    !passed_on
        && peer.is_none_or(|peer| peer.to_canonical().is_loopback())
        && authority.is_some_and(|authority: Authority| is_local_name(authority.host()))
}

fn is_local_name(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// The proxies that the layer around a route trusts.
pub(crate) fn proxies<'r>(request: &'r Parts, nobody: &'r TrustedProxies) -> &'r TrustedProxies {
    let context: Option<&SessionContext> = request.extensions.get();
    context.map_or(nobody, SessionContext::trusted_proxies)
}
