//! The rows of one window, as a node keeps them until they are given.

use crate::pg::{compat, unguarded};
use pgrx::{PgMemoryContexts, pg_sys};
use std::ffi::CStr;
use std::ptr::null_mut;

/// Bytes of a block that values are copied into; a larger value has one of its own.
const BLOCK: usize = 32 * 1024;

/// Bytes that an input takes beside its own while its row is held: its place among others, and what was found of it.
const BESIDE: usize = 80;

/// How values of a column lie in memory, by `typlen` and `typbyval` of their type.
struct Column {
    len: i16,
    by_value: bool,
}

/// Rows with their columns, in a memory of their own, and the inputs that were noted of them.
pub struct Rows {
    memory: pg_sys::MemoryContext,
    columns: Vec<Column>,
    calls: usize,
    /// Columns of the rows, row after row.
    values: Vec<pg_sys::Datum>,
    nulls: Vec<bool>,
    /// Question and number of the inputs of the rows, with room for one of each call.
    noted: Vec<Option<(u32, u32)>>,
    /// Where the next value is copied to, and how many bytes are free there.
    free: *mut u8,
    room: usize,
    count: usize,
    given: usize,
    bytes: usize,
}

impl Rows {
    /// No rows yet, which will have the columns of this descriptor and so many calls.
    ///
    /// # Safety
    /// The descriptor is valid, and the memory that it is made in lives at least as long as the rows.
    pub unsafe fn new(within: pg_sys::MemoryContext, descriptor: pg_sys::TupleDesc, calls: usize) -> Self {
        // SAFETY: promised by the caller; the name is static.
        unsafe {
            let memory = pg_sys::AllocSetContextCreateInternal(
                within,
                c"Categorize".as_ptr(),
                pg_sys::ALLOCSET_DEFAULT_MINSIZE as usize,
                pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
                pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
            );
            let column = |at| {
                let (len, by_value) = compat::layout_of_column(descriptor, at);
                Column { len, by_value }
            };
            let columns = (0..(*descriptor).natts).map(column).collect();
            let (values, nulls, noted) = (Vec::new(), Vec::new(), Vec::new());
            let (free, room, count, given, bytes) = (null_mut(), 0, 0, 0, 0);
            Self { memory, columns, calls, values, nulls, noted, free, room, count, given, bytes }
        }
    }

    /// Rows that were not given yet.
    pub fn left(&self) -> usize {
        self.count - self.given
    }

    /// Whether all rows were given.
    pub fn is_given(&self) -> bool {
        self.given == self.count
    }

    /// Bytes of the rows and of their inputs.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps a row.
    ///
    /// # Safety
    /// The slot holds a row with the columns that these rows have.
    pub unsafe fn keep(&mut self, slot: *mut pg_sys::TupleTableSlot) {
        // SAFETY: promised by the caller; the copies live as long as the rows.
        unsafe {
            unguarded::take_apart(slot, self.columns.len() as i32);
            for at in 0..self.columns.len() {
                let (value, is_null) = (*(*slot).tts_values.add(at), *(*slot).tts_isnull.add(at));
                let Column { len, by_value } = self.columns[at];
                let kept = if is_null || by_value { value } else { self.copy(value, len) };
                self.values.push(kept);
                self.nulls.push(is_null);
            }
        }
        self.noted.resize(self.noted.len() + self.calls, None);
        let place = size_of::<pg_sys::Datum>() + size_of::<bool>();
        self.bytes += self.columns.len() * place + self.calls * size_of::<Option<(u32, u32)>>();
        self.count += 1;
    }

    /// A copy of a value that is passed by reference; what is stored apart from its row stays there.
    ///
    /// # Safety
    /// The value is of a type of this length.
    unsafe fn copy(&mut self, value: pg_sys::Datum, len: i16) -> pg_sys::Datum {
        // SAFETY: promised by the caller; the place has room for the value, and is aligned for any.
        unsafe {
            let from = value.cast_mut_ptr::<u8>();
            let bytes = match len {
                -1 if is_expanded(from.cast()) => {
                    // One that is open to be changed is made flat.
                    let flatten = |_: &mut _| pg_sys::pg_detoast_datum_copy(from.cast());
                    let flat = PgMemoryContexts::For(self.memory).switch_to(flatten);
                    self.bytes += pgrx::varsize_any(flat);
                    return pg_sys::Datum::from(flat);
                }
                -1 => pgrx::varsize_any(from.cast()),
                -2 => CStr::from_ptr(from.cast()).count_bytes() + 1,
                len => len as usize,
            };
            let place = self.place(bytes.next_multiple_of(8));
            std::ptr::copy_nonoverlapping(from, place, bytes);
            pg_sys::Datum::from(place)
        }
    }

