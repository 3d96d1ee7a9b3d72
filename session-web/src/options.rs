//! How sessions appear over HTTP: every property with its default in one block.

use std::fmt;
use std::sync::Arc;

use cookie::{Cookie, SameSite};
use session_core::{IdSigner, SessionId};

use crate::origin::CrossSite;
use crate::proxy::TrustedProxies;

/// The properties of a [`SessionLayer`](crate::SessionLayer).
///
/// Setters chain; what does not fit together is refused when the layer is made.
///
/// ```
/// # fn main() -> Result<(), session_web::OptionsError> {
/// use session_web::{CookiePrefix, TrustedProxies, WebOptions};
///
/// let options = WebOptions::new()
///     .prefix(CookiePrefix::Host)
///     .trusted_proxies(TrustedProxies::new(["10.0.0.0/8"])?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct WebOptions {
    pub(crate) issue_ids: IssueIds,
    pub(crate) header_ids: bool,
    pub(crate) names: CookieNames,
    pub(crate) prefix: CookiePrefix,
    pub(crate) domain: Option<String>,
    pub(crate) same_site: SameSite,
    pub(crate) secure: SecureCookies,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) cross_site: CrossSite,
    pub(crate) when_reading_fails: WhenReadingFails,
    id_signer: Option<IdSigner>,
    pub(crate) edit_cookie: Option<EditCookie>,
}

type EditCookie = Arc<dyn Fn(Cookie<'static>) -> Option<Cookie<'static>> + Send + Sync>;

impl Default for WebOptions {
    fn default() -> Self {
        Self {
            issue_ids: IssueIds::Always,
            header_ids: true,
            names: CookieNames::default(),
            prefix: CookiePrefix::None,
            domain: None,
            same_site: SameSite::Lax,
            secure: SecureCookies::WhenHttps,
            trusted_proxies: TrustedProxies::default(),
            cross_site: CrossSite::refuse(),
            when_reading_fails: WhenReadingFails::Refuse,
            id_signer: None,
            edit_cookie: None,
        }
    }
}

/// When a visitor without ids gets some. Neither stores anything for who stores nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IssueIds {
    /// With the first response, so that a visitor's requests can be linked. The default.
    #[default]
    Always,
    /// When a session or a bag is written for the first time.
    WhenUsed,
}

/// What an extractor does when the store cannot be read.
///
/// The layer's choice holds for all routes; an axum `Extension` of this type on a route decides
/// for that route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenReadingFails {
    /// Answers 503, so that nobody works on an empty session that stands for a stored one.
    #[default]
    Refuse,
    /// Goes on with an anonymous session that lives in the request only: writing to it fails.
    Anonymous,
}

/// When cookies carry `Secure`, so that browsers send them over HTTPS only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecureCookies {
    /// When the request came by HTTPS: as a trusted proxy says, or as
    /// [`SecureConnection`](crate::SecureConnection) among the extensions says.
    #[default]
    WhenHttps,
    /// Always. Right for every site that has no plain HTTP; `SameSite=None` and the prefixes
    /// imply it.
    Always,
    /// Never.
    Never,
}

/// A beginning of the cookies' names that makes browsers check where a cookie came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CookiePrefix {
    /// Names as they are.
    #[default]
    None,
    /// `__Secure-`: browsers take the cookie over HTTPS only.
    Secure,
    /// `__Host-`: and only from this very host, so that no neighbour under the same domain can
    /// plant one.
    Host,
}

/// The names of the three cookies, before the prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieNames {
    /// The temporary id; `ss-id`.
    pub temporary: String,
    /// The permanent id; `ss-pid`.
    pub permanent: String,
    /// Which of the two carries the session, `temp` or `perm`; `ss-opt`.
    pub preference: String,
}

impl Default for CookieNames {
    fn default() -> Self {
        Self {
            temporary: "ss-id".to_owned(),
            permanent: "ss-pid".to_owned(),
            preference: "ss-opt".to_owned(),
        }
    }
}

