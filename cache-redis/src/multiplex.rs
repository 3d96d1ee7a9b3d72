//! The requests of many tasks on one stream: they leave in the order in which they come, and so do
//! the answers.
//!
//! A request is put behind those that wait, under a lock that is held for a copy. A task of the
//! connection, the driver, writes all that wait at once, reads, and hands out answers. Before it
//! writes while answers are on their way it gives way once to the tasks that are ready to run: these
//! may have requests too, and what leaves together costs both sides one call of their kernels.
//!
//! The driver also keeps the deadlines, with one alarm for all. A timer for each call would be put among
//! those of all threads and taken out again, under a lock, by nearly every call for nothing.

use std::collections::VecDeque;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::error::{self, Failure};
use crate::life::Life;
use crate::resp::{Answers, Garbled};
use crate::waiter::{Waiter, Waiting};

/// Where requests are put.
pub(crate) struct Requests(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Told when a full queue was emptied.
    room: Notify,
}

#[derive(Default)]
struct Queue {
    /// Requests to be written, short ones joined.
    pieces: VecDeque<Vec<u8>>,
    len: usize,
    /// The room of the next piece.
    spare: Vec<u8>,
    /// Who waits for their answers.
    waiters: VecDeque<Waiting>,
    /// The first deadline that the driver has not heard of.
    deadline: Option<Instant>,
    /// The driver, while it sleeps.
    driver: Option<Waker>,
    has_ended: bool,
}

impl Requests {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Puts a request behind the others, or gives the waiter back if there is no room.
    pub(crate) fn try_put(&self, request: &[u8], waiting: Waiting) -> Option<Waiting> {
        self.0.push(request, waiting)
    }

