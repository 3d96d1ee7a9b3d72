//! Sessions without HTTP, on any store of the cache contract.
//!
//! Start with [`Sessions`](crate::Sessions), which makes everything else.

mod bag;
mod current;
mod data;
mod end;
mod error;
mod events;
mod hooks;
mod id;
mod listing;
mod look_up;
mod options;
mod record;
#[allow(clippy::module_inception)]
mod session;
mod sessions;
mod sign_in;
mod store;
mod write;

pub(crate) use id::StoredId;

pub use bag::SessionBag;
pub use current::{CurrentSession, SessionChange};
pub use data::{AuthUserSession, SessionData};
pub use error::{Rejection, SessionError, SessionResult};
pub use events::{EventContext, Saving, SessionEvents};
pub use id::{SessionHandle, SessionId};
pub use listing::ListedSession;
pub use options::{Lifetime, SessionOptions, Sliding, Undecodable};
pub use session::Session;
pub use sessions::Sessions;
