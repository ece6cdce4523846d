//! The file that the databases of a server share: a head with the number of records, then the records, 32 bytes each.
//!
//! Head and records have a checksum of their own, so that what a power cut tears is seen; the number in the head tells a file
//! that was cut between two records. It comes into being with its head, in one step: an empty file is a damaged one.

use crate::pg::wait;
use pg_categorize_core::money::Money;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where it is, from the data directory.
const PATH: &str = "pg_categorize.cluster";

/// Bytes of the head, and of a record.
const RECORD: usize = 32;

/// What the head begins with.
const HEAD: [u8; 4] = *b"PGC2";

/// What a record begins with.
const MAGIC: [u8; 4] = *b"PGC1";

/// Records of a file that can be meant.
const MOST: u64 = 65_536;

/// How often somebody who holds the file is waited for, and how long each time.
const TRIES: (u32, Duration) = (50, Duration::from_millis(2));

/// Days from 1970 to the epoch of Postgres.
const DAYS_TO_EPOCH: i64 = 10_957;

/// What a database holds of a day's amount.
#[derive(Clone, Copy)]
pub struct Record {
    /// Its OID.
    pub database: u32,
    /// The day, from the epoch of Postgres.
    pub day: i64,
    /// How much.
    pub held: Money,
}

/// Why the file says nothing.
pub enum Trouble {
    /// It was written, and not by us alone.
    Damaged,
    /// Others hold it for longer than is waited.
    Busy,
    /// The system refuses it.
    Unusable(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(why: io::Error) -> Self {
        Self::Unusable(why)
    }
}

/// The file, which this process alone holds.
pub struct Shared(File);

impl Shared {
    /// Opens the file, or makes it, and waits until nobody else holds it.
    ///
    /// # Errors
    /// Where the system refuses that, and where others hold it for long.
    pub fn hold(database: u32) -> Result<Self, Trouble> {
        let file = match open() {
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                create(database)?;
                open()?
            }
            opened => opened?,
        };
        for _ in 0..TRIES.0 {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(fs::TryLockError::WouldBlock) => wait::nap(TRIES.1),
                Err(fs::TryLockError::Error(why)) => return Err(why.into()),
            }
        }
        Err(Trouble::Busy)
    }

    /// Its records; none where it is damaged, and was so before this day began.
    ///
    /// # Errors
    /// Where it is damaged, and where the system does not read it.
    pub fn read(&self, day: i64) -> Result<Vec<Record>, Trouble> {
        let about = self.0.metadata()?;
        let length = about.len().min(RECORD as u64 * (MOST + 1));
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        self.0.read_exact_at(&mut bytes, 0)?;
        match records(&bytes) {
            Some(records) => Ok(records),
            None if written_on(about.modified()?) < day => Ok(Vec::new()),
            None => Err(Trouble::Damaged),
        }
    }

    /// Writes what is new over what is old, and to disk.
    ///
    /// # Errors
    /// Where the system does not.
    pub fn write(&self, records: &[Record]) -> io::Result<()> {
        write(&self.0, records)
    }
}

fn open() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(PATH)
}

/// Makes the file under a name that only this database uses, and gives it its own name once it is whole.
fn create(database: u32) -> io::Result<()> {
    let draft = format!("{PATH}.{database}");
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    write(&file, &[])?;
    // Unlike a rename it takes nobody's place: another database may have been faster, and have taken its part already.
    let linked = fs::hard_link(&draft, PATH);
    fs::remove_file(&draft)?;
    match linked {
        Err(why) if why.kind() != io::ErrorKind::AlreadyExists => return Err(why),
        _ => {}
    }
    // Else a power cut could take the name away, and with it all that was taken of the day.
    File::open(".")?.sync_all()
}

/// What the head does not count is left from a longer file.
fn write(file: &File, records: &[Record]) -> io::Result<()> {
    let bytes: Vec<u8> = std::iter::once(head(records.len())).chain(records.iter().map(encode)).flatten().collect();
    file.write_all_at(&bytes, 0)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_data()
}

fn records(bytes: &[u8]) -> Option<Vec<Record>> {
    let (head, rest) = bytes.split_first_chunk::<RECORD>()?;
    let count = usize::try_from(number(whole(head, HEAD)?, 8)?).ok()?;
    let (records, _) = rest.as_chunks::<RECORD>();
    records.get(..count)?.iter().map(decode).collect()
}

fn written_on(time: SystemTime) -> i64 {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(seconds / 86_400).unwrap_or(i64::MAX) - DAYS_TO_EPOCH
}

fn head(count: usize) -> [u8; RECORD] {
    sealed(HEAD, 0, i64::try_from(count).unwrap_or(i64::MAX), 0)
}

fn encode(record: &Record) -> [u8; RECORD] {
    sealed(MAGIC, record.database, record.day, record.held.0)
}

fn decode(bytes: &[u8; RECORD]) -> Option<Record> {
    let bytes = whole(bytes, MAGIC)?;
    let database = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?);
    Some(Record { database, day: number(bytes, 8)?, held: Money(number(bytes, 16)?) })
}

fn sealed(magic: [u8; 4], small: u32, first: i64, second: i64) -> [u8; RECORD] {
    let mut bytes = [0; RECORD];
    bytes[..4].copy_from_slice(&magic);
    bytes[4..8].copy_from_slice(&small.to_le_bytes());
    bytes[8..16].copy_from_slice(&first.to_le_bytes());
    bytes[16..24].copy_from_slice(&second.to_le_bytes());
    let sum = checksum(&bytes[..24]);
    bytes[24..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// The bytes, where they are what we wrote.
fn whole(bytes: &[u8; RECORD], magic: [u8; 4]) -> Option<&[u8; RECORD]> {
    let is_ours = bytes[..4] == magic && number(bytes, 24)? == checksum(&bytes[..24]).cast_signed();
    is_ours.then_some(bytes)
}

fn number(bytes: &[u8; RECORD], from: usize) -> Option<i64> {
    Some(i64::from_le_bytes(bytes.get(from..from + 8)?.try_into().ok()?))
}

/// FNV-1a (Fowler, Noll, Vo; RFC 9923): it tells what was torn, not what was forged.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
