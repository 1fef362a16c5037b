//! A TCP port for a few connections at a time: bound, handed out one by one, and bounded, whatever is spoken over them.
//! How long one of them may last is for whoever answers it.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time,
};
use tokio_util::sync::CancellationToken;

use crate::tasks::Tasks;

/// The pause after a connection that could not be taken: most often there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound socket.
#[derive(Debug)]
pub struct Endpoint {
    listener: TcpListener,
    local_address: SocketAddr,
}

impl Endpoint {
    /// Binds the socket.
    ///
    /// # Errors
    ///
    /// The system's, where the address cannot be bound.
    pub async fn bind(listen: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let local_address = listener.local_addr()?;
        Ok(Self { listener, local_address })
    }

    /// Returns the address it is bound to.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_address
    }

    /// Has each connection answered by a task of that name, at most `places` of them at once, until `stop` fires.
    pub async fn run<F>(
        self,
        (name, places): (&'static str, usize),
        (tasks, stop): (Tasks, CancellationToken),
        answer: impl Fn(TcpStream) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let places = Arc::new(Semaphore::new(places));
        while let Some(Ok(place)) =
            stop.run_until_cancelled(Arc::clone(&places).acquire_owned()).await
        {
            let Some(accepted) = stop.run_until_cancelled(self.listener.accept()).await else {
                return;
            };
            match accepted {
                Ok((socket, _)) => {
                    let answering = answer(socket);
                    tasks.spawn(name, async move {
                        answering.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncReadExt, sync::mpsc};

    use super::*;

    /// Nobody beyond the places is answered, whoever leaves makes room, and a stop ends it.
    #[tokio::test]
    async fn connections_are_bounded_and_a_stop_ends_them() {
        let (tasks, stop) = (Tasks::new(), CancellationToken::new());
        let endpoint = Endpoint::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = endpoint.local_addr();
        let (taken, mut answered) = mpsc::channel(8);
        let running =
            endpoint.run(("test", 2), (tasks.clone(), stop.clone()), move |mut socket| {
                let taken = taken.clone();
                async move {
                    taken.send(socket.peer_addr().unwrap()).await.unwrap();
                    // Until the other side leaves.
                    drop(socket.read(&mut [0; 1]).await);
                }
            });
        tasks.keep("endpoint", stop.clone(), running);

        let mut open = Vec::new();
        for _ in 0..3 {
            open.push(TcpStream::connect(address).await.unwrap());
        }
        for socket in &open[..2] {
            assert_eq!(answered.recv().await, Some(socket.local_addr().unwrap()));
        }
        assert!(answered.try_recv().is_err(), "there is no third place");
        drop(open.remove(0));
        assert_eq!(answered.recv().await, Some(open[1].local_addr().unwrap()));

        stop.cancel();
        open.clear();
        tasks.drained().await;
        assert_eq!(answered.recv().await, None);
    }
}
