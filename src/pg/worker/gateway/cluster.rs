//! The ceiling for all databases of the server: a file in which each database takes parts of the day's amount before it
//! reserves from them.
//!
//! A record has 32 bytes: the database, the day, the amount, a checksum. What a gateway took and did not use is given
//! back when the next one of its database begins. A file that is damaged counts as an amount that is wholly taken, until the
//! day (UTC) on which it was last written is over; who removes it says that nothing was spent.

use crate::pg::wait;
use pg_categorize_core::budget::{Account, lease};
use pg_categorize_core::cascade::Reason;
use pg_categorize_core::money::Money;
use pg_categorize_gateway::store::Refusal;
use pgrx::pg_sys;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where it is, from the data directory.
const PATH: &str = "pg_categorize.cluster";

/// Bytes of a record.
const RECORD: usize = 32;

/// What a record begins with.
const MAGIC: [u8; 4] = *b"PGC1";

/// How often somebody who holds the file is waited for, and how long each time.
const TRIES: (u32, Duration) = (50, Duration::from_millis(2));

/// Days from 1970 to the epoch of Postgres.
const DAYS_TO_EPOCH: i64 = 10_957;

/// What this database holds of the server's amount.
#[derive(Default)]
pub struct Cluster {
    day: i64,
    held: Option<Money>,
}

#[derive(Clone, Copy)]
struct Record {
    database: u32,
    day: i64,
    held: Money,
}

impl Cluster {
    /// Admits an attempt, where this database holds enough of the day's amount or can take it. `day` counts from the epoch
    /// of Postgres.
    ///
    /// # Errors
    /// `budget_exceeded`.
    pub fn admit(&mut self, account: Account, worst: Money, limit: Money, day: i64) -> Result<(), Refusal> {
        let used = account.used();
        if self.day == day && self.held.is_some_and(|held| held <= limit && account.admits(worst, held)) {
            return Ok(());
        }
        let refusal = |why: &str| Err(Refusal::because(Reason::BudgetExceeded, why));
        let Some((used, wanted)) = used.and_then(|used| Some((used, used.plus(worst)?))) else {
            return refusal("The day's amount cannot be counted.");
        };
        match self.take(used, wanted, limit, day) {
            Ok(true) => Ok(()),
            Ok(false) => refusal("categorize.cluster_limit_usd_day is reached by the databases of this server."),
            Err(why) if why.kind() == io::ErrorKind::InvalidData => refusal(
                "The file pg_categorize.cluster in the data directory is damaged: nothing is spent under categorize.cluster_limit_usd_day until the day is over (UTC).",
            ),
            Err(_) => refusal("The file pg_categorize.cluster in the data directory cannot be used."),
        }
    }

    /// Takes what is missing up to `wanted`; whether it could be had. The first time it gives back what the former gateway
    /// held beyond `used`.
    fn take(&mut self, used: Money, wanted: Money, limit: Money, day: i64) -> io::Result<bool> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(PATH)?;
        lock(&file)?;
        let mut records = read(&file, day)?;
        let mine = self.held.filter(|_| self.day == day).unwrap_or(used);
        // SAFETY: reads a global of the main thread.
        let database = unsafe { pg_sys::MyDatabaseId }.to_u32();
        let others: Money = records.iter().filter(|r| r.database != database && r.day == day).map(|r| r.held).sum();
        let needs = Money((wanted.0 - mine.0).max(0));
        let taken = lease(limit, Money(others.0.saturating_add(mine.0)), needs);
        let held = Money(mine.0.saturating_add(taken.unwrap_or(Money::ZERO).0));
        // At midnight, and when the clock was set back, others may still be in another day.
        records.retain(|record| record.day + 1 >= day && (record.database, record.day) != (database, day));
        records.push(Record { database, day, held });
        write(&file, &records)?;
        (self.day, self.held) = (day, Some(held));
        Ok(taken.is_some())
    }
}

fn lock(file: &File) -> io::Result<()> {
    for _ in 0..TRIES.0 {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(std::fs::TryLockError::WouldBlock) => wait::nap(TRIES.1),
            Err(std::fs::TryLockError::Error(why)) => return Err(why),
        }
    }
    Err(io::ErrorKind::WouldBlock.into())
}

fn read(file: &File, day: i64) -> io::Result<Vec<Record>> {
    let about = file.metadata()?;
    let mut bytes = vec![0; usize::try_from(about.len()).unwrap_or(usize::MAX).min(RECORD * 65_536)];
    file.read_exact_at(&mut bytes, 0)?;
    let records: Option<Vec<Record>> = bytes.chunks(RECORD).map(decode).collect();
    match records {
        Some(records) if bytes.len() as u64 == about.len() => Ok(records),
        _ if written_on(about.modified()?) < day => Ok(Vec::new()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Writes what is new over what is old; the file never has too few records for long enough to be read.
fn write(file: &File, records: &[Record]) -> io::Result<()> {
    let bytes: Vec<u8> = records.iter().flat_map(encode).collect();
    file.write_all_at(&bytes, 0)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_data()
}

fn written_on(time: SystemTime) -> i64 {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(seconds / 86_400).unwrap_or(i64::MAX) - DAYS_TO_EPOCH
}

fn encode(record: &Record) -> [u8; RECORD] {
    let mut bytes = [0; RECORD];
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[4..8].copy_from_slice(&record.database.to_le_bytes());
    bytes[8..16].copy_from_slice(&record.day.to_le_bytes());
    bytes[16..24].copy_from_slice(&record.held.0.to_le_bytes());
    let sum = checksum(&bytes[..24]);
    bytes[24..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<Record> {
    let number = |from: usize| Some(i64::from_le_bytes(bytes.get(from..from + 8)?.try_into().ok()?));
    let is_whole = bytes.len() == RECORD && bytes[..4] == MAGIC && number(24)? == checksum(&bytes[..24]).cast_signed();
    let database = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?);
    is_whole.then_some(Record { database, day: number(8)?, held: Money(number(16)?) })
}

/// FNV-1a (Fowler, Noll, Vo; RFC 9923): it tells what was torn, not what was forged.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
