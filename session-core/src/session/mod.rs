//! Sessions without HTTP, on any store of the cache contract.
//!
//! Start with [`Sessions`](crate::Sessions), which makes everything else and tells what each call
//! costs; then `store.rs`, through which every change of a session's entry goes.
//!
//! The decision that explains the rest: **a session is one entry, and nobody writes it without
//! saying what it must be now**. It is made with `Absent` under an id that nobody has, changed with
//! `Equals` on the bytes that were read, and removed the same way. So no update is lost, a session
//! that was removed stays removed, and an id that a client invented is never stored under. The
//! entry names the keys of its bag, so that whatever ends or moves a session knows all that
//! belongs to it without listing the store.
//!
//! Three things lie beside the entry of a session, each with the reason for its order of writes in
//! its file: the index of its user (`index.rs`, read by `users.rs`), its bag (`bag.rs`), and what
//! is left for a while where it got a new id (`sign_in.rs`).
//!
//! What one request knows of its session is shared by all its parts in a
//! [`CurrentSession`](crate::CurrentSession). Neither backends nor cookies are known here.

mod bag;
mod current;
mod data;
mod end;
mod error;
mod events;
mod hooks;
mod id;
mod index;
mod keys;
mod listing;
mod look_up;
mod options;
mod record;
#[allow(clippy::module_inception)]
mod session;
mod sessions;
mod sign_in;
mod sorted;
mod stateless;
mod store;
mod times;
mod users;
mod write;

pub(crate) use id::StoredId;
pub(crate) use index::UserKey;

pub use bag::SessionBag;
pub use current::{CurrentSession, SessionChange};
pub use data::{AuthUserSession, SessionData};
pub use error::{Rejection, SessionError, SessionResult};
pub use events::{EventContext, Saving, SessionEvents};
pub use id::{SessionHandle, SessionId};
pub use keys::{IdKey, IdSigner};
pub use listing::ListedSession;
pub use options::{Lifetime, SessionOptions, Sliding, Undecodable};
pub use session::Session;
pub use sessions::Sessions;
