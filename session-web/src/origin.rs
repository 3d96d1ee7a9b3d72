//! Refusing what another site makes a visitor's browser do (cross-site request forgery).
//!
//! Browsers say where a request comes from: `Sec-Fetch-Site`, and the older ones `Origin`. Neither
//! can be set by a page. A request without both comes from no browser that runs pages of others (a
//! program, a script, a very old browser, for which `SameSite` has to do), and passes.

use cookie::SameSite;
use http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, ORIGIN, UPGRADE};
use http::{Method, Request, StatusCode};

use crate::options::OptionsError;
use crate::problem::Problem;

/// Which sites may change something with a visitor's session; by default the application's own.
///
/// Looked at for every method but `GET`, `HEAD`, `OPTIONS` and `TRACE`, and for upgrades
/// (WebSocket), unless the ids came by header, or a key or token did, which no page of another site
/// can send unasked.
/// What does not pass is answered with 403 before the application sees it.
///
/// ```
/// # fn main() -> Result<(), session_web::OptionsError> {
/// use session_web::CrossSite;
///
/// // The sign-in pages of a partner post to us.
/// let cross_site = CrossSite::refuse().except("https://login.example.com")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct CrossSite {
    refuse: bool,
    allowed: Vec<String>,
}

impl CrossSite {
    /// Only the application's own pages; the default. Another host of the same site is another.
    pub fn refuse() -> Self {
        Self {
            refuse: true,
            allowed: Vec::new(),
        }
    }

    /// No check. `SameSite` of the cookies is all the protection that is left.
    pub fn allow() -> Self {
        Self {
            refuse: false,
            allowed: Vec::new(),
        }
    }

    /// Lets the pages of one more origin through, such as `https://login.example.com`.
    ///
    /// # Errors
    ///
    /// What is not scheme and host, perhaps with a port.
    pub fn except(mut self, origin: &str) -> Result<Self, OptionsError> {
        let host = origin.split_once("://").map(|(_, host)| host);
        if host.is_none_or(|host| host.is_empty() || host.contains(['/', '?', '#', '@', ' '])) {
            return Err(OptionsError::new(format!(
                "'{origin}' is no origin; write scheme and host, as in https://example.com"
            )));
        }
        self.allowed.push(origin.to_ascii_lowercase());
        Ok(self)
    }

    /// Whether a request may go on.
    pub(crate) fn allows<B>(&self, request: &Request<B>) -> bool {
        let headers = request.headers();
        if !self.refuse || !changes_something(request.method(), headers) {
            return true;
        }
        let origin = headers.get(ORIGIN).map(|value| value.as_bytes());
        let same = match (headers.get(&SEC_FETCH_SITE), origin) {
            (Some(site), _) => matches!(site.as_bytes(), b"same-origin" | b"none"),
            (None, Some(origin)) => is_host_of(request, origin),
            (None, None) => true,
        };
        same || origin.is_some_and(|origin| self.is_allowed(origin))
    }

    fn is_allowed(&self, origin: &[u8]) -> bool {
        let mut allowed = self.allowed.iter();
        allowed.any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(origin))
    }
}

impl Default for CrossSite {
    fn default() -> Self {
        Self::refuse()
    }
}

/// The answer to a request of another site.
pub(crate) fn refused() -> Problem {
    Problem::new(StatusCode::FORBIDDEN)
        .with_detail("This request comes from another site and is not allowed to change anything.")
}

/// Whether a request carries a key or a token in a header that browsers never add by themselves,
/// as they do cookies and Basic.
pub(crate) fn has_own_proof(headers: &HeaderMap) -> bool {
    let bearer = |value: &http::HeaderValue| {
        let scheme = value.as_bytes().split(|byte| *byte == b' ').next();
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
    };
    let authorization = headers.get(AUTHORIZATION);
    headers.contains_key(X_API_KEY) || authorization.is_some_and(bearer)
}

