//! Clients broken on purpose, one defect each, which the suite must catch.
//!
//! Each is the [reference](crate::reference) with one thing done as it is done, wrongly, somewhere
//! else. [`BROKEN`] says which case is meant to catch it.

mod at_once;
mod batches;
mod connections;
mod counters;
mod keys;
mod listings;
mod memories;
mod time;
mod writes;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use session_core::{
    BoxStream, CacheClient, CacheClientExtended, Condition, Expiry, Result, TimeToLive, async_trait,
};

use crate::harness::{Client, Harness};
use crate::profile::Profile;
use crate::reference::{ReferenceCache, RemoteHarness};
use crate::store::Store;
use crate::table::Case;

/// A defect, and the case that must find it.
pub struct BrokenClient {
    /// The name of the defect.
    pub name: &'static str,
    /// What the client does wrong.
    pub does: &'static str,
    /// The group of the case that must find it.
    pub group: &'static str,
    /// The case that must find it.
    pub case: &'static str,
    /// Its store is one for cases that need a network; else a plain one.
    pub is_networked: bool,
    open: fn() -> BoxFuture<'static, Store>,
}

impl BrokenClient {
    /// A fresh store with this defect.
    pub async fn store(&self) -> Store {
        (self.open)().await
    }

    /// The beginning of its row in `BROKEN.md`: what it is, what it does, and who catches it.
    pub fn row(&self) -> String {
        let Self {
            name,
            does,
            group,
            case,
            ..
        } = self;
        format!("| {name} | {does} | `{group}::{case}` |")
    }

    /// The case that must find the defect; `None` if the table has none of this name.
    pub fn caught_by(&self) -> Option<&'static Case> {
        Case::named(self.group, self.case)
    }
}

impl fmt::Debug for BrokenClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.does)
    }
}

macro_rules! defects {
    (
        plain { $($file:ident::$name:ident $does:literal $group:ident::$case:ident)* }
        networked { $($n_name:ident $n_does:literal $n_group:ident::$n_case:ident)* }
    ) => {
        /// Every broken client.
        pub static BROKEN: &[BrokenClient] = &[
            $(BrokenClient {
                name: stringify!($name),
                does: $does,
                group: stringify!($group),
                case: stringify!($case),
                is_networked: false,
                open: || Box::pin(Store::plain::<Broken<$file::$name>>()),
            },)*
            $(BrokenClient {
                name: stringify!($n_name),
                does: $n_does,
                group: stringify!($n_group),
                case: stringify!($n_case),
                is_networked: true,
                open: || Box::pin(Store::networked::<RemoteHarness<connections::$n_name>>()),
            },)*
        ];
    };
}

