//! Sessions as clients of the frameworks see them: through their own middleware, with a cookie jar.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod full;
mod gate;
mod stores;
mod visitor;

mod actix;
mod axum_login;
mod stored;
mod stored_actix;
mod tower;
