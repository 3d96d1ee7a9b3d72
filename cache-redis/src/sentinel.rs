//! Where the primary of a service is, as its Sentinels say.

use std::sync::Arc;
use std::time::Duration;

use redis::Value;
use session_core::ErrorKind;
use tokio::time::{Instant, timeout_at};

use crate::command;
use crate::error::Failure;
use crate::link::{Link, Settings};
use crate::options::Address;
use crate::reply;

/// The Sentinels of a service, and the connection to the one that answered last.
pub(crate) struct Sentinels {
    addresses: Vec<Address>,
    service: String,
    settings: Arc<Settings>,
    link: Option<Link>,
    /// The one to ask next, when the connection fails.
    next: usize,
}

impl Sentinels {
    pub(crate) fn new(addresses: Vec<Address>, service: String, settings: Arc<Settings>) -> Self {
        Self {
            addresses,
            service,
            settings,
            link: None,
            next: 0,
        }
    }

    /// Asks one Sentinel after the other until one names the primary.
    pub(crate) async fn primary(&mut self) -> Result<Address, Failure> {
        let mut failure = Failure::not_applied(ErrorKind::Unavailable, "there is no Sentinel");
        for _ in 0..=self.addresses.len() {
            // Each has its share of the time, so that a silent one does not use up that of all.
            let deadline = Instant::now() + self.settings.timeout / 6;
            match timeout_at(deadline, self.ask(deadline)).await {
                Ok(Ok(address)) => return Ok(address),
                Ok(Err(other)) => failure = other,
                Err(_) => failure = Failure::silence(),
            }
            self.turn();
        }
        Err(failure)
    }

    /// Asks another one the next time, because this one named a server that was not the primary.
    pub(crate) fn turn(&mut self) {
        self.link = None;
        self.next = (self.next + 1) % self.addresses.len();
    }

    async fn ask(&mut self, deadline: Instant) -> Result<Address, Failure> {
        let link = match self.link.take().filter(|link| !link.has_ended()) {
            Some(link) => link,
            None => Link::open(&self.addresses[self.next], &self.settings).await?,
        };
        let question = command::of(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", &self.service]);
        let answer = reply::checked(link.send(&question, deadline).await?)?;
        self.link = Some(link);
        if answer == Value::Nil {
            let cause = "the Sentinels know no service of this name";
            return Err(Failure::not_applied(ErrorKind::InvalidInput, cause));
        }
        let mut parts = reply::list(answer)?.into_iter().map(reply::text);
        match (parts.next(), parts.next()) {
            (Some(Ok(host)), Some(Ok(port))) => {
                let port = port.parse().map_err(|_| Failure::unexpected())?;
                Ok(Address::Tcp { host, port })
            }
            _ => Err(Failure::unexpected()),
        }
    }
}

/// How often the Sentinels are asked while the connection stands: a primary that was deposed goes
/// on taking writes until it hears of it.
pub(crate) const WATCH: Duration = Duration::from_secs(1);