defects! {
plain {
    writes::AddRefusesExpired "`Absent` fails on an entry that is expired but not yet swept"
        writes::add_takes_over_an_expired_entry
    writes::AddIsNotAtomic "`Absent` looks first and writes later"
        races::of_many_adds_exactly_one_wins
    writes::PresentIgnored "`Present` writes where nothing is"
        writes::replace_writes_nothing_where_nothing_is
    writes::EqualsIgnored "`Equals` is taken for `Present`"
        writes::equals_leaves_other_bytes_alone
    time::KeepForgets "`Keep` takes the deadline away"
        expiry::keep_leaves_the_deadline_of_a_live_entry
    time::OverwriteKeepsDeadline "an overwrite without a deadline leaves the old one"
        expiry::an_overwrite_without_a_deadline_takes_it_away
    time::ZeroMeansForEver "a life shorter than a millisecond is rounded to zero, and zero is for ever"
        expiry::the_shortest_duration_is_not_for_ever
    time::PastIsIgnored "a write with a past deadline leaves the old entry"
        expiry::a_deadline_already_past_leaves_nothing
    time::DeadlineWraps "a life is counted in 32 bits of milliseconds"
        expiry::lives_of_every_length_are_kept
    time::ReadingSlides "every read starts the time anew"
        reads::reading_does_not_move_a_deadline
    time::TouchCreates "`set_time_to_live` says `true` for what is not there"
        expiry::a_missing_entry_cannot_be_given_a_deadline
    time::SweepTakesRenewed "the sweeper goes by the deadline that an entry had when it was written"
        expiry::remove_expired_leaves_a_renewed_entry
    time::SweepCountsNothing "the sweeper frees room and says that there was none to free"
        expiry::remove_expired_counts_what_it_freed
    time::TouchRestores "`set_time_to_live` looks first and writes later, whatever is there by then"
        overlaps::a_new_deadline_restores_no_removed_entry
    time::DeadlineComesLater "value and deadline are written in two steps"
        races::value_and_deadline_are_of_one_write
    writes::RemoveCountsExpired "`remove` counts an entry that is expired but not yet swept"
        writes::remove_of_an_expired_entry_is_false
    counters::CounterDropsDeadline "an increment writes the counter without its deadline"
        counters::an_increment_keeps_the_deadline_of_a_live_counter
    counters::CounterIsNotAtomic "an increment reads and writes in two steps"
        races::no_increment_is_lost_or_counted_twice
    counters::CounterIsFloat "counters are added up as floating-point numbers"
        counters::large_counters_are_exact
    counters::CounterIsLenient "an increment takes whatever a parser takes"
        counters::leading_zeros_are_not_a_number
    counters::OverflowWraps "a counter wraps around"
        counters::an_overflow_is_an_error_at_both_ends
    batches::FirstOfBatchWins "of a key given twice in a batch the first value stays"
        batches::the_last_value_of_a_key_wins
    batches::BatchStopsMidway "a batch checks each key as it comes to it"
        batches::an_invalid_key_in_the_middle_touches_nothing
    batches::BatchSkipsMissing "`read_all` leaves missing keys out of the answer"
        batches::read_all_tells_missing_from_empty
    batches::BatchCountsTwice "`remove_all` counts a key as often as it is given"
        batches::a_removal_of_one_key_counts_once
    keys::EmptyIsMiss "an empty value reads as none"
        values::an_empty_value_is_a_value
    keys::TextOnly "values pass through text"
        values::values_of_every_byte_come_back
    keys::CaseIgnored "keys are compared without their case"
        keys::keys_that_differ_in_case_are_different
    keys::BlanksTrimmed "blanks around a key are dropped"
        keys::blanks_and_line_breaks_count
    keys::KeyCutShort "keys are cut at 255 bytes"
        keys::long_keys_that_differ_at_the_end_are_different
    listings::PrefixIsPattern "a prefix goes into `LIKE` as it is"
        listing::a_prefix_is_literal_and_not_a_pattern
    listings::ListsExpired "a listing gives what is expired but not yet swept"
        expiry::an_expired_entry_is_not_listed
    listings::ListsTwice "each page of a listing begins with the last key of the page before"
        listing::thousands_of_keys_are_each_listed_once
    listings::ListsByOffset "a listing goes on by counting, whatever was removed meanwhile"
        listing::every_key_can_be_removed_as_it_is_listed
    listings::PrefixCountsExpired "`remove_starting_with` counts what is expired but not yet swept"
        expiry::an_expired_entry_is_not_counted_as_removed
    listings::FlushLeavesNamespace "`flush_all` empties the whole store"
        namespaces::flush_all_stays_inside_the_namespace
    memories::ReadsStayStale "reads are answered from a copy that a past deadline or a prefix does not drop"
        sequences::mixed_operations_agree_with_a_plain_map
    memories::KeepRemembersRemoved "`Keep` finds the deadline that a removed entry had"
        sequences::conditions_and_keep_agree_with_a_plain_map
    memories::CounterStaysStale "a client that counts goes on from its own last sum after a batch"
        sequences::counters_at_both_ends_agree_with_a_plain_map
    memories::KeepOfTwiceForgets "in a batch with `Keep` a key given twice loses its deadline"
        sequences::batches_with_duplicates_agree_with_a_plain_map
    at_once::ReadsFromCopies "a read is answered from a copy that others' writes do not drop at once"
        histories::reads_and_writes_have_one_order
    at_once::SwapLooksFirst "`Equals` compares first and writes later"
        histories::conditional_writes_have_one_order
    at_once::CounterOverwrites "an increment writes its sum over whatever was put there meanwhile"
        histories::counters_and_values_have_one_order
    at_once::BatchRemovesFirst "a batch removes its keys before it writes them"
        histories::batches_have_one_order_for_each_key
    at_once::SweepTakesWhatItSaw "a sweep removes the keys that it found expired, renewed or not"
        histories::entries_that_expire_have_one_order
    at_once::DroppedIsRepeated "what a dropped increment has begun is done once more by a task"
        histories::dropped_calls_happen_once_or_never
    writes::DroppedHalfway "a write removes first, so that one dropped halfway leaves nothing"
        faults::a_dropped_write_leaves_the_old_value_or_the_new
    writes::ErrorsSwallowed "what fails reads as a miss and writes as `false`"
        keys::the_empty_key_is_refused_by_every_operation
    writes::ErrorShowsKey "errors quote the key"
        faults::no_error_shows_a_key_or_a_value
}
networked {
    OutageIsMiss "a read that fails is a miss"
        network::every_operation_fails_while_connections_are_refused
    LostIsRepeated "what was sent and lost is sent again, whatever it is"
        network::an_increment_whose_reply_is_lost_is_applied_once
    LostIsDenied "what was sent and lost is said not to be applied"
        histories_through_cuts::cuts_double_no_effect_and_lose_none
    WaitsForEver "no call has a time-out"
        network::silence_is_a_timeout_and_what_was_sent_is_unknown
    OutageIsNotLearnt "each call of a long outage connects and waits anew"
        network::a_known_outage_fails_calls_at_once
    NeverConnectsAgain "a client that lost its connections makes no others"
        network::a_client_recovers_by_itself_when_the_network_does
    LateReplyIsTaken "a connection that was too late is used again, and its late reply taken"
        network::a_reply_after_the_timeout_is_for_no_other_call
    GarbledIsBelieved "a reply that makes no sense is read as if it did"
        network::a_garbled_reply_is_an_error_and_its_connection_is_replaced
    DroppedKeepsItsPlace "a call that is dropped keeps its place in the queue"
        network::calls_dropped_in_an_outage_leave_the_client_usable
    AsksOneByOne "a batch asks for each key by itself"
        efficiency::a_batch_of_a_thousand_is_one_round_trip
    ListingEndsEarly "a listing that fails ends as if it were whole"
        network::a_listing_through_cuts_is_whole_or_ends_with_an_error
}
}

