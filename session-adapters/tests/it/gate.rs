//! A request that stands still where a test wants it.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Notify;

/// Two doors: the handler says that it is inside, and waits until it is let on.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    inside: Arc<Notify>,
    opened: Arc<Notify>,
}

impl Gate {
    /// For the handler.
    pub(crate) async fn pass(&self) {
        self.inside.notify_one();
        self.opened.notified().await;
    }

    /// Runs a request up to the gate, then `meanwhile` to its end, then the request to its own.
    pub(crate) async fn hold<T>(
        &self,
        request: impl Future<Output = T>,
        meanwhile: impl Future<Output = ()>,
    ) -> T {
        let others = async {
            self.inside.notified().await;
            meanwhile.await;
            self.opened.notify_one();
        };
        tokio::join!(request, others).0
    }
}