impl WebOptions {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// When a visitor without ids gets some; by default with the first response.
    #[must_use]
    pub fn issue_ids(mut self, issue_ids: IssueIds) -> Self {
        self.issue_ids = issue_ids;
        self
    }

    /// Whether ids are taken from `X-ss-id`, `X-ss-pid` and `X-ss-opt`; by default they are.
    #[must_use]
    pub fn header_ids(mut self, header_ids: bool) -> Self {
        self.header_ids = header_ids;
        self
    }

    /// The names of the cookies; by default `ss-id`, `ss-pid` and `ss-opt`.
    #[must_use]
    pub fn names(mut self, names: CookieNames) -> Self {
        self.names = names;
        self
    }

    /// What the names begin with; by default nothing. A prefix implies `Secure`, and
    /// [`CookiePrefix::Host`] goes with no domain.
    #[must_use]
    pub fn prefix(mut self, prefix: CookiePrefix) -> Self {
        self.prefix = prefix;
        self
    }

    /// The domain whose hosts all get the cookies; by default only the host that set them.
    ///
    /// Browsers keep the cookies of host and domain apart and send both, and two different ids
    /// are none: choose other names when you change this on a running site.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// Whether pages of other sites make browsers send the cookies; by default `Lax`: only when
    /// the visitor follows a link. `None` implies `Secure`.
    #[must_use]
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// When cookies carry `Secure`; by default when the request came by HTTPS.
    #[must_use]
    pub fn secure(mut self, secure: SecureCookies) -> Self {
        self.secure = secure;
        self
    }

    /// Whose word counts for HTTPS; by default nobody's.
    #[must_use]
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.trusted_proxies = proxies;
        self
    }

    /// Which sites may change something; by default only the application's own pages.
    #[must_use]
    pub fn cross_site(mut self, cross_site: CrossSite) -> Self {
        self.cross_site = cross_site;
        self
    }

    /// What happens when the store cannot be read; by default 503.
    #[must_use]
    pub fn when_reading_fails(mut self, choice: WhenReadingFails) -> Self {
        self.when_reading_fails = choice;
        self
    }

    /// Signs the ids in cookies and headers, so that one that this application did not give never
    /// reaches the store; by default they are not signed.
    ///
    /// Handlers see ids without their signatures. What is not signed, or with another key, is
    /// malformed and replaced at once: who switches signatures on signs everybody out. To change the
    /// key, put the new one in front and keep the old one as a
    /// [fallback](IdSigner::with_fallback) for as long as sessions can live
    /// ([`absolute_limit`](session_core::SessionOptions::absolute_limit)). An id that a fallback
    /// signed is not signed anew before it changes, since an answer that sets it again could undo
    /// the sign-in of another tab.
    #[must_use]
    pub fn sign_ids(mut self, signer: IdSigner) -> Self {
        self.id_signer = Some(signer);
        self
    }

    /// Looks at each cookie before it is set or removed: gives it back, edited or not, or `None`
    /// to leave it out. A removal must name the same domain and path as the setting did.
    #[must_use]
    pub fn edit_cookie(
        mut self,
        edit: impl Fn(Cookie<'static>) -> Option<Cookie<'static>> + Send + Sync + 'static,
    ) -> Self {
        self.edit_cookie = Some(Arc::new(edit));
        self
    }

    /// The id that a client sent; none if it is malformed, or not signed where that is asked.
    pub(crate) fn read_id(&self, sent: &[u8]) -> Option<SessionId> {
        let sent = std::str::from_utf8(sent).ok()?;
        match &self.id_signer {
            Some(signer) => signer.verify(sent),
            None => sent.parse().ok(),
        }
    }

    /// The id as a client gets it.
    pub(crate) fn write_id(&self, id: &SessionId) -> Box<str> {
        match &self.id_signer {
            Some(signer) => signer.sign(id).into(),
            None => id.as_str().into(),
        }
    }

    /// The name of the cookie that holds a token.
    #[cfg(feature = "jwt")]
    pub(crate) fn token_name(&self) -> String {
        [self.prefix.text(), "ss-tok"].concat()
    }

    /// Checks what must fit together and writes out what one property implies for another.
    pub(crate) fn resolve(mut self) -> Result<Self, OptionsError> {
        let names = [
            &mut self.names.temporary,
            &mut self.names.permanent,
            &mut self.names.preference,
        ];
        for name in names {
            if name.is_empty() || !name.bytes().all(is_token) {
                return Err(OptionsError::new(format!(
                    "'{name}' is no name for a cookie"
                )));
            }
            name.insert_str(0, self.prefix.text());
        }
        let names = &self.names;
        if names.temporary == names.permanent
            || names.temporary == names.preference
            || names.permanent == names.preference
        {
            return Err(OptionsError::new("two cookies have the same name"));
        }
        if let Some(domain) = &self.domain {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
            if domain.is_empty() || !domain.bytes().all(fits) {
                return Err(OptionsError::new(format!("'{domain}' is no domain")));
            }
            if self.prefix == CookiePrefix::Host {
                return Err(OptionsError::new(
                    "the prefix __Host- goes with no domain: such a cookie is for one host",
                ));
            }
        }
        if self.prefix != CookiePrefix::None || self.same_site == SameSite::None {
            if self.secure == SecureCookies::Never {
                return Err(OptionsError::new(
                    "browsers take SameSite=None and the prefixes with Secure only",
                ));
            }
            self.secure = SecureCookies::Always;
        }
        Ok(self)
    }
}