/// What a broken client does differently: each method does as the healthy client unless the
/// defect is in it.
#[async_trait]
trait Defect: Default + fmt::Debug + Send + Sync + 'static {
    async fn read(&self, healthy: &ReferenceCache, key: &str) -> Result<Option<Bytes>> {
        healthy.read(key).await
    }

    async fn read_all(
        &self,
        healthy: &ReferenceCache,
        keys: &[&str],
    ) -> Result<Vec<Option<Bytes>>> {
        healthy.read_all(keys).await
    }

    async fn write(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        healthy.write(key, value, condition, expiry).await
    }

    async fn write_all(
        &self,
        healthy: &ReferenceCache,
        entries: &[(&str, Bytes)],
        expiry: Expiry,
    ) -> Result<()> {
        healthy.write_all(entries, expiry).await
    }

    async fn remove(&self, healthy: &ReferenceCache, key: &str) -> Result<bool> {
        healthy.remove(key).await
    }

    async fn remove_all(&self, healthy: &ReferenceCache, keys: &[&str]) -> Result<u64> {
        healthy.remove_all(keys).await
    }

    async fn increment(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        by: i64,
        expiry_if_new: Expiry,
    ) -> Result<i64> {
        healthy.increment(key, by, expiry_if_new).await
    }

    async fn flush_all(&self, healthy: &ReferenceCache) -> Result<()> {
        healthy.flush_all().await
    }

    async fn set_time_to_live(
        &self,
        healthy: &ReferenceCache,
        key: &str,
        expiry: Expiry,
    ) -> Result<bool> {
        healthy.set_time_to_live(key, expiry).await
    }

    fn keys_starting_with<'a>(
        &'a self,
        healthy: &'a ReferenceCache,
        prefix: &'a str,
    ) -> BoxStream<'a, Result<String>> {
        healthy.keys_starting_with(prefix)
    }

    async fn remove_starting_with(&self, healthy: &ReferenceCache, prefix: &str) -> Result<u64> {
        healthy.remove_starting_with(prefix).await
    }

    async fn remove_expired(&self, healthy: &ReferenceCache) -> Result<u64> {
        healthy.remove_expired().await
    }
}

