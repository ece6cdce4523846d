//! Backends come in at the socket.

use crate::connection;
use crate::desk::Desk;
use crate::switch::Phase;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;

/// How long nobody is let in after that failed: file descriptors may be used up.
const PAUSE: Duration = Duration::from_millis(100);

/// Lets backends in until the gateway stops.
pub(crate) async fn run(desk: Arc<Desk>, listener: UnixListener) {
    let mut switch = desk.switch.subscribe();
    let stops = async move { _ = switch.wait_for(|switch| switch.phase > Phase::Running).await };
    tokio::pin!(stops);
    let mut connections = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections += 1;
                    tokio::spawn(connection::serve(desk.clone(), stream, connections));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            () = &mut stops => return,
        }
    }
}