impl CookiePrefix {
    fn text(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Secure => "__Secure-",
            Self::Host => "__Host-",
        }
    }
}

impl fmt::Debug for WebOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebOptions")
            .field("issue_ids", &self.issue_ids)
            .field("header_ids", &self.header_ids)
            .field("names", &self.names)
            .field("prefix", &self.prefix)
            .field("domain", &self.domain)
            .field("same_site", &self.same_site)
            .field("secure", &self.secure)
            .field("trusted_proxies", &self.trusted_proxies)
            .field("cross_site", &self.cross_site)
            .field("when_reading_fails", &self.when_reading_fails)
            .field("id_signer", &self.id_signer)
            .field("edit_cookie", &self.edit_cookie.is_some())
            .finish()
    }
}

/// Says which option does not fit, in a sentence. Options fail when the layer is made, not later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionsError {
    message: String,
}

impl OptionsError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for OptionsError {}

/// The characters of a cookie's name (RFC 9110, token).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(options: WebOptions) -> bool {
        options.resolve().is_err()
    }

    #[test]
    fn what_does_not_fit_together_fails_at_start() {
        let new = WebOptions::new;
        assert!(refused(
            new().prefix(CookiePrefix::Host).domain("shop.test")
        ));
        assert!(refused(
            new()
                .prefix(CookiePrefix::Host)
                .secure(SecureCookies::Never)
        ));
        assert!(refused(
            new().same_site(SameSite::None).secure(SecureCookies::Never)
        ));
        assert!(refused(new().domain("shop.test; Path=/x")));
        let names = CookieNames {
            temporary: "a b".to_owned(),
            ..CookieNames::default()
        };
        assert!(refused(new().names(names)));
        let names = CookieNames {
            temporary: "ss-pid".to_owned(),
            ..CookieNames::default()
        };
        assert!(refused(new().names(names)));
    }

    #[test]
    fn what_a_property_needs_is_implied() {
        let host = WebOptions::new()
            .prefix(CookiePrefix::Host)
            .resolve()
            .unwrap();
        assert_eq!(host.secure, SecureCookies::Always);
        assert_eq!(host.names.temporary, "__Host-ss-id");
        let none = WebOptions::new()
            .same_site(SameSite::None)
            .resolve()
            .unwrap();
        assert_eq!(none.secure, SecureCookies::Always);
        let plain = WebOptions::new().resolve().unwrap();
        assert_eq!(plain.secure, SecureCookies::WhenHttps);
    }
}
