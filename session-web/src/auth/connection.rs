//! On which connections a request may carry a secret in the open.

use std::fmt;
use std::sync::Arc;

use http::request::Parts;

use crate::context::SessionContext;
use crate::proxy::TrustedProxies;

/// Whether a connection is good enough for keys, passwords and tokens in headers; by default only
/// HTTPS is.
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

/// The proxies that the layer around a route trusts.
pub(crate) fn proxies<'r>(request: &'r Parts, nobody: &'r TrustedProxies) -> &'r TrustedProxies {
    let context: Option<&SessionContext> = request.extensions.get();
    context.map_or(nobody, SessionContext::trusted_proxies)
}
