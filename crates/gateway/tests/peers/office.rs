//! The whole gateway with a store in memory: what backends and the ledger see of a server.

use pg_categorize_core::fingerprint::Fingerprint;
use pg_categorize_core::frame::{self, Ask, Asker, HEADER_BYTES, Input, Reply, Target, ToBackend, ToGateway};
use pg_categorize_core::money::Money;
use pg_categorize_gateway::batches::{Agenda, Question};
use pg_categorize_gateway::plan::Plan;
use pg_categorize_gateway::store::{AttemptOutcome, Known, Request, Reserved};
use pg_categorize_gateway::{Gateway, Options};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What the store has seen.
#[derive(Debug, Default)]
pub struct Books {
    open: HashMap<i64, Money>,
    pub attempts: i64,
    pub settled: usize,
    pub released: usize,
    pub in_doubt: usize,
    pub stored: usize,
    pub alerts: Vec<&'static str>,
}

/// A running gateway.
pub struct Office {
    gateway: Option<Gateway>,
    store: Option<JoinHandle<()>>,
    folder: tempfile::TempDir,
    books: Arc<Mutex<Books>>,
}

impl Office {
    pub fn open(plan: Plan) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = UnixListener::bind(folder.path().join("socket")).expect("a socket");
        socket.set_nonblocking(true).expect("a socket that does not block");
        let options = Options {
            socket,
            external: true,
            max_flights: 1000,
            max_image_bytes: 1000,
            on_thread_start: || (),
            threads: 2,
        };
        let (gateway, inbox) = Gateway::start(options, || ()).expect("a gateway");
        let books = Arc::<Mutex<Books>>::default();
        let (plan, shared) = (Arc::new(plan), books.clone());
        let store = std::thread::spawn(move || serve(&inbox, &plan, &shared));
        Self { gateway: Some(gateway), store: Some(store), folder, books }
    }

    /// Asks as a backend does; the replies in the order of the titles.
    pub fn ask(&self, titles: &[String], patience: Duration) -> Vec<Reply> {
        let mut stream = UnixStream::connect(self.folder.path().join("socket")).expect("a connection");
        stream.set_read_timeout(Some(super::LONG)).expect("a time limit");
        let ask = ToGateway::Ask(Ask {
            request: 1,
            patience_ms: u32::try_from(patience.as_millis()).expect("a short time"),
            asker: Asker::default(),
            tenant: String::new(),
            target: Target::Taxonomy { id: 1, version: 1 },
            inputs: titles.iter().map(|title| input(title)).collect(),
        });
        stream.write_all(&frame::encode(&ask).expect("a frame")).expect("the gateway listens");
        let mut replies: Vec<Option<Reply>> = vec![None; titles.len()];
        while replies.iter().any(Option::is_none) {
            let ToBackend::Replies { replies: some, .. } = hear(&mut stream) else { panic!("no replies") };
            for (position, reply) in some {
                assert!(replies[position as usize].replace(reply).is_none(), "two replies to {position}");
            }
        }
        replies.into_iter().flatten().collect()
    }

    /// Ends it. No attempt may be open then.
    pub fn close(mut self) -> Books {
        let end = Instant::now() + super::LONG;
        let gateway = self.gateway.take().expect("a gateway");
        while !gateway.is_finished() {
            assert!(Instant::now() < end, "something is still under way: {}", gateway.activity());
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(gateway);
        self.store.take().expect("a store").join().expect("a store that is content");
        let books = std::mem::take(&mut *self.books.lock().expect("books"));
        assert!(books.open.is_empty(), "{books:?}");
        books
    }
}

fn input(title: &str) -> Input {
    let mut key = [0_u8; 32];
    for (at, byte) in title.bytes().enumerate() {
        key[at % 32] = key[at % 32].rotate_left(3) ^ byte;
    }
    Input {
        key: Fingerprint(key),
        shared_key: None,
        text: title.to_owned(),
        image: None,
        best_confidence: 0.5,
        hints: Vec::new(),
        audited: None,
    }
}

fn hear(stream: &mut UnixStream) -> ToBackend {
    let mut bytes = vec![0; HEADER_BYTES];
    stream.read_exact(&mut bytes).expect("a frame");
    let length = frame::length(&bytes).expect("a frame of ours").expect("a header");
    bytes.resize(length, 0);
    stream.read_exact(&mut bytes[HEADER_BYTES..]).expect("the whole frame");
    frame::decode(&bytes).expect("a message")
}

/// Knows no answer, has all the money, and closes each attempt once.
fn serve(inbox: &Receiver<Request>, plan: &Arc<Plan>, books: &Mutex<Books>) {
    for request in inbox {
        let mut books = books.lock().expect("books");
        match request {
            Request::LookUp(look_up, reply) => {
                let answers = vec![None; look_up.keys.len()];
                _ = reply.send(Ok(Known {
                    plan: plan.clone(),
                    answers,
                    unsure: HashMap::new(),
                    soft: false,
                    comparable: None,
                }));
            }
            Request::Reserve(attempt, reply) => {
                books.attempts += 1;
                let attempt_id = books.attempts;
                books.open.insert(attempt_id, attempt.worst_case);
                _ = reply.send(Ok(Reserved { attempt: attempt_id }));
            }
            Request::Close(closing, reply) => {
                let worst_case = books.open.remove(&closing.attempt).expect("an attempt that is open");
                match closing.outcome {
                    AttemptOutcome::Settled { cost, .. } => {
                        assert!(cost <= worst_case, "{cost} of {worst_case}");
                        books.settled += 1;
                    }
                    AttemptOutcome::Released => books.released += 1,
                    AttemptOutcome::InDoubt => books.in_doubt += 1,
                }
                books.stored += closing.answers.len();
                _ = reply.send(());
            }
            Request::LackVectors(_, reply) => _ = reply.send(None),
            Request::Compare(_, reply) => _ = reply.send(Vec::new()),
            Request::KeepVectors(_, _, reply) => _ = reply.send(true),
            Request::Confirm(_) | Request::HoldVectors(..) | Request::NoVectors(..) => {}
            Request::Alert(alert) => books.alerts.push(alert.kind),
            Request::Batches(Question::Agenda(reply)) => _ = reply.send(Agenda::default()),
            Request::Batches(_) => {}
        }
    }
}
