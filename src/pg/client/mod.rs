//! A backend's side of the gateway: it asks, and waits for the replies without being deaf to anything else.
//!
//! A session keeps one connection. While it is in use it lives on the stack, so that an error that unwinds out of a wait
//! closes it, and the gateway learns that nobody waits any more. A parallel worker is a process of its own and opens its own.

mod asker;
mod connection;
mod dialogue;
mod flow;

use crate::pg::launch::{self, Obstacle};
use crate::pg::scope::Scope;
use crate::pg::wait;
pub use asker::asker;
use connection::{Broken, Connection, Unreachable};
use dialogue::Dialogue;
pub use flow::Flow;
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::frame::{HealthLine, Input, Reply, STOPPING, ToBackend, ToGateway};
use pgrx::pg_sys;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A gateway that leaves is gone after this time.
const LEAVING: Duration = Duration::from_secs(3);

thread_local! {
    static IDLE: RefCell<Option<Connection>> = const { RefCell::new(None) };
    static NUMBER: Cell<u64> = const { Cell::new(0) };
}

/// What the gateway says of each input; those that are not answered by the deadline are unanswered for that reason.
///
/// # Errors
/// What a cancel or a termination raises; what was asked is then called off.
pub fn ask(scope: &Rc<Scope>, inputs: Vec<Input>, deadline: Instant) -> Vec<Reply> {
    let mut dialogue = Dialogue::new(scope, inputs, deadline);
    let leaves_until = deadline.min(Instant::now() + LEAVING);
    let mut lost = 0;
    // A gateway that is killed while it is asked: its successor is asked once more, for what is left. One that leaves takes
    // a moment to do so.
    while lost < 2 {
        let mut connection = match open(deadline) {
            Ok(connection) => connection,
            Err(detail) => return dialogue.end(Reason::GatewayDown, Some(detail)),
        };
        match dialogue.over(&mut connection) {
            Ok(()) => {
                if dialogue.call_off(&mut connection) {
                    IDLE.set(Some(connection));
                }
                return dialogue.end(Reason::Timeout, None);
            }
            Err(Broken::Ended) => lost += 1,
            Err(Broken::Leaving) if Instant::now() < leaves_until => {
                drop(connection);
                wait::nap(Duration::from_millis(20));
            }
            Err(Broken::Leaving) => return dialogue.end(Reason::GatewayDown, Some(STOPPING.to_owned())),
            Err(Broken::Misunderstood(why)) => return dialogue.end(Reason::GatewayDown, Some(misunderstood(&why))),
        }
    }
    dialogue.end(Reason::GatewayDown, Some("It ended while it was asked.".to_owned()))
}

/// Tells the gateway of free answers that are to be audited, without waiting for anything; whether it was told. Where none listens, one
/// is started for the next time.
pub fn tell(scope: &Scope, inputs: &[Input]) -> bool {
    let Some(mut connection) = idle().or_else(|| Connection::open(&socket_path()).ok()) else {
        launch::want_gateway();
        return false;
    };
    let said = connection.say(&dialogue::audit(scope, inputs)).is_ok();
    // What does not go out at once is given up, with the connection.
    let told = said && connection.transmit().is_ok() && connection.is_flushed();
    if told {
        IDLE.set(Some(connection));
    }
    told
}

/// How the providers are doing; nothing where no gateway runs, and none is started.
pub fn health(patience: Duration) -> Vec<HealthLine> {
    let Ok(mut connection) = idle().map_or_else(|| Connection::open(&socket_path()), Ok) else { return Vec::new() };
    let (request, deadline) = (number(), Instant::now() + patience);
    if connection.say(&ToGateway::Health { request }).is_err() {
        return Vec::new();
    }
    loop {
        match connection.next() {
            Ok(Some(ToBackend::Health { request: of, lines })) if of == request => {
                IDLE.set(Some(connection));
                return lines;
            }
            Ok(Some(ToBackend::Refused { .. })) | Err(_) => return Vec::new(),
            Ok(Some(_)) => continue,
            Ok(None) => {}
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || connection.turn(left).is_err() {
            return Vec::new();
        }
    }
}

/// The kept connection, or a new one; wakes the gateway where none listens.
fn open(deadline: Instant) -> Result<Connection, String> {
    if let Some(connection) = idle() {
        return Ok(connection);
    }
    let path = socket_path();
    let mut pause = Duration::from_millis(5);
    loop {
        match Connection::open(&path) {
            Ok(connection) => return Ok(connection),
            Err(Unreachable::Always(why)) => return Err(why),
            Err(Unreachable::Now) => {}
        }
        launch::want_gateway();
        if let Some(obstacle) = launch::obstacle() {
            return Err(told(obstacle));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err("It did not start in time.".to_owned());
        }
        wait::nap(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// The kept connection, unless its other end is gone.
fn idle() -> Option<Connection> {
    let mut connection = IDLE.take()?;
    connection.is_alive().then_some(connection)
}

fn socket_path() -> String {
    // SAFETY: reads a global of the main thread.
    launch::socket_path(unsafe { pg_sys::MyDatabaseId })
}

fn told(obstacle: Obstacle) -> String {
    match obstacle {
        Obstacle::NotPreloaded => "The library is not in shared_preload_libraries.",
        Obstacle::NoWorkerSlot => "No background worker is free for it: max_worker_processes is too low.",
        Obstacle::Failed(why) => why,
    }
    .to_owned()
}

fn number() -> u64 {
    NUMBER.set(NUMBER.get() + 1);
    NUMBER.get()
}

fn misunderstood(why: &str) -> String {
    format!("It does not speak as this library does: {why}. After an update of the library, restart the server.")
}