/// Whether a browser may have kept the cookies back because another site made the request.
///
/// Then a missing id does not mean a new visitor, and new ids would overwrite those in the
/// browser: a payment page that posts back would sign its visitor out.
pub(crate) fn cookies_may_be_withheld<B>(request: &Request<B>, same_site: SameSite) -> bool {
    let headers = request.headers();
    let cross_site = |site: &http::HeaderValue| site.as_bytes() == b"cross-site";
    headers.get(&SEC_FETCH_SITE).is_some_and(cross_site)
        && match same_site {
            SameSite::None => false,
            SameSite::Lax => !request.method().is_safe() || !is_navigation(headers),
            SameSite::Strict => true,
        }
}

pub(crate) const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

fn changes_something(method: &Method, headers: &HeaderMap) -> bool {
    !method.is_safe() || headers.contains_key(UPGRADE)
}

fn is_navigation(headers: &HeaderMap) -> bool {
    let mode = headers.get(&SEC_FETCH_MODE);
    mode.is_some_and(|mode| mode.as_bytes() == b"navigate")
}

/// Whether an origin names the host that the request was sent to. `null` names none.
fn is_host_of<B>(request: &Request<B>, origin: &[u8]) -> bool {
    let host = match request.uri().authority() {
        Some(authority) => authority.as_str().as_bytes(),
        None => match request.headers().get(HOST) {
            Some(host) => host.as_bytes(),
            None => return false,
        },
    };
    [&b"https://"[..], b"http://"].iter().any(|scheme| {
        let of_scheme = origin.strip_prefix(*scheme);
        of_scheme.is_some_and(|named| named.eq_ignore_ascii_case(host))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().method(method).header(HOST, "shop.test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    fn allows(method: &str, headers: &[(&str, &str)]) -> bool {
        CrossSite::refuse().allows(&request(method, headers))
    }

    #[test]
    fn another_site_changes_nothing() {
        for site in ["cross-site", "same-site", "nonsense"] {
            assert!(!allows("POST", &[("sec-fetch-site", site)]));
            assert!(!allows("DELETE", &[("sec-fetch-site", site)]));
            assert!(allows("GET", &[("sec-fetch-site", site)]));
        }
        for origin in [
            "https://evil.test",
            "null",
            "shop.test",
            "https://shop.test.evil.test",
        ] {
            assert!(!allows("POST", &[("origin", origin)]));
        }
        let upgrade = [("upgrade", "websocket"), ("origin", "https://evil.test")];
        assert!(!allows("GET", &upgrade));
    }

    #[test]
    fn the_own_pages_and_programs_pass() {
        assert!(allows("POST", &[]));
        assert!(allows("POST", &[("sec-fetch-site", "same-origin")]));
        assert!(allows("POST", &[("sec-fetch-site", "none")]));
        assert!(allows("POST", &[("origin", "https://shop.test")]));
        assert!(allows("POST", &[("origin", "http://SHOP.test")]));
    }

    #[test]
    fn an_origin_can_be_let_through() {
        let policy = CrossSite::refuse().except("https://Login.test").unwrap();
        let posted = |origin| {
            request(
                "POST",
                &[("sec-fetch-site", "cross-site"), ("origin", origin)],
            )
        };
        assert!(policy.allows(&posted("https://login.test")));
        assert!(!policy.allows(&posted("http://login.test")));
        for origin in [
            "login.test",
            "https://",
            "https://login.test/",
            "https://a@b",
        ] {
            assert!(CrossSite::refuse().except(origin).is_err(), "{origin}");
        }
    }

    #[test]
    fn cookies_are_withheld_from_posts_of_other_sites() {
        let site = ("sec-fetch-site", "cross-site");
        let navigation = ("sec-fetch-mode", "navigate");
        let withheld = |method, headers: &[_], same_site| {
            cookies_may_be_withheld(&request(method, headers), same_site)
        };
        assert!(withheld("POST", &[site, navigation], SameSite::Lax));
        assert!(withheld("GET", &[site], SameSite::Lax));
        assert!(!withheld("GET", &[site, navigation], SameSite::Lax));
        assert!(withheld("GET", &[site, navigation], SameSite::Strict));
        assert!(!withheld("POST", &[site, navigation], SameSite::None));
        assert!(!withheld("POST", &[], SameSite::Strict));
    }
}