/// The reference client with a defect.
#[derive(Debug)]
struct Broken<D> {
    healthy: ReferenceCache,
    defect: Arc<D>,
}

#[async_trait]
impl<D: Defect> CacheClient for Broken<D> {
    async fn read(&self, key: &str) -> Result<Option<Bytes>> {
        self.defect.read(&self.healthy, key).await
    }

    async fn read_all(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>> {
        self.defect.read_all(&self.healthy, keys).await
    }

    async fn write(
        &self,
        key: &str,
        value: Bytes,
        condition: Condition,
        expiry: Expiry,
    ) -> Result<bool> {
        let defect = &self.defect;
        defect
            .write(&self.healthy, key, value, condition, expiry)
            .await
    }

    async fn write_all(&self, entries: &[(&str, Bytes)], expiry: Expiry) -> Result<()> {
        self.defect.write_all(&self.healthy, entries, expiry).await
    }

    async fn remove(&self, key: &str) -> Result<bool> {
        self.defect.remove(&self.healthy, key).await
    }

    async fn remove_all(&self, keys: &[&str]) -> Result<u64> {
        self.defect.remove_all(&self.healthy, keys).await
    }

    async fn increment(&self, key: &str, by: i64, expiry_if_new: Expiry) -> Result<i64> {
        self.defect
            .increment(&self.healthy, key, by, expiry_if_new)
            .await
    }

    async fn flush_all(&self) -> Result<()> {
        self.defect.flush_all(&self.healthy).await
    }

    async fn ping(&self) -> Result<()> {
        self.healthy.ping().await
    }
}

#[async_trait]
impl<D: Defect> CacheClientExtended for Broken<D> {
    async fn get_time_to_live(&self, key: &str) -> Result<Option<TimeToLive>> {
        self.healthy.get_time_to_live(key).await
    }

    async fn set_time_to_live(&self, key: &str, expiry: Expiry) -> Result<bool> {
        self.defect
            .set_time_to_live(&self.healthy, key, expiry)
            .await
    }

    async fn read_with_time_to_live(&self, key: &str) -> Result<Option<(Bytes, TimeToLive)>> {
        self.healthy.read_with_time_to_live(key).await
    }

    fn keys_starting_with<'a>(&'a self, prefix: &'a str) -> BoxStream<'a, Result<String>> {
        self.defect.keys_starting_with(&self.healthy, prefix)
    }

    async fn remove_starting_with(&self, prefix: &str) -> Result<u64> {
        self.defect
            .remove_starting_with(&self.healthy, prefix)
            .await
    }

    async fn remove_expired(&self) -> Result<u64> {
        self.defect.remove_expired(&self.healthy).await
    }
}

#[async_trait]
impl<D: Defect> Harness for Broken<D> {
    const PROFILE: Profile = Profile::new().moves_time();

    async fn fresh() -> Self {
        Self {
            healthy: ReferenceCache::new(),
            defect: Arc::default(),
        }
    }

    fn cache(&self) -> Client {
        Arc::new(Self {
            healthy: self.healthy.clone(),
            defect: Arc::clone(&self.defect),
        })
    }

    async fn pass(&self, by: Duration) {
        self.healthy.pass(by);
    }

    async fn namespace(&self, path: &str) -> Result<Client> {
        Ok(Arc::new(Self {
            healthy: self.healthy.within(path)?,
            defect: Arc::clone(&self.defect),
        }))
    }
}
