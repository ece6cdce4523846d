//! The kill switch and the end of the process.

use super::wire::Act;
use super::*;
use crate::batches::{Agenda, Question};
use crate::store::{AttemptOutcome, Known, Refusal, Request, Reserved};
use crate::{Gateway, Options};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream as StdStream};
use std::sync::mpsc::Receiver;

/// Flights at every stage: looked up, waiting, held back by a limit, sent.
async fn busy(act: Act) -> (Scene, Backend) {
    let script = move |_: usize, _: &Route, _: &[String]| act.clone();
    let scene = Scene::new(Wire::new(script), |plan| {
        let mut limited = route(1, "cheap");
        limited.provider.requests_per_minute = Some(2);
        (plan.routes, plan.pack_size, plan.in_flight) = (vec![Arc::new(limited)], 1, 2);
    });
    let mut backend = scene.connect();
    backend.ask(1, &numbered("title", 5), PATIENT).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    scene.ledger.lock().slow = Some(Duration::from_millis(500));
    backend.ask(2, &numbered("other", 5), PATIENT).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(scene.account.lock().now, 1);
    (scene, backend)
}

impl Scene {
    fn switch_off(&self) {
        self.desk.switch.send_modify(|switch| switch.external = false);
        self.desk.refuse_all(&Refusal::new(Reason::ExternalOff), true);
    }
}

#[tokio::test(start_paused = true)]
async fn the_kill_switch_ends_everything_at_once() {
    let (scene, mut backend) = busy(Act::Hang).await;
    let began = tokio::time::Instant::now();
    scene.switch_off();
    for request in [1, 2] {
        let replies = backend.replies(request, 5).await;
        assert!(replies.iter().all(|reply| reason(reply) == Reason::ExternalOff));
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(scene.account.lock().now, 0, "a request is still under way");
    assert!(began.elapsed() < Duration::from_secs(1));
    scene.ends().await;
    assert_eq!((scene.sent().len(), scene.ledger.lock().in_doubt.len()), (1, 1));
    // What is asked later is refused, too, unless it is known.
    backend.ask(3, &numbered("title", 1), PATIENT).await;
    assert_eq!(reason(&backend.replies(3, 1).await[0]), Reason::ExternalOff);
    scene.desk.switch.send_modify(|switch| switch.external = true);
    scene.ends().await;
}

#[tokio::test(start_paused = true)]
async fn the_kill_switch_while_money_is_set_aside_releases_it() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |plan| plan.pack_wait = Duration::ZERO);
    scene.ledger.lock().slow = Some(Duration::from_secs(1));
    let mut backend = scene.connect();
    backend.ask(1, &numbered("title", 1), PATIENT).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    scene.switch_off();
    assert_eq!(reason(&backend.replies(1, 1).await[0]), Reason::ExternalOff);
    scene.ends().await;
    assert_eq!((scene.sent().len(), scene.ledger.lock().released), (0, 1));
}

/// A whole gateway on a socket in the file system, and a store that serves its inbox while `serve` says so.
fn gateway(wire: Wire) -> (Gateway, tempfile::TempDir, Receiver<Request>) {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = UnixListener::bind(directory.path().join("socket")).expect("a socket");
    socket.set_nonblocking(true).expect("a socket");
    let options = Options {
        socket,
        external: true,
        max_flights: 1000,
        max_image_bytes: 1000,
        on_thread_start: || {},
        threads: 2,
    };
    let (gateway, inbox) = Gateway::start_with(options, Arc::new(wire), || {}).expect("a gateway");
    (gateway, directory, inbox)
}

/// Serves the inbox as the main thread does, until `over`.
fn serve(inbox: &Receiver<Request>, closed: &mut Vec<AttemptOutcome>, mut over: impl FnMut(usize) -> bool) {
    let mut reserved = 0;
    while !over(reserved) {
        match inbox.recv_timeout(Duration::from_millis(5)) {
            Ok(Request::LookUp(look_up, reply)) => {
                let answers = look_up.keys.iter().map(|_| None).collect();
                _ = reply.send(Ok(Known {
                    plan: Arc::new(plan()),
                    answers,
                    unsure: Default::default(),
                    soft: false,
                    comparable: None,
                }));
            }
            Ok(Request::Reserve(_, reply)) => {
                reserved += 1;
                _ = reply.send(Ok(Reserved { attempt: reserved as i64 }));
            }
            Ok(Request::Close(closing, reply)) => {
                closed.push(closing.outcome);
                _ = reply.send(());
            }
            Ok(Request::KeepVectors(_, _, reply)) => _ = reply.send(true),
            Ok(Request::LackVectors(_, reply)) => _ = reply.send(None),
            Ok(Request::Compare(_, reply)) => _ = reply.send(Vec::new()),
            Ok(Request::Batches(Question::Agenda(reply))) => _ = reply.send(Agenda::default()),
            Ok(
                Request::Batches(_)
                | Request::Confirm(_)
                | Request::Alert(_)
                | Request::HoldVectors(..)
                | Request::NoVectors(..),
            )
            | Err(_) => {}
        }
    }
}

#[test]
fn a_gateway_starts_answers_idles_and_ends_with_every_attempt_closed() {
    for (act, patience) in [(Act::Answer, 60_000), (Act::Hang, 50), (Act::Hang, 0)] {
        let (gateway, directory, inbox) = gateway(Wire::new(move |_, _, _| act.clone()));
        assert!(gateway.idle_for().is_some());
        assert_eq!(gateway.activity(), "idle");
        let mut stream = StdStream::connect(directory.path().join("socket")).expect("a backend");
        let bytes = frame::encode(&question(1, "", &numbered("title", 1), PATIENT, 0)).expect("a frame");
        stream.write_all(&bytes).expect("a question");
        let mut closed = Vec::new();
        serve(&inbox, &mut closed, |reserved| reserved == 1 && gateway.activity().starts_with("1 request in flight"));
        assert_eq!(gateway.idle_for(), None);
        gateway.begin_shutdown(Duration::from_millis(patience));
        serve(&inbox, &mut closed, |_| gateway.is_finished());
        drop(gateway);
        assert_eq!(closed.len(), 1, "{closed:?}");
        let mut said = Vec::new();
        stream.read_to_end(&mut said).expect("the end");
        let reply: ToBackend = frame::decode(&said).expect("one reply");
        let ToBackend::Replies { replies, .. } = reply else { panic!("{reply:?}") };
        match &replies[0].1 {
            Reply::Answered(_) => assert_eq!(patience, 60_000),
            Reply::Unanswered { reason, .. } => {
                assert!(*reason == Reason::GatewayDown && patience < 60_000);
                assert_eq!(closed, [AttemptOutcome::InDoubt]);
            }
        }
    }
}

#[test]
fn a_gateway_that_is_dropped_in_the_middle_closes_what_it_sent() {
    let (gateway, directory, inbox) = gateway(Wire::new(|_, _, _| Act::Hang));
    let mut stream = StdStream::connect(directory.path().join("socket")).expect("a backend");
    let bytes = frame::encode(&question(1, "", &numbered("title", 25), PATIENT, 0)).expect("a frame");
    stream.write_all(&bytes).expect("a question");
    let mut closed = Vec::new();
    serve(&inbox, &mut closed, |reserved| reserved == 3 && gateway.activity().starts_with("3 requests in flight"));
    drop(gateway);
    // The senders are gone with the runtime, so the inbox holds all there ever will be.
    while let Ok(request) = inbox.try_recv() {
        if let Request::Close(closing, _) = request {
            closed.push(closing.outcome);
        }
    }
    assert_eq!(closed, [AttemptOutcome::InDoubt; 3]);
}
