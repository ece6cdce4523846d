//! Where vectors are made: off the threads that serve sockets, one text after the other, by models that are loaded when they are
//! first needed.

use super::Transformer;
use crate::provider::{Charge, Failure, FailureClass};
use parking_lot::Mutex;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Models that are loaded at once, the last that were used.
const LOADED: usize = 2;

/// How long it is remembered that a model cannot be loaded.
const REMEMBERED_FOR: Duration = Duration::from_secs(30);

/// What became of loading a model, and when.
type Tried = (PathBuf, Instant, Result<Arc<Transformer>, String>);

/// The models that were tried last, and whose turn it is.
pub(crate) struct Workshop {
    /// One at a time: of the server's processors this takes one. Who comes first is served first.
    turn: Arc<Semaphore>,
    /// The newest at the end.
    tried: Mutex<Vec<Tried>>,
}

impl Default for Workshop {
    fn default() -> Self {
        Self { turn: Arc::new(Semaphore::new(1)), tried: Mutex::default() }
    }
}

/// Ends the work of a thread when it is dropped.
struct Given(Arc<AtomicBool>);

impl Drop for Given {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Workshop {
    /// A vector for each text, by the model in a folder. Dropping this ends the work after the few texts that are at hand.
    ///
    /// # Errors
    /// [`FailureClass::ContextOverflow`] where a text has no vector: fewer texts may all have one. [`FailureClass::Stopped`]
    /// where the model cannot be used, [`FailureClass::ServerError`] where it failed.
    pub(crate) async fn vectors(
        self: Arc<Self>,
        folder: PathBuf,
        texts: Vec<String>,
    ) -> Result<Vec<Vec<f32>>, Failure> {
        let given_up = Arc::new(AtomicBool::new(false));
        let _given = Given(given_up.clone());
        let turn = self.turn.clone().acquire_owned().await;
        // Its thread inherits that all signals are blocked, and keeps the turn until it has ended.
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            self.make(&folder, &texts, &given_up)
        });
        work.await.unwrap_or_else(|_| Err(failure(FailureClass::ServerError, "the model failed".to_owned())))
    }

    fn make(&self, folder: &Path, texts: &[String], given_up: &AtomicBool) -> Result<Vec<Vec<f32>>, Failure> {
        let mut tried = self.tried.lock();
        let model = loaded(&mut tried, folder).map_err(|why| failure(FailureClass::Stopped, why))?;
        let late = || failure(FailureClass::TimedOut, "it took too long".to_owned());
        let none = || failure(FailureClass::ContextOverflow, "a text has no token that the model knows".to_owned());
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let made = model.embed(&texts, || given_up.load(Ordering::Relaxed)).ok_or_else(late)?;
        made.into_iter().map(|vector| vector.ok_or_else(none)).collect()
    }
}

/// The model in a folder. It is read once: who changes it gives it another name.
fn loaded(tried: &mut Vec<Tried>, folder: &Path) -> Result<Arc<Transformer>, String> {
    tried.retain(|(_, at, loaded)| loaded.is_ok() || at.elapsed() < REMEMBERED_FOR);
    let known = tried.iter().position(|(of, ..)| of == folder);
    let (of, at, loaded) = match known {
        Some(at) => tried.remove(at),
        None => {
            // Before, not after: they may be large.
            tried.drain(..tried.len().saturating_sub(LOADED - 1));
            (folder.to_owned(), Instant::now(), Transformer::load(folder).map(Arc::new))
        }
    };
    tried.push((of, at, loaded.clone()));
    loaded
}

fn failure(class: FailureClass, detail: String) -> Failure {
    Failure::new(class, Charge::None, detail)
}
