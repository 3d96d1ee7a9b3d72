//! The operations that no single command can do atomically.
//!
//! A script runs as a whole and sees one instant. Every value goes in and out as text, because
//! numbers in Redis' scripts are doubles and lose the last digits of a 64-bit integer.

use std::sync::LazyLock;

/// A script and the hash by which a server that has seen it is asked to run it.
pub(crate) struct Script {
    pub(crate) source: &'static str,
    hash: LazyLock<String>,
}

impl Script {
    const fn new(source: &'static str, hash: fn() -> String) -> Self {
        Self {
            source,
            hash: LazyLock::new(hash),
        }
    }

    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }
}

macro_rules! script {
    ($source:literal) => {
        Script::new($source, || {
            redis::Script::new($source).get_hash().to_owned()
        })
    };
}

/// ARGV: the value that must be there, the new one, then a lifetime as
/// [`Life::words`](crate::command::Life::words) gives it. Gives 1 if it was there.
pub(crate) static WRITE_IF_EQUAL: Script = script!(
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == 'PAST' then redis.call('UNLINK', KEYS[1])
elseif ARGV[3] == 'NEVER' then redis.call('SET', KEYS[1], ARGV[2])
elseif ARGV[3] == 'KEEPTTL' then redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
else redis.call('SET', KEYS[1], ARGV[2], ARGV[3], ARGV[4]) end
return 1"
);

/// ARGV: what to add, then the lifetime of a new counter. Gives the result as text, or
/// [`NOT_A_NUMBER`] or [`OVERFLOW`] as a number.
///
/// Redis takes some texts for numbers that are not canonical, so the text is judged here first;
/// what is left for `INCRBY` to refuse is an overflow.
pub(crate) static INCREMENT: Script = script!(
    "local value = redis.call('GET', KEYS[1])
if not value then
  if ARGV[2] == 'PAST' then return ARGV[1]
  elseif ARGV[2] == 'PX' or ARGV[2] == 'PXAT' then
    redis.call('SET', KEYS[1], ARGV[1], ARGV[2], ARGV[3])
  else redis.call('SET', KEYS[1], ARGV[1]) end
  return ARGV[1]
end
if value ~= '0' then
  local sign, digits = string.match(value, '^(%-?)([1-9]%d*)$')
  local most = sign == '-' and '9223372036854775808' or '9223372036854775807'
  if not digits or #digits > 19 or (#digits == 19 and digits > most) then return 1 end
end
local result = redis.pcall('INCRBY', KEYS[1], ARGV[1])
if type(result) == 'table' and result.err then
  if string.find(result.err, 'overflow', 1, true) then return 2 end
  return result
end
return redis.call('GET', KEYS[1])"
);

pub(crate) const NOT_A_NUMBER: i64 = 1;
pub(crate) const OVERFLOW: i64 = 2;

/// Takes the deadline away; gives 1 if the entry is live, with or without one before.
pub(crate) static PERSIST: Script = script!(
    "if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('PERSIST', KEYS[1])
return 1"
);

/// The value and the milliseconds left, as `PTTL` tells them, of one instant; on a cluster, where
/// one server runs a transaction of two commands instead. A key of another type is no entry.
pub(crate) static READ_WITH_TIME_TO_LIVE: Script = script!(
    "local value = redis.pcall('GET', KEYS[1])
if type(value) == 'table' then
  if string.find(value.err, 'WRONGTYPE', 1, true) then return false end
  return value
end
if not value then return false end
return {value, redis.call('PTTL', KEYS[1])}"
);
