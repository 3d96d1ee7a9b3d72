#![doc = include_str!("../README.md")]

#[cfg(feature = "axum")]
mod auth;
mod context;
mod cookies;
#[cfg(feature = "axum")]
mod extract;
mod layer;
mod options;
mod origin;
mod problem;
mod proxy;
mod request_session;
#[cfg(feature = "axum")]
mod routes;
mod session;

pub use cookie::{Cookie, SameSite};

pub use context::{SessionContext, SessionIds};
pub use layer::{SessionFuture, SessionLayer, SessionService};
pub use options::{
    CookieNames, CookiePrefix, IssueIds, OptionsError, SecureCookies, WebOptions, WhenReadingFails,
};
pub use origin::CrossSite;
pub use problem::{Accepted, Problem};
pub use proxy::{PeerAddress, SecureConnection, TrustedProxies};
pub use request_session::RequestSession;
pub use session::Session;

#[cfg(feature = "axum")]
pub use auth::{
    ApiKey, ApiKeyAuth, ApiKeyProvider, ApiKeyRoutes, Attempt, AttemptEnd, AttemptLimit,
    AuthProvider, BasicAuth, CachePolicy, CacheUserStore, ConnectionRule, Credentials, KeyError,
    RequestAuthLayer, RequestAuthProvider, RequestAuthService, SignIn, SignInAttempts, StoredUser,
    UserStore, UsersById, hash_password, refused,
};
#[cfg(feature = "jwt")]
pub use auth::{JwtAuth, JwtClaims, JwtHooks, JwtKey, JwtKeys, JwtRefusal};
#[cfg(feature = "axum")]
pub use extract::SessionBag;
#[cfg(feature = "axum")]
pub use routes::AuthRoutes;