    /// A place for so many bytes, a multiple of eight.
    fn place(&mut self, bytes: usize) -> *mut u8 {
        if bytes > self.room {
            let block = bytes.max(BLOCK);
            // SAFETY: the memory lives as long as the rows; what it gives is aligned for any value.
            self.free = unsafe { pg_sys::MemoryContextAlloc(self.memory, block) }.cast();
            self.room = block;
        }
        let place = self.free;
        // SAFETY: the block has room for it.
        self.free = unsafe { self.free.add(bytes) };
        self.room -= bytes;
        self.bytes += bytes;
        place
    }

    /// A column of the row that was kept last; `None` where it is null.
    pub fn last(&self, column: usize) -> Option<pg_sys::Datum> {
        let at = (self.count - 1) * self.columns.len() + column;
        (!self.nulls[at]).then(|| self.values[at])
    }

    /// Notes an input of the row that was kept last, of so many bytes.
    pub fn note(&mut self, question: usize, number: usize, bytes: usize) {
        self.bytes += bytes + BESIDE;
        let last = self.noted.len() - self.calls;
        if let Some(place) = self.noted[last..].iter_mut().find(|place| place.is_none()) {
            *place = Some((question as u32, number as u32));
        }
    }

    /// The number of the next row, which is given now.
    pub fn give(&mut self) -> usize {
        self.given += 1;
        self.given - 1
    }

    /// The inputs of a row.
    pub fn noted(&self, row: usize) -> impl Iterator<Item = (usize, usize)> + use<'_> {
        let noted = self.noted[row * self.calls..][..self.calls].iter().flatten();
        noted.map(|(question, number)| (*question as usize, *number as usize))
    }

    /// Shows a row in a virtual slot.
    ///
    /// # Safety
    /// The slot has the columns that these rows have.
    pub unsafe fn show(&self, row: usize, slot: *mut pg_sys::TupleTableSlot) {
        // SAFETY: promised by the caller; the values live as long as the rows. What a slot is that owns nothing, is told by its
        // flags and by how many of its columns are there.
        unsafe {
            let slot = &mut *slot;
            if u32::from(slot.tts_flags) & pg_sys::TTS_FLAG_SHOULDFREE != 0 {
                pg_sys::ExecClearTuple(slot);
            }
            let columns = self.columns.len();
            let (values, nulls) = (&self.values[row * columns..][..columns], &self.nulls[row * columns..][..columns]);
            std::ptr::copy_nonoverlapping(values.as_ptr(), slot.tts_values, columns);
            std::ptr::copy_nonoverlapping(nulls.as_ptr(), slot.tts_isnull, columns);
            slot.tts_flags &= !(pg_sys::TTS_FLAG_EMPTY as u16);
            slot.tts_nvalid = columns as i16;
        }
    }

    /// Forgets all.
    ///
    /// # Safety
    /// No slot shows any of the rows.
    pub unsafe fn clear(&mut self) {
        // SAFETY: promised by the caller.
        unsafe { pg_sys::MemoryContextReset(self.memory) };
        self.values.clear();
        self.nulls.clear();
        self.noted.clear();
        (self.free, self.room, self.count, self.given, self.bytes) = (null_mut(), 0, 0, 0, 0);
    }
}

/// Whether a value is an object that may still be changed, which its pointer only names.
///
/// # Safety
/// It is a varlena.
unsafe fn is_expanded(value: *const pg_sys::varlena) -> bool {
    // SAFETY: promised by the caller; only what is external has a tag.
    unsafe {
        pgrx::varatt_is_1b_e(value)
            && pgrx::varlena::vartag_is_expanded(pg_sys::vartag_external::Type::from(pgrx::varlena::vartag_external(
                value,
            )))
    }
}
