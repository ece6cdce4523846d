//! The loop of the main thread: it sleeps until a signal or a question comes, and holds no transaction while it sleeps.

use super::inbox::Inbox;
use super::{keep_commits_durable, socket, threads, upkeep};
use crate::pg::launch::{self, State};
use crate::pg::worker::{report, report_idle};
use crate::pg::{compat, due, error, guard, guc, xact};
use pg_categorize_gateway::{Gateway, Options};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

/// Inputs that are being answered at once.
const MAX_FLIGHTS: usize = 20_000;

/// Bytes of images that are being answered at once: nine of the largest, or some fifty as photos are.
const MAX_IMAGE_BYTES: usize = 256 * 1024 * 1024;

/// Threads for sockets, timers and TLS.
const THREADS: usize = 2;

/// How long it sleeps at most while there is work.
const GLANCE: Duration = Duration::from_millis(200);

/// How often it asks, while it stores answers, whether a training is due or an indexing.
const ASK_WHAT_IS_DUE: Duration = Duration::from_secs(2);

/// How long until it is tried again to take over from the former gateway.
const TAKE_OVER_AGAIN: Duration = Duration::from_secs(5);

/// How long what is sent may still be answered when the process is to end. What has not come by then is in doubt: a server
/// that is to stop does not wait for a provider that hangs.
const LAST_ANSWERS: Duration = Duration::from_millis(50);

/// How often it is looked whether all is booked.
const LAST_GLANCE: Duration = Duration::from_millis(2);

/// How long a gateway takes to stop at most.
const LAST_BOOKINGS: Duration = Duration::from_secs(1);

/// Serves the database until there is nothing to do, or the process is to end.
pub fn run(database: pg_sys::Oid) {
    let path = launch::socket_path(database);
    match start(path) {
        Ok((gateway, inbox, woken)) => {
            Serving { database: database.to_u32(), gateway, inbox, woken, activity: String::new() }.run();
        }
        Err(why) => {
            error::log("gateway could not start", Some(format!("The error was: {why}.")), None);
            launch::enter(database.to_u32(), State::Ended);
        }
    }
}

fn start(path: String) -> io::Result<(Gateway, Inbox, UnixStream)> {
    let socket = socket::listen(path)?;
    let (woken, waker) = UnixStream::pair()?;
    woken.set_nonblocking(true)?;
    waker.set_nonblocking(true)?;
    let options = Options {
        socket,
        external: guc::external(),
        max_flights: MAX_FLIGHTS,
        max_image_bytes: MAX_IMAGE_BYTES,
        on_thread_start: threads::block_signals,
        threads: THREADS,
    };
    let wake = move || {
        // A byte that does not fit is one of many that wake as well.
        _ = (&waker).write(&[1]);
    };
    let (gateway, requests) = threads::with_signals_blocked(|| Gateway::start(options, wake))?;
    Ok((gateway, Inbox::new(requests), woken))
}

struct Serving {
    database: u32,
    gateway: Gateway,
    inbox: Inbox,
    woken: UnixStream,
    activity: String,
}

impl Serving {
    fn run(mut self) {
        let began = guard::clock();
        let mut has_taken_over = upkeep::take_over(began);
        let mut tried = Instant::now();
        upkeep::every_hour();
        upkeep::tell();
        launch::enter(self.database, State::Running);
        launch::be_gateway(self.database);
        due::pace(ASK_WHAT_IS_DUE);
        let (mut upkeep, mut news) = (upkeep::Clock::hourly(), upkeep::Clock::of_news());
        while !self.must_leave() {
            self.report();
            // While there is work, it may end without a word to this thread.
            let idle = match self.until_idle() {
                None => Some(GLANCE),
                // It is woken for what batches want.
                Some(_) if self.gateway.waits_for_batches() => None,
                idle => idle,
            };
            let due = [idle, upkeep.rest(), news.rest(), self.inbox.rest(), due::rest()].into_iter().flatten().min();
            self.sleep(due.unwrap_or(GLANCE));
            serve_interrupts();
            if compat::reload_requested() {
                self.reload();
            }
            if launch::take_vectors_wanted(self.database) {
                self.gateway.want_vectors();
            }
            if launch::take_batches_wanted(self.database) {
                self.gateway.want_batches();
            }
            self.drain();
            if due::rest() == Some(Duration::ZERO) {
                // Asked when a transaction commits; none may come.
                _ = xact::attempt(|| ());
            }
            if !has_taken_over && tried.elapsed() > TAKE_OVER_AGAIN {
                has_taken_over = upkeep::take_over(began);
                tried = Instant::now();
            }
            if news.is_due() {
                upkeep::tell();
            }
            if upkeep.is_due() {
                upkeep::every_hour();
                self.inbox.forget_plans();
            }
            if self.inbox.is_orphaned() {
                break;
            }
        }
        self.leave();
    }

