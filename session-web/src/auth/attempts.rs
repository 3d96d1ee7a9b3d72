//! Limiting how often somebody may try to sign in.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::Extensions;
use http::StatusCode;
use http::header::HeaderMap;
use session_core::{AuthUserSession, CacheClientExtended, Expiry, Result, TimeToLive, TypedCache};

use super::users::normalised;
use super::{AuthProvider, SignIn, hex_sha256};
use crate::context::SessionContext;
use crate::problem::Problem;
use crate::proxy::TrustedProxies;

/// Decides whether somebody may try to sign in, before any password is looked at.
///
/// Ready-made: [`AttemptLimit`].
#[async_trait]
pub trait SignInAttempts: Send + Sync + 'static {
    /// Somebody is about to try. Whoever counts does so here, so that attempts made side by side
    /// count too.
    ///
    /// # Errors
    ///
    /// The answer to an attempt that may not be made, such as 429 with `Retry-After`; the same
    /// whether there is such a user or not.
    async fn begin(&self, attempt: &Attempt<'_>) -> Result<(), Problem>;

    /// What became of an attempt that was let through.
    async fn end(&self, attempt: &Attempt<'_>, end: AttemptEnd);
}

/// Somebody's attempt to sign in.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// The name of the provider.
    pub provider: &'a str,
    /// The user name as it was sent.
    pub user_name: &'a str,
    /// Where the attempt comes from, seen through the proxies that the layer trusts; none if the
    /// server does not say.
    pub address: Option<IpAddr>,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptEnd {
    /// The proof was right.
    Succeeded,
    /// The proof was wrong, or there is no such user.
    Failed,
    /// It could not be told, since something else failed.
    Undecided,
}

impl fmt::Debug for Attempt<'_> {
    /// Leaves out who: a mistyped name may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

/// Counts failed attempts for each user name and each address in any store, and answers 429 with
/// `Retry-After` when there were too many.
///
/// By default 10 for a name and 100 for an address in 15 minutes from the first on. A name is
/// counted whether there is such a user or not, in any spelling that differs in case; the keys
/// hold hashes. Of IPv6 addresses the first 64 bits count. An attempt that is under way counts as
/// failed until it ends; a success forgets the failures of that name. If the store fails, nobody
/// signs in (503).
///
/// Whoever knows a name can so keep its user from signing in for the time; sessions that are there
/// go on. Where that is worse than guessing, raise the limit for names.
///
/// | entry | key |
/// | --- | --- |
/// | failures of a name | `auth:attempts:user:{SHA-256 of the name, hex}` |
/// | failures of an address | `auth:attempts:address:{SHA-256 of the address, hex}` |
///
/// ```
/// # use std::sync::Arc;
/// # use std::time::Duration;
/// # use session_core::{AuthUserSession, BoxError, CacheClientExtended};
/// # use session_web::{AttemptLimit, AuthRoutes, Credentials, UserStore};
/// # fn routes(cache: Arc<dyn CacheClientExtended>, users: impl UserStore)
/// # -> Result<AuthRoutes<AuthUserSession>, BoxError> {
/// let limit = AttemptLimit::new(cache).per_user(5, Duration::from_secs(600));
/// Ok(AuthRoutes::new().provider(Credentials::new(users)?).attempts(limit))
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AttemptLimit {
    cache: Arc<dyn CacheClientExtended>,
    per_user: Limit,
    per_address: Limit,
}

#[derive(Clone, Copy, Debug)]
struct Limit {
    attempts: u32,
    within: Duration,
}

impl AttemptLimit {
    /// Counts in this store.
    pub fn new(cache: Arc<dyn CacheClientExtended>) -> Self {
        let within = Duration::from_secs(15 * 60);
        let limit = |attempts| Limit { attempts, within };
        Self {
            cache,
            per_user: limit(10),
            per_address: limit(100),
        }
    }

    /// How many failures a user name may have in a time.
    #[must_use]
    pub fn per_user(mut self, attempts: u32, within: Duration) -> Self {
        self.per_user = Limit { attempts, within };
        self
    }

    /// How many failures an address may have in a time, whatever the names.
    #[must_use]
    pub fn per_address(mut self, attempts: u32, within: Duration) -> Self {
        self.per_address = Limit { attempts, within };
        self
    }

    fn counters(&self, attempt: &Attempt<'_>) -> impl Iterator<Item = (String, Limit)> {
        let name = hex_sha256(&normalised(attempt.user_name));
        let user = (format!("auth:attempts:user:{name}"), self.per_user);
        let address = attempt.address.map(network).map(|network| {
            let hash = hex_sha256(&network.to_string());
            (format!("auth:attempts:address:{hash}"), self.per_address)
        });
        [user].into_iter().chain(address)
    }

    /// How long to wait, if the counter is over its limit with this attempt.
    async fn count(&self, key: &str, limit: Limit) -> Result<Option<Duration>> {
        let within = Expiry::In(limit.within);
        let count = self.cache.increment(key, 1, within).await?;
        if count <= i64::from(limit.attempts) {
            return Ok(None);
        }
        Ok(Some(match self.cache.get_time_to_live(key).await? {
            Some(TimeToLive::Remaining(left)) => left,
            Some(TimeToLive::Never) | None => limit.within,
        }))
    }

    async fn settle(&self, attempt: &Attempt<'_>, end: AttemptEnd) -> Result<()> {
        let mut counters = self.counters(attempt);
        if end == AttemptEnd::Succeeded
            && let Some((user, _)) = counters.next()
        {
            self.cache.remove(&user).await?;
        }
        for (key, _) in counters {
            // Not an increment: once the time is over that would begin a new one, below zero.
            let one_less = |count: Option<i64>| Some(count? - 1).filter(|count| *count > 0);
            self.cache.update(&key, Expiry::Keep, one_less).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl SignInAttempts for AttemptLimit {
    async fn begin(&self, attempt: &Attempt<'_>) -> Result<(), Problem> {
        let mut wait = None;
        for (key, limit) in self.counters(attempt) {
            wait = wait.max(self.count(&key, limit).await?);
        }
        let Some(wait) = wait else {
            return Ok(());
        };
        tracing::warn!(provider = attempt.provider, "too many attempts to sign in");
        Err(Problem::new(StatusCode::TOO_MANY_REQUESTS)
            .with_detail("There were too many attempts to sign in; try again later.")
            .with_retry_after(wait))
    }

    async fn end(&self, attempt: &Attempt<'_>, end: AttemptEnd) {
        if end == AttemptEnd::Failed {
            return;
        }
        if let Err(error) = self.settle(attempt, end).await {
            tracing::warn!(%error, "an attempt to sign in stays counted as failed");
        }
    }
}

/// Asks a provider who this is, if the attempt may be made.
pub(crate) async fn authenticate(
    provider: &(impl AuthProvider + ?Sized),
    attempts: Option<&dyn SignInAttempts>,
    sent: &SignIn,
    address: Option<IpAddr>,
) -> Result<AuthUserSession, Problem> {
    let Some(attempts) = attempts else {
        return provider.authenticate(sent).await;
    };
    let attempt = Attempt {
        provider: provider.name(),
        user_name: &sent.user_name,
        address,
    };
    attempts.begin(&attempt).await?;
    let answer = provider.authenticate(sent).await;
    let end = match &answer {
        Ok(_) => AttemptEnd::Succeeded,
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => AttemptEnd::Failed,
        Err(_) => AttemptEnd::Undecided,
    };
    attempts.end(&attempt, end).await;
    answer
}

/// Where a request comes from, seen through the proxies that its layer trusts.
pub(crate) fn address_of(headers: &HeaderMap, extensions: &Extensions) -> Option<IpAddr> {
    let nobody = TrustedProxies::default();
    let context: Option<&SessionContext> = extensions.get();
    let proxies = context.map_or(&nobody, SessionContext::trusted_proxies);
    proxies.visitor(headers, extensions)
}

/// What of an address counts: who has one IPv6 address has 64 bits of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            Ipv6Addr::from_bits(network).into()
        }
    }
}
