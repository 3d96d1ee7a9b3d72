//! Changing a value of the bag without losing what others change at the same time.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::SessionBag;
use crate::codec::Codec;
use crate::entry::{Condition, Deadline};
use crate::session::error::{SessionError, SessionResult};
use crate::session::look_up::TRIES;

impl SessionBag {
    /// Reads, changes and writes a value, again on conflict: no update is lost. Gives what the
    /// closure gave the last time.
    ///
    /// Begins with the default if there is none. A value that the closure leaves as it was is not
    /// written, so one that refuses makes no session either. A value keeps the expiry that it has;
    /// a new one lives as long as the session.
    ///
    /// Costs three calls to the store, a new key one more, a value left as it was one only.
    ///
    /// # Errors
    ///
    /// As [`set`](SessionBag::set); `Store` of kind `Codec` if the value is of another type, which
    /// then stays.
    ///
    /// ```no_run
    /// # use session_core::{SessionBag, SessionError};
    /// # async fn example(bag: SessionBag) -> Result<(), SessionError> {
    /// let count = bag.update("cart", |cart: &mut Vec<String>| {
    ///     cart.push("book".to_owned());
    ///     cart.len()
    /// });
    /// assert_eq!(count.await?, 1);
    /// # Ok(()) }
    /// ```
    pub async fn update<V, R>(
        &self,
        key: &str,
        mut change: impl FnMut(&mut V) -> R + Send,
    ) -> SessionResult<R>
    where
        V: Default + Serialize + DeserializeOwned + Send + Sync,
        R: Send,
    {
        self.check(key)?;
        for tried in 0..TRIES {
            let (stored, is_named) = self.look(key).await?;
            let mut value = match &stored {
                Some(stored) if is_named => Codec::decode(stored)?,
                _ => V::default(),
            };
            let codec = self.store().options.codec;
            let before = codec.encode(&value)?;
            let answer = change(&mut value);
            let after = codec.encode(&value)?;
            if after == before {
                return Ok(answer);
            }
            let Some((id, known, own)) = self.name(tried, key, Deadline::Keep).await? else {
                continue;
            };
            let unchanged = stored.map_or(Condition::Absent, Condition::Equals);
            if self.write(&id, &known, key, after, own, unchanged).await? {
                return Ok(answer);
            }
        }
        Err(SessionError::Conflict)
    }
}
