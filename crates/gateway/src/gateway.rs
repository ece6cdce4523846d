//! The gateway as the worker's main thread sees it.

use crate::batches;
use crate::desk::{Bounds, Desk};
use crate::embedder;
use crate::sender::{OverHttp, Sender};
use crate::server;
use crate::store::{Refusal, Request, Store};
use crate::switch::{Phase, Switch};
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::frame::STOPPING;
use std::fmt::Write as _;
use std::io;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// How long threads may take to end when the gateway is dropped.
const LAST_MOMENT: Duration = Duration::from_millis(200);

/// What a gateway is made of.
pub struct Options {
    /// Where backends come in; non-blocking, bound by the caller.
    pub socket: UnixListener,
    /// Whether anything may be sent.
    pub external: bool,
    /// Inputs that are being answered at once; beyond, all but a few of each connection are `rate_limited`. 20,000 is
    /// a good number.
    pub max_flights: usize,
    /// Bytes of images, in base64, that are being answered at once; beyond, inputs with an image are `rate_limited`. A
    /// request that is sent holds its own once more. 256 MB is a good number.
    pub max_image_bytes: usize,
    /// Runs first on every thread.
    pub on_thread_start: fn(),
    /// Threads.
    pub threads: usize,
}

/// A running gateway. Nothing here blocks but dropping it, and that not for long.
pub struct Gateway {
    desk: Arc<Desk>,
    runtime: Option<Runtime>,
}

impl Gateway {
    /// Starts it. `wake` is called, on any thread, after each question in the inbox that is returned.
    ///
    /// The caller blocks all signals meanwhile, as threads are born here and inherit what it blocks.
    ///
    /// # Errors
    /// Where there is no thread, or the socket is none.
    pub fn start(options: Options, wake: impl Fn() + Send + Sync + 'static) -> io::Result<(Self, Receiver<Request>)> {
        Self::start_with(options, Arc::new(OverHttp::new()), wake)
    }

    /// The same with another way to send.
    ///
    /// # Errors
    /// As for `start`.
    pub fn start_with(
        options: Options,
        sender: Arc<dyn Sender>,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<(Self, Receiver<Request>)> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(options.threads.max(1))
            .thread_name("pg_categorize")
            .on_thread_start(options.on_thread_start)
            .enable_all()
            .build()?;
        let (store, inbox) = Store::new(wake);
        let _inside = runtime.enter();
        let listener = tokio::net::UnixListener::from_std(options.socket)?;
        let switch = Switch { external: options.external, phase: Phase::Running };
        let bounds = Bounds { flights: options.max_flights, image_bytes: options.max_image_bytes };
        let desk = Arc::new(Desk::new(store, sender, switch, bounds));
        runtime.spawn(server::run(desk.clone(), listener));
        runtime.spawn(embedder::run(desk.clone()));
        runtime.spawn(batches::run(desk.clone()));
        drop(_inside);
        Ok((Self { desk, runtime: Some(runtime) }, inbox))
    }

    /// The kill switch: off, whatever is under way is given up, and everybody who waits hears `external_off`.
    pub fn set_external(&self, on: bool) {
        let changed = self.desk.switch.send_if_modified(|switch| std::mem::replace(&mut switch.external, on) != on);
        if changed && !on {
            self.desk.refuse_all(&Refusal::new(Reason::ExternalOff), true);
        }
    }

    /// Prices, providers or taxonomies changed: stopped providers are tried again.
    pub fn plans_changed(&self) {
        self.desk.plans_changed();
        self.want_vectors();
        self.want_batches();
    }

    /// Something may have been queued, or is wanted of batches.
    pub fn want_batches(&self) {
        self.desk.batches_wanted.notify_one();
    }

    /// Whether batches are open, or something in the queue waits for its time: then a gateway does not leave.
    pub fn waits_for_batches(&self) -> bool {
        self.desk.batches_pending.load(Ordering::Acquire)
    }

    /// Texts may have come that lack their vectors, or what these were refused for may have gone.
    pub fn want_vectors(&self) {
        self.desk.vectors_wanted.notify_one();
    }

    /// Since when there is nothing to do; `None` while there is.
    pub fn idle_for(&self) -> Option<Duration> {
        let (flights, _, last_work) = self.desk.business();
        (flights == 0 && self.open() == 0).then(|| self.desk.clock.now().saturating_sub(last_work))
    }

    /// What it does, in a few words.
    pub fn activity(&self) -> String {
        let (flights, waiting, _) = self.desk.business();
        let in_flight = self.desk.health.lock().in_flight();
        let mut activity = String::new();
        if in_flight > 0 {
            _ = write!(activity, "{in_flight} {} in flight", if in_flight == 1 { "request" } else { "requests" });
        }
        if waiting > 0 {
            let comma = if activity.is_empty() { "" } else { ", " };
            _ = write!(activity, "{comma}{waiting} {} waiting", if waiting == 1 { "input" } else { "inputs" });
        }
        match activity.is_empty() {
            false => activity,
            true if flights == 0 => "idle".to_owned(),
            true => "storing answers".to_owned(),
        }
    }

    /// Begins to stop: nobody is let in, nothing more is sent, who waits for what is not sent hears `gateway_down`. What
    /// is sent may be answered for as long as `patience`, then it is given up.
    ///
    /// The caller goes on to serve the inbox until `is_finished`, drops the gateway, and serves what is left in the inbox:
    /// attempts that were given up are closed through it.
    pub fn begin_shutdown(&self, patience: Duration) {
        self.desk.switch.send_modify(|switch| switch.phase = switch.phase.max(Phase::Draining));
        self.desk.refuse_all(&stopping(), false);
        let desk = self.desk.clone();
        if let Some(runtime) = &self.runtime {
            runtime.spawn(async move {
                tokio::time::sleep(patience).await;
                desk.switch.send_modify(|switch| switch.phase = Phase::Aborting);
                desk.refuse_all(&stopping(), true);
            });
        }
    }

    /// Whether everything is answered, closed and stored.
    pub fn is_finished(&self) -> bool {
        self.desk.business().0 == 0 && self.open() == 0
    }

    fn open(&self) -> usize {
        self.desk.attempts.load(Ordering::Acquire) + self.desk.asks.load(Ordering::Acquire)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // From here on no task starts another.
        self.desk.switch.send_modify(|switch| switch.phase = Phase::Aborting);
        self.desk.refuse_all(&stopping(), true);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(LAST_MOMENT);
        }
    }
}

fn stopping() -> Refusal {
    Refusal::because(Reason::GatewayDown, STOPPING)
}