    /// Whether the process is to end, or has had nothing to do for long.
    fn must_leave(&self) -> bool {
        compat::shutdown_requested()
            || launch::is_going(self.database)
            || !self.inbox.has_backlog()
                && !self.gateway.waits_for_batches()
                && self.until_idle() == Some(Duration::ZERO)
    }

    fn until_idle(&self) -> Option<Duration> {
        self.gateway.idle_for().map(|idle| guc::gateway_idle().saturating_sub(idle))
    }

    fn sleep(&mut self, time: Duration) {
        let events =
            pg_sys::WL_LATCH_SET | pg_sys::WL_SOCKET_READABLE | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
        // Rounded up: a wait that ends before its time would be begun again and again.
        let milliseconds = i64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX);
        // SAFETY: plain calls on the latch of this process, on the main thread; the stream is open.
        unsafe {
            pg_sys::WaitLatchOrSocket(
                pg_sys::MyLatch,
                events as i32,
                self.woken.as_raw_fd(),
                milliseconds,
                pg_sys::PG_WAIT_EXTENSION,
            );
            pg_sys::ResetLatch(pg_sys::MyLatch);
        }
        // All that woke us, before the inbox is looked into: what comes afterwards wakes again.
        let mut bytes = [0; 256];
        while matches!(self.woken.read(&mut bytes), Ok(read) if read == bytes.len()) {}
    }

    fn drain(&mut self) {
        while self.inbox.drain() {
            serve_interrupts();
        }
        if self.inbox.plans_changed() {
            self.gateway.plans_changed();
        }
    }

    fn reload(&mut self) {
        // SAFETY: a plain call outside of any transaction, as Postgres' own processes make it.
        unsafe { pg_sys::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP) };
        keep_commits_durable();
        self.gateway.set_external(guc::external());
        // Keys, hosts and limits are read anew with the next question.
        self.inbox.forget_plans();
    }

    fn report(&mut self) {
        let activity = self.gateway.activity();
        if activity != self.activity {
            if activity == "idle" {
                report_idle("waiting for inputs")
            } else {
                report(&activity)
            }
            self.activity = activity;
        }
    }

    /// How long what is sent may still be answered. Who drops, renames or copies the database waits for nothing; it may live
    /// on, so that what is under way is booked in doubt all the same. An extension that is gone or of another version takes
    /// no bookings: its successor finds what is open.
    fn patience(&self) -> Duration {
        let nobody_waits = launch::is_going(self.database) || self.inbox.is_orphaned();
        if nobody_waits { Duration::ZERO } else { LAST_ANSWERS }
    }

    /// Nobody is let in any more; what is sent may be answered for a moment, and all is booked.
    fn leave(mut self) {
        socket::remove();
        report("stopping");
        let end = Instant::now() + LAST_BOOKINGS;
        self.gateway.begin_shutdown(self.patience());
        while !self.gateway.is_finished() && Instant::now() < end {
            self.sleep(LAST_GLANCE);
            while self.inbox.drain() {}
            self.inbox.settle();
        }
        let Self { gateway, mut inbox, database, .. } = self;
        drop(gateway);
        while inbox.drain() {}
        inbox.store_backlog();
        launch::ended(database, true);
    }
}

/// Serves what other processes ask of this one. A cancel, which finds no statement here, must not end it.
fn serve_interrupts() {
    PgTryBuilder::new(AssertUnwindSafe(guard::check_for_interrupts)).catch_others(|_| ()).execute();
}