    /// Puts a request behind the others, once there is room.
    pub(crate) async fn put(&self, request: &[u8], waiting: Waiting) {
        let mut refused = Some(waiting);
        while let Some(waiting) = refused {
            // Before the next look, so that no word is missed between the two.
            let mut room = pin!(self.0.room.notified());
            room.as_mut().enable();
            refused = self.0.push(request, waiting);
            if refused.is_some() {
                room.await;
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the waiter back if there is no room.
    fn push(&self, request: &[u8], waiting: Waiting) -> Option<Waiting> {
        let len = request.len();
        // A long copy is made outside of the lock.
        let own_piece = (len > PIECE).then(|| request.to_vec());
        let mut queue = self.lock();
        if queue.has_ended {
            return None;
        }
        if queue.len >= FULL {
            return Some(waiting);
        }
        queue.len += len;
        let known = queue.deadline.into_iter();
        queue.deadline = known.chain([waiting.deadline]).min();
        queue.waiters.push_back(waiting);
        match (own_piece, queue.pieces.back_mut()) {
            (Some(piece), _) => queue.pieces.push_back(piece),
            (None, Some(last)) if last.len() + len <= PIECE => last.extend_from_slice(request),
            (None, _) => {
                let mut piece = std::mem::take(&mut queue.spare);
                piece.extend_from_slice(request);
                queue.pieces.push_back(piece);
            }
        }
        let driver = queue.driver.take();
        drop(queue);
        if let Some(driver) = driver {
            driver.wake();
        }
        None
    }
}

/// The other end of [`Requests`]: what owns the stream.
pub(crate) struct Driver<S> {
    shared: Arc<Shared>,
    stream: S,
    life: Arc<Life>,
    /// What is being written, and how far the first of it has been.
    pieces: VecDeque<Vec<u8>>,
    written: usize,
    /// One that was written, for the queue.
    spare: Vec<u8>,
    has_to_flush: bool,
    /// Those who wait for answers, the next one first.
    waiters: VecDeque<Waiting>,
    answers: Answers,
    /// Rings at the first deadline, or before it if that one was answered, while somebody waits.
    alarm: Pin<Box<Sleep>>,
    rings_at: Option<Instant>,
    /// Whether other tasks had their turn since there was something to write.
    gave_way: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    pub(crate) fn new(requests: &Requests, stream: S, life: Arc<Life>) -> Self {
        Self {
            shared: requests.0.clone(),
            stream,
            life,
            pieces: VecDeque::new(),
            written: 0,
            spare: Vec::new(),
            has_to_flush: false,
            waiters: VecDeque::new(),
            answers: Answers::default(),
            alarm: Box::pin(sleep_until(Instant::now())),
            rings_at: None,
            gave_way: false,
        }
    }

    /// Writes and reads until the stream ends, and tells why it did.
    pub(crate) async fn run(&mut self) -> Failure {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Failure> {
        if self.rings_at.is_some() && self.alarm.as_mut().poll(context).is_ready() {
            self.give_up(Instant::now());
        }
        let had_way = std::mem::take(&mut self.gave_way);
        if let Poll::Ready(Err(error)) = self.write(context, had_way) {
            return Poll::Ready(error::cut(&error));
        }
        if let Poll::Ready(failure) = self.read(context) {
            return Poll::Ready(failure);
        }
        if self.waiters.is_empty() {
            // Who got the last answer wakes the driver with the next request.
            self.gave_way = false;
        }
        if self.gave_way || !self.sleeps(context) {
            // Behind the tasks that are ready to run, among them those with their answers.
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Whether there is nothing to do but to wait, and then leaves word whom to wake.
    fn sleeps(&mut self, context: &mut Context<'_>) -> bool {
        let deadline = {
            let mut queue = self.shared.lock();
            // While the stream takes no more, it wakes the driver when it does.
            if self.pieces.is_empty() && !queue.pieces.is_empty() {
                return false;
            }
            queue.driver = Some(context.waker().clone());
            queue.deadline.take()
        };
        self.ring_at(deadline);
        self.rings_at.is_none() || self.alarm.as_mut().poll(context).is_pending()
    }

    /// Sets the alarm to a deadline, unless it rings before that anyway.
    fn ring_at(&mut self, deadline: Option<Instant>) {
        if let Some(deadline) = deadline
            && self.rings_at.is_none_or(|rings_at| deadline < rings_at)
        {
            self.alarm.as_mut().reset(deadline);
            self.rings_at = Some(deadline);
        }
    }

    /// Leaves alone those whose deadline has come, and sets the alarm to the next one.
    fn give_up(&mut self, now: Instant) {
        let mut queue = self.shared.lock();
        let all = self.waiters.iter_mut().chain(&mut queue.waiters);
        let all = all.filter(|waiting| !matches!(waiting.waiter, Waiter::Nobody(_)));
        let (late, others): (Vec<_>, Vec<_>) = all.partition(|waiting| waiting.deadline <= now);
        let next = others.iter().map(|waiting| waiting.deadline).min();
        // They are told without the lock.
        let late: Vec<_> = late
            .into_iter()
            .map(|waiting| waiting.waiter.give_up())
            .collect();
        queue.deadline = None;
        drop(queue);
        // Also for those who did not wait so long, and before the others can ask again.
        self.life.note_silences(late.len());
        drop(late);
        self.rings_at = None;
        self.ring_at(next);
    }

    /// Writes all requests. Is pending if the stream takes no more of them.
    fn write(&mut self, context: &mut Context<'_>, had_way: bool) -> Poll<io::Result<()>> {
        loop {
            let Some(piece) = self.pieces.front() else {
                if self.take(had_way) {
                    continue;
                }
                break;
            };
            let rest = &piece[self.written..];
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
            self.has_to_flush = true;
            if self.written == piece.len() {
                self.written = 0;
                if let Some(mut piece) = self.pieces.pop_front()
                    && piece.capacity() <= MOST_KEPT
                {
                    piece.clear();
                    self.spare = piece;
                }
            }
        }
        if self.has_to_flush {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.has_to_flush = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Takes what is queued, or gives way first.
    fn take(&mut self, had_way: bool) -> bool {
        let mut queue = self.shared.lock();
        if queue.pieces.is_empty() {
            return false;
        }
        if !had_way && !self.waiters.is_empty() {
            self.gave_way = true;
            return false;
        }
        std::mem::swap(&mut self.pieces, &mut queue.pieces);
        self.waiters.append(&mut queue.waiters);
        queue.spare = std::mem::take(&mut self.spare);
        if std::mem::take(&mut queue.len) >= FULL {
            self.shared.room.notify_waiters();
        }
        let deadline = queue.deadline.take();
        drop(queue);
        self.ring_at(deadline);
        true
    }

    /// Reads and hands out answers: not all at once, so that who has one asks again while the
    /// server is busy with the others.
    fn read(&mut self, context: &mut Context<'_>) -> Poll<Failure> {
        let share = self.waiters.len().div_ceil(SHARES);
        let mut left = share.clamp(LEAST_SHARE, MOST_SHARE);
        loop {
            while left > 0 {
                match self.answers.next() {
                    Ok(Some(answer)) => {
                        let Some(waiting) = self.waiters.pop_front() else {
                            return Poll::Ready(error::garbled());
                        };
                        let Waiting { waiter, deadline } = waiting;
                        if !matches!(waiter, Waiter::Nobody(_)) {
                            self.life.note_answer();
                        }
                        match waiter.take(answer) {
                            Some(waiter) => {
                                self.waiters.push_front(Waiting { waiter, deadline });
                            }
                            None => {
                                left -= 1;
                                self.gave_way = true;
                            }
                        }
                    }
                    Ok(None) => break,
                    Err(Garbled) => return Poll::Ready(error::garbled()),
                }
            }
            if left == 0 && !self.waiters.is_empty() {
                return Poll::Pending;
            }
            let read = pin!(self.stream.read_buf(self.answers.room()));
            match ready!(read.poll(context)) {
                Ok(0) => return Poll::Ready(error::closed()),
                Ok(_) => {}
                Err(error) => return Poll::Ready(error::cut(&error)),
            }
        }
    }
}

impl<S> Drop for Driver<S> {
    /// Nobody is left waiting.
    fn drop(&mut self) {
        let waiters = {
            let mut queue = self.shared.lock();
            queue.has_ended = true;
            std::mem::take(&mut queue.waiters)
        };
        drop(waiters);
        self.shared.room.notify_waiters();
    }
}

/// From how many bytes on requests wait before they are queued.
const FULL: usize = 1 << 20;
/// What is longer in bytes is written by itself, without another copy.
const PIECE: usize = 64 * 1_024;
/// The most room in bytes of a piece that is used again.
const MOST_KEPT: usize = 2 * PIECE;
/// Into how many shares the answers on their way are divided, to be handed out one after the other.
const SHARES: usize = 4;
/// The least of such a share.
const LEAST_SHARE: usize = 4;
/// The most of such a share.
const MOST_SHARE: usize = 64;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use redis::Value;
    use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    use super::*;
    use crate::waiter::{Many, Refusal};

    /// A connection of which the test is the server.
    fn connection(buffer: usize) -> (Requests, DuplexStream, JoinHandle<Failure>) {
        connection_with(Arc::default(), buffer)
    }

    fn connection_with(
        life: Arc<Life>,
        buffer: usize,
    ) -> (Requests, DuplexStream, JoinHandle<Failure>) {
        let (stream, server) = duplex(buffer);
        let requests = Requests::new();
        let mut driver = Driver::new(&requests, stream, life);
        (
            requests,
            server,
            tokio::spawn(async move { driver.run().await }),
        )
    }

    async fn put(requests: &Requests, text: &str) -> oneshot::Receiver<Value> {
        put_for(requests, text, HOUR).await
    }

    async fn put_for(
        requests: &Requests,
        text: &str,
        patience: Duration,
    ) -> oneshot::Receiver<Value> {
        let (sender, receiver) = oneshot::channel();
        let (waiter, deadline) = (Waiter::One(sender), Instant::now() + patience);
        requests
            .put(text.as_bytes(), Waiting { waiter, deadline })
            .await;
        receiver
    }

    /// Waits for two answers and skips the two before.
    async fn put_many(
        requests: &Requests,
        patience: Duration,
    ) -> oneshot::Receiver<Result<Vec<Value>, Refusal>> {
        let (sender, receiver) = oneshot::channel();
        let many = Many::new((2, 2), sender);
        let (waiter, deadline) = (Waiter::Many(Box::new(many)), Instant::now() + patience);
        requests.put(b"x", Waiting { waiter, deadline }).await;
        receiver
    }

    const HOUR: Duration = Duration::from_secs(3_600);
    const SHORT: Duration = Duration::from_millis(10);

    /// What does not come at all fails its test.
    async fn soon<T>(future: impl Future<Output = T>) -> T {
        timeout(Duration::from_secs(10), future).await.unwrap()
    }

    async fn read(server: &mut DuplexStream, len: usize) -> String {
        let mut bytes = vec![0; len];
        server.read_exact(&mut bytes).await.unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[tokio::test]
    async fn answers_come_in_the_order_of_the_requests_whoever_gave_up() {
        let (requests, mut server, _driver) = connection(1_024);
        let first = put(&requests, "a").await;
        drop(put(&requests, "b").await);
        let third = put(&requests, "c").await;
        assert_eq!(read(&mut server, 3).await, "abc");
        server.write_all(b":1\r\n:2\r\n:3\r\n").await.unwrap();
        assert_eq!(soon(first).await.unwrap(), Value::Int(1));
        assert_eq!(soon(third).await.unwrap(), Value::Int(3));
    }

    #[tokio::test]
    async fn many_answers_go_to_one_and_the_skipped_ones_are_looked_at() {
        let (requests, mut server, _driver) = connection(1_024);
        let (fine, refused) = (
            put_many(&requests, HOUR).await,
            put_many(&requests, HOUR).await,
        );
        let next = put(&requests, "y").await;
        server
            .write_all(b"+OK\r\n+QUEUED\r\n:1\r\n-ERR 2\r\n")
            .await
            .unwrap();
        let answers = soon(fine).await.unwrap().unwrap();
        assert!(matches!(
            &answers[..],
            [Value::Int(1), Value::ServerError(_)]
        ));
        let rest = b"+OK\r\n-OOM first\r\n-EXECABORT then\r\n:0\r\n+OK\r\n";
        server.write_all(rest).await.unwrap();
        let refusal = soon(refused).await.unwrap().unwrap_err();
        assert_eq!(refusal.error.code(), "OOM");
        assert_eq!(soon(next).await.unwrap(), Value::Okay);
    }

    #[tokio::test]
    async fn a_server_that_reads_nothing_fills_the_queue_and_no_more() {
        let (requests, mut server, _driver) = connection(16);
        let mut waiting = Vec::new();
        // The first is on its way when the queue begins to fill.
        for _ in 0..2 {
            waiting.push(put(&requests, &"0123456789abcdef".repeat(FULL / 16)).await);
            tokio::task::yield_now().await;
        }
        let late = put(&requests, "z");
        let mut late = pin!(late);
        assert!(timeout(Duration::from_millis(50), &mut late).await.is_err());
        let reading = async {
            read(&mut server, 2 * FULL).await;
            assert_eq!(read(&mut server, 1).await, "z");
            server.write_all(&b"+OK\r\n".repeat(3)).await.unwrap();
        };
        let (late, ()) = soon(async { tokio::join!(late, reading) }).await;
        waiting.push(late);
        for receiver in waiting {
            assert_eq!(soon(receiver).await.unwrap(), Value::Okay);
        }
    }

    #[tokio::test]
    async fn who_has_no_answer_by_the_deadline_is_told_and_an_answer_after_it_is_nobodys() {
        let (requests, mut server, _driver) = connection(1_024);
        let patient = put(&requests, "a").await;
        let one = put_for(&requests, "b", SHORT).await;
        let many = put_many(&requests, SHORT).await;
        // The alarm rings for the first of them, and then for this one.
        let later = put_for(&requests, "c", 5 * SHORT).await;
        assert!(soon(one).await.is_err());
        assert!(soon(many).await.is_err());
        assert!(soon(later).await.is_err());
        // And once more, after it was of no use to anybody.
        assert!(soon(put_for(&requests, "d", SHORT).await).await.is_err());
        let next = put(&requests, "e").await;
        let answers = b":1\r\n:2\r\n+OK\r\n+QUEUED\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n";
        server.write_all(answers).await.unwrap();
        assert_eq!(soon(patient).await.unwrap(), Value::Int(1));
        assert_eq!(soon(next).await.unwrap(), Value::Int(7));
    }

    #[tokio::test]
    async fn the_deadline_comes_too_for_what_the_server_does_not_read() {
        let (requests, mut server, _driver) = connection(4);
        let patient = put(&requests, "01234567").await;
        // The first is on its way and stays there.
        assert_eq!(read(&mut server, 1).await, "0");
        let hasty = put_for(&requests, "a", SHORT).await;
        assert!(soon(hasty).await.is_err());
        assert_eq!(read(&mut server, 8).await, "1234567a");
        server.write_all(b":1\r\n").await.unwrap();
        assert_eq!(soon(patient).await.unwrap(), Value::Int(1));
    }

    #[tokio::test]
    async fn two_silences_in_a_row_are_the_end_whether_or_not_somebody_waits() {
        let life = Arc::new(Life::default());
        let (requests, mut server, _driver) = connection_with(life.clone(), 1_024);
        assert!(soon(put_for(&requests, "a", SHORT).await).await.is_err());
        let patient = put(&requests, "b").await;
        assert_eq!(read(&mut server, 2).await, "ab");
        server.write_all(b":1\r\n:2\r\n").await.unwrap();
        assert_eq!(soon(patient).await.unwrap(), Value::Int(2));
        assert!(soon(put_for(&requests, "c", SHORT).await).await.is_err());
        assert!(!life.has_ended());
        // An answer that comes too late is none.
        assert_eq!(read(&mut server, 1).await, "c");
        server.write_all(b":3\r\n").await.unwrap();
        drop(put_for(&requests, "d", SHORT).await);
        assert_eq!(soon(life.ended()).await, 2);
    }

    #[tokio::test]
    async fn the_end_is_noticed_whether_or_not_somebody_waits() {
        for answered in [false, true] {
            let (requests, mut server, driver) = connection(1_024);
            let mut receivers = Vec::new();
            // As many as are answered at a time.
            for _ in 0..LEAST_SHARE {
                receivers.push(put(&requests, "a").await);
            }
            read(&mut server, LEAST_SHARE).await;
            if answered {
                let answers = b"+OK\r\n".repeat(LEAST_SHARE);
                server.write_all(&answers).await.unwrap();
                for receiver in receivers.drain(..) {
                    assert_eq!(soon(receiver).await.unwrap(), Value::Okay);
                }
            }
            drop(server);
            assert_eq!(
                soon(driver).await.unwrap().kind,
                session_core::ErrorKind::Unavailable
            );
            receivers.push(put(&requests, "late").await);
            for receiver in receivers {
                assert!(soon(receiver).await.is_err());
            }
        }
    }

    #[tokio::test]
    async fn an_answer_that_nobody_asked_for_ends_the_connection() {
        let (requests, mut server, driver) = connection(1_024);
        server.write_all(b"+OK\r\n").await.unwrap();
        assert_eq!(
            soon(driver).await.unwrap().kind,
            session_core::ErrorKind::Other
        );
        let late = put(&requests, "a").await;
        assert!(soon(late).await.is_err());
    }
}
