//! Every sentence of the docs of `CacheClient` and `CacheClientExtended`, each under a stable id.
//!
//! A test keeps this table and the docs the same, sentence by sentence, and sees to it that every
//! promise has a case, or a reason why none can show it. An id is never given twice: that of a
//! sentence that is gone goes to [`RETIRED`].

/// A sentence of the docs of the traits.
#[derive(Debug)]
pub struct Promise {
    /// The id, such as `EX-01`, which never means another sentence.
    pub id: &'static str,
    /// The trait or the method whose docs say it.
    pub of: &'static str,
    /// What it says, in Markdown, with single blanks.
    pub says: &'static str,
    /// Why no case shows it; `None` if at least one does.
    pub no_case: Option<&'static str>,
}

impl Promise {
    /// The promise of this id.
    pub fn of_id(id: &str) -> Option<&'static Self> {
        PROMISES.iter().find(|promise| promise.id == id)
    }
}

/// Ids of sentences that no longer stand in the docs.
pub static RETIRED: &[&str] = &[];

macro_rules! promises {
    ($($of:literal { $($id:literal $says:literal $(no case: $why:literal)?;)* })*) => {
        /// Every sentence, in the order of the docs.
        ///
        $($(#[doc = concat!("- `", $id, "`, ", $of, ": ", $says)])*)*
        // The links are those of the docs of the traits.
        #[allow(rustdoc::broken_intra_doc_links)]
        pub static PROMISES: &[Promise] = &[$($(Promise {
            id: $id,
            of: $of,
            says: $says,
            no_case: promises!(optional $($why)?),
        },)*)*];
    };
    (optional) => { None };
    (optional $why:literal) => { Some($why) };
}

promises! {
    "CacheClient" {
        "CC-01" "A cache in bytes: what every backend does and every wrapper forwards.";
        "CC-02" "Callers will prefer [`TypedCache`](crate::TypedCache)."
            no case: "advice to callers";
        "CC-03" "`Debug` shows no key and no value.";
        "CC-04" "These hold for every operation of every backend; the methods say what is particular \
            to them."
            no case: "introduces the rules";
        "CC-05" "The crate `conformance-tests` holds a case for each promise."
            no case: "shown by the test of this table";
        "EX-01" "**Expired is absent**, for every operation, from the millisecond of the deadline on, \
            whether or not the entry still takes room.";
        "DL-01" "**Deadlines** count in whole milliseconds on the store's clock, which an operation \
            reads once; durations are rounded up, so no entry ends early.";
        "DL-02" "A zero duration or an instant already past leaves nothing behind.";
        "DL-03" "A deadline after the year 9999 is none (see [`Expiry`]).";
        "CK-01" "**Whose clock** counts is the store's: the server's on Redis and PostgreSQL, the \
            host's wall clock on SQLite, a monotonic one in memory.";
        "KY-01" "**Keys** are 1 to 1,024 bytes of UTF-8 without NUL, the namespace included, compared \
            byte by byte.";
        "KY-02" "No character of a key or a prefix has a meaning: `%`, `_`, `*`, `?`, `[`, `\\`, \
            `{}`, blanks and line breaks are themselves.";
        "VA-01" "**Values** are any bytes, from none up to 16 MiB unless the client's options say \
            otherwise.";
        "VA-02" "Anything else is [`ErrorKind::InvalidInput`] before any I/O.";
        "NS-01" "**A namespace** is a part of a store that looks like a store of its own (see \
            [`Prefixed`](crate::Prefixed)): keys come back without it, what its client flushes, \
            lists, counts and removes lies inside, and no key or prefix reaches outside.";
        "NS-02" "A key is stored below the path of its namespace and a `:`, so `a:b` lies inside `a`, \
            and namespaces beside each other share no key.";
        "CA-01" "**Cancellation:** dropping a future leaves the entry as it was or as it was to \
            become, and the client fully usable.";
        "CA-02" "A write whose future was dropped may still land, even after a later one."
            no case: "a permission: nothing follows from it for a caller who waits";
        "CA-03" "A client belongs to the runtime that made it."
            no case: "a limit: what a client does on another runtime is left open";
        "FA-01" "**Failure:** every call ends within the client's time-out (default 1 s, and 100 ms \
            more for each MiB of value; batches and listings: for each chunk or page), with an \
            [`Error`] when the store is down, slow or cut off.";
        "FA-02" "An outage is never a miss, and never `false`.";
        "FA-03" "Nothing that could have been applied is sent again unless repeating is harmless.";
        "ER-01" "**Errors** name backend and operation, and say whether the store may have changed \
            and whether trying again can help.";
        "ER-02" "None shows a key or a value, nor does any of its causes.";
    }
    "CacheClient::read" {
        "RD-01" "Reads the value of a key.";
        "RD-02" "`None` if there is no live entry.";
        "RD-03" "An empty value is a value.";
        "RD-04" "Reading never moves a deadline.";
        "RD-05" "`InvalidInput` for a key outside the rules, and what the store's failures give.";
        "RD-06" "A missing key is no error.";
    }
    "CacheClient::read_all" {
        "RA-01" "Reads the values of many keys, in the order of `keys`.";
        "RA-02" "A key given twice is answered twice.";
        "RA-03" "An empty list gives an empty list without asking the store.";
        "RA-04" "All keys are checked before the first is read.";
        "RA-05" "Each entry is read whole; the batch is not one instant.";
        "RA-06" "Provided as one [`read`](CacheClient::read) after the other; a backend that can ask \
            for many at once does better."
            no case: "how the provided method works; a client that has no other passes the cases of batches";
        "RA-07" "As [`read`](CacheClient::read); one failure fails the call.";
    }
    "CacheClient::write" {
        "WR-01" "Writes value and deadline together, if the condition holds; `true` if it did.";
        "WR-02" "Atomic, condition included: of many writers with [`Condition::Absent`] exactly one \
            wins.";
        "WR-03" "`false` only when the condition did not hold; then nothing changed.";
        "WR-04" "An overwrite replaces the deadline too, unless [`Expiry::Keep`] leaves it as it is; \
            a new entry with `Keep` never expires.";
        "WR-05" "If the condition holds and the deadline is already past, the entry is removed, so \
            that `Equals` with a zero duration is remove-if-equal.";
        "WR-06" "`Equals` never holds where there is no live entry, not even with an empty value.";
        "WR-07" "Writing the bytes that are there is a write.";
        "WR-08" "Lengths are checked before condition and deadline.";
        "WR-09" "`InvalidInput` for a key outside the rules or a value that is too long, in `Equals` \
            too.";
        "WR-10" "`Full` if the store has no room."
            no case: "a full store is each backend's own; their own tests fill one";
        "WR-11" "A condition that does not hold is no error.";
    }
    "CacheClient::write_all" {
        "WA-01" "Writes many entries with one expiry, whatever was there.";
        "WA-02" "All keys and values are checked before the first is written.";
        "WA-03" "Of a key given twice the last value stays.";
        "WA-04" "Each entry is written atomically; the batch goes in chunks of at least 1,000 entries \
            or 16 MiB, each whole or not at all where the store has transactions (the backend \
            says which).";
        "WA-05" "An empty list changes nothing.";
        "WA-06" "[`Expiry::Keep`] keeps each live entry's own deadline; a past deadline removes every \
            key of the batch.";
        "WA-07" "Provided as one [`write`](CacheClient::write) after the other, with the keys checked \
            first: a client that limits values checks those itself."
            no case: "how the provided method works; a client that has no other passes the cases of batches";
        "WA-08" "As [`write`](CacheClient::write).";
        "WA-09" "After an error, earlier chunks may have been written."
            no case: "a permission: a batch that failed may have done less";
        "WA-10" "The outcome is [`Unknown`](crate::Outcome::Unknown) if any was."
            no case: "no store fails half-way at will; the backends' own tests refuse the second half";
    }
    "CacheClient::remove" {
        "RM-01" "Removes an entry; `true` if a live one went.";
        "RM-02" "As [`read`](CacheClient::read).";
        "RM-03" "Removing nothing is no error.";
    }
    "CacheClient::remove_all" {
        "MA-01" "Removes many entries and gives how many live ones went.";
        "MA-02" "A key given twice counts once; an empty list removes nothing.";
        "MA-03" "All keys are checked before the first is removed; chunks as in \
            [`write_all`](CacheClient::write_all).";
        "MA-04" "Provided as one [`remove`](CacheClient::remove) after the other."
            no case: "how the provided method works; a client that has no other passes the cases of batches";
        "MA-05" "As [`remove`](CacheClient::remove).";
        "MA-06" "After an error, earlier chunks may have been removed."
            no case: "a permission: a removal that failed may have done less";
        "MA-07" "The outcome is [`Unknown`](crate::Outcome::Unknown) if any was."
            no case: "no store fails half-way at will; the backends' own tests refuse the second half";
    }
    "CacheClient::increment" {
        "IN-01" "Adds to a 64-bit counter and gives the result.";
        "IN-02" "A missing or expired key starts at 0 and gets `expiry_if_new` (`Keep`: it never \
            expires; a past one: the answer is `by` and nothing stays).";
        "IN-03" "A live counter keeps its deadline, whatever `expiry_if_new` says; what an expired \
            entry held counts for nothing.";
        "IN-04" "Adding 0 creates.";
        "IN-05" "Counters share the key space with values: a counter is canonical decimal text, `0` \
            or `-12`.";
        "IN-06" "Atomic, and never applied twice.";
        "IN-07" "`NotANumber` if the live value is anything but a canonical integer within `i64` \
            (leading zeros, a plus sign and blanks included); `Overflow` if the result leaves \
            `i64`.";
        "IN-08" "The entry is unchanged either way.";
    }
    "CacheClient::flush_all" {
        "FL-01" "Removes every entry that this client can see, and no other.";
        "FL-02" "In a namespace: that namespace.";
        "FL-03" "Without one: the backend's own table, file or selected database.";
        "FL-04" "Entries written while it runs may or may not stay.";
        "FL-05" "What the store's failures give; part of the entries may be gone then.";
        "FL-06" "The outcome is [`Unknown`](crate::Outcome::Unknown) if any is."
            no case: "no store fails half-way at will; the backends' own tests refuse the second half";
    }
    "CacheClient::ping" {
        "PI-01" "Asks the store for an answer.";
        "PI-02" "What the store's failures give.";
    }
    "CacheClient::codec" {
        "CO-01" "The codec with which [`TypedCache`](crate::TypedCache) encodes values for this \
            client.";
        "CO-02" "Provided as [`Codec::Bincode`]; the backends take it from their options, because it \
            belongs to a deployment.";
        "CO-03" "Every reader understands every codec.";
    }
    "CacheClientExtended" {
        "CX-01" "What more a store must offer: time to live, listings and clean-up."
            no case: "introduces the methods";
        "CX-02" "A separate trait, so that code which needs these says so in its signature."
            no case: "says why there are two traits";
    }
    "CacheClientExtended::get_time_to_live" {
        "TL-01" "Gives what is left of an entry's life: `None` if there is no live entry.";
        "TL-02" "Rounded to whole milliseconds and never zero.";
        "TL-03" "What it gives can be written back.";
        "TL-04" "As [`read`](CacheClient::read).";
    }
    "CacheClientExtended::set_time_to_live" {
        "ST-01" "Gives a live entry another deadline without rewriting its value; `true` if it was \
            live.";
        "ST-02" "A past deadline removes the entry, [`Expiry::Keep`] changes nothing and tells \
            whether it is live.";
        "ST-03" "Atomic.";
        "ST-04" "As [`write`](CacheClient::write).";
        "ST-05" "A missing entry is no error.";
    }
    "CacheClientExtended::read_with_time_to_live" {
        "RT-01" "Reads a value and what is left of its life, of one instant and in one round trip.";
        "RT-02" "As [`read`](CacheClient::read).";
    }
    "CacheClientExtended::keys_starting_with" {
        "LS-01" "Lists the live keys that start with a prefix, in no promised order.";
        "LS-02" "Streams in pages, never loads the whole set and gives no key twice.";
        "LS-03" "A key that is there throughout is given, also while what was listed is removed; one \
            added or removed meanwhile may or may not be.";
        "LS-04" "The store stays usable while the stream is open, and the stream may be dropped at \
            any point.";
        "LS-05" "The prefix is literal; an empty one lists everything that the client can see; one \
            that no key can have lists nothing and is no error.";
        "LS-06" "The stream gives an error as an item and then ends.";
    }
    "CacheClientExtended::remove_starting_with" {
        "RS-01" "Removes every entry whose key starts with a prefix and gives how many live ones \
            went.";
        "RS-02" "The prefix is taken as in [`keys_starting_with`](Self::keys_starting_with).";
        "RS-03" "Not one instant: an entry added meanwhile may stay.";
        "RS-04" "A prefix that no key can have removes nothing.";
        "RS-05" "What the store's failures give; part of the entries may be gone then.";
        "RS-06" "The outcome is [`Unknown`](crate::Outcome::Unknown) if any is."
            no case: "no store fails half-way at will; the backends' own tests refuse the second half";
    }
    "CacheClientExtended::remove_expired" {
        "RE-01" "Frees the room of expired entries and gives how many it freed.";
        "RE-02" "0 where the store does it itself.";
        "RE-03" "Never needed for correctness, since expired is absent; it may sweep beyond a \
            namespace, since nobody can see it.";
        "RE-04" "What the store's failures give.";
    }
}
