//! The process that trains on many categories, so that the most memory it took is that of the training.

use super::ours::{MEMORY, OPTIONS};
use crate::data::LargeShop;
use pg_categorize_core::local_model::{Lessons, Standing, Trained, train};
use pg_categorize_core::normalise::{Case, normalise_into};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What the process is started with; no option of the benchmark.
pub const COMMAND: &str = "train-many-categories";

/// How often it says how far it is.
const NEWS: Duration = Duration::from_secs(10);

/// What it finds, on its standard output.
#[derive(Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// What normalising and vectorising took; titles are made meanwhile, which is part of it.
    pub lesson_seconds: f64,
    /// All of it.
    pub seconds: f64,
    /// The most memory that it ever had.
    pub peak_bytes: f64,
    /// Examples that the model rests on.
    pub examples: i32,
    /// Categories among them.
    pub categories: i32,
    /// Examples that memory had no room for.
    pub left_out: f64,
    /// Examples that the memory has room for that a training may take where nobody set it.
    pub kept_by_default: f64,
    /// Share of the held-out examples that it got right.
    pub accuracy: f64,
}

/// Does what `arguments` say where they are those of this process.
pub fn run(arguments: &[String]) -> Option<ExitCode> {
    let (command, rest) = arguments.split_first()?;
    if command != COMMAND {
        return None;
    }
    let [listed, rows, megabytes, stored] = rest else { return Some(ExitCode::from(2)) };
    Some(match trained(listed, rows, megabytes, stored) {
        Ok(outcome) => {
            println!("{}", serde_json::to_string(&outcome).expect("numbers"));
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("{COMMAND}: {e}");
            ExitCode::FAILURE
        }
    })
}

fn trained(listed: &str, rows: &str, megabytes: &str, stored: &str) -> Result<Outcome, Box<dyn Error>> {
    let text = std::fs::read_to_string(listed)?;
    let categories: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once('\t')).collect();
    let ids = categories.iter().map(|(id, _)| id.parse()).collect::<Result<Vec<i32>, _>>()?;
    let shop = LargeShop::new(categories.iter().map(|(_, path)| *path));
    let start = Instant::now();
    let lessons = lessons(&shop, &ids, rows.parse()?, megabytes.parse::<usize>()? << 20);
    let lesson_seconds = start.elapsed().as_secs_f64();
    let mut told = Instant::now();
    let mut progress = |part: f32| {
        if told.elapsed() >= NEWS {
            told = Instant::now();
            eprintln!("    training: {:.0}%", part * 100.0);
        }
    };
    let Trained { bytes, report, .. } = train(lessons, &OPTIONS, None, &mut progress).map_err(|e| format!("{e:?}"))?;
    let seconds = start.elapsed().as_secs_f64();
    let peak_bytes = peak().ok_or("/proc/self/status tells no VmHWM")?;
    std::fs::write(stored, bytes)?;
    let by_default = self::lessons(&shop, &ids, rows.parse()?, MEMORY);
    Ok(Outcome {
        lesson_seconds,
        seconds,
        peak_bytes,
        examples: i32::try_from(report.examples)?,
        categories: i32::try_from(report.categories)?,
        left_out: f64::from(report.left_out),
        kept_by_default: by_default.len() as f64,
        accuracy: f64::from(report.accuracy),
    })
}

/// Titles of the shop, as they come, with the ids of their categories.
fn lessons(shop: &LargeShop, ids: &[i32], rows: u64, memory: usize) -> Lessons {
    let mut lessons = Lessons::new(memory);
    let mut normal = String::new();
    for number in 0..rows {
        let (title, category) = shop.title(number);
        normalise_into(&title, Case::Folded, &mut normal);
        lessons.push(&normal, ids[category], 1.0, Standing::New);
    }
    lessons
}

/// The most memory that this process ever had in RAM, in bytes.
fn peak() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok().map(|kilobytes| kilobytes * 1024.0)
}
