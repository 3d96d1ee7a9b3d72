//! The check of a request, through the trait alone.

use std::sync::Arc;

use async_trait::async_trait;
use http::request::Parts;
use session_core::{CachedKeySession, KeyRefusal, SessionData, Sessions};

use super::{ApiKey, ApiKeyAuth, KeyError, insecure};
use crate::auth::request::RequestAuthProvider;
use crate::problem::Problem;

/// What sessions made from a key carry as their provider.
pub(super) const NAME: &str = "apikey";

#[async_trait]
impl<T: SessionData> RequestAuthProvider<T> for Arc<dyn ApiKeyAuth<T>> {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn authenticate(
        &self,
        request: &mut Parts,
        sessions: &Sessions<T>,
    ) -> Result<Option<T>, Problem> {
        match check(&**self, request, sessions).await? {
            Some((key, session)) => {
                request.extensions.insert(key);
                Ok(Some(session))
            }
            None => Ok(None),
        }
    }
}

async fn check<T: SessionData>(
    auth: &dyn ApiKeyAuth<T>,
    request: &Parts,
    sessions: &Sessions<T>,
) -> Result<Option<(ApiKey, T)>, KeyError> {
    let sent = match auth.key_of(request) {
        Ok(None) => return Ok(None),
        sent => sent,
    };
    // Before anything is looked at, so that the answer tells nothing about the key.
    if !auth.allows_connection(request) {
        return Err(insecure().into());
    }
    let hash = match sent? {
        Some(secret) => secret.hash(),
        None => return Ok(None),
    };
    let lives = auth.caches_for(request);
    let cached = auth.has_cached_session(request, &hash, lives);
    let (key, session) = match cached.await? {
        CachedKeySession::Found(found) => {
            auth.validate(request, &found.0).await?;
            *found
        }
        CachedKeySession::Missing(ticket) => {
            let found = auth.find(request, &hash).await?;
            let key = found.ok_or(KeyRefusal::Unknown)?;
            auth.validate(request, &key).await?;
            let session = auth.session_of(request, sessions, &key).await?;
            if let Some(ticket) = ticket {
                auth.cache_session(request, ticket, &key, &session).await;
            }
            (key, session)
        }
    };
    auth.on_api_key_used(request, &key).await;
    Ok(Some((ApiKey::new(key), session)))
}
