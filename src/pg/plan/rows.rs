//! The rows of one window, as a node keeps them until they are given.

use pgrx::{PgMemoryContexts, pg_sys};

/// Rows with their columns, in a memory of their own, and the inputs that were noted of them.
pub struct Rows {
    memory: pg_sys::MemoryContext,
    columns: usize,
    calls: usize,
    /// Columns of the rows, row after row.
    values: Vec<pg_sys::Datum>,
    nulls: Vec<bool>,
    /// Question and number of the inputs of the rows, with room for one of each call.
    noted: Vec<Option<(usize, usize)>>,
    count: usize,
    given: usize,
    bytes: usize,
}

impl Rows {
    /// No rows yet, which will have so many columns and calls.
    ///
    /// # Safety
    /// The memory that it is made in lives at least as long.
    pub unsafe fn new(within: pg_sys::MemoryContext, columns: usize, calls: usize) -> Self {
        // SAFETY: promised by the caller; the name is static.
        let memory = unsafe {
            pg_sys::AllocSetContextCreateInternal(
                within,
                c"Categorize".as_ptr(),
                pg_sys::ALLOCSET_DEFAULT_MINSIZE as usize,
                pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
                pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
            )
        };
        let (values, nulls, noted) = (Vec::new(), Vec::new(), Vec::new());
        Self { memory, columns, calls, values, nulls, noted, count: 0, given: 0, bytes: 0 }
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

    /// Keeps a row; `apart` is a slot of minimal tuples to take it apart in.
    ///
    /// # Safety
    /// The slot holds a row with the columns that these rows have.
    pub unsafe fn keep(&mut self, slot: *mut pg_sys::TupleTableSlot, apart: *mut pg_sys::TupleTableSlot) {
        // SAFETY: promised by the caller; the copy lives as long as the rows.
        unsafe {
            let tuple = PgMemoryContexts::For(self.memory).switch_to(|_| pg_sys::ExecCopySlotMinimalTuple(slot));
            pg_sys::ExecStoreMinimalTuple(tuple, apart, false);
            pg_sys::slot_getallattrs(apart);
            self.values.extend_from_slice(std::slice::from_raw_parts((*apart).tts_values, self.columns));
            self.nulls.extend_from_slice(std::slice::from_raw_parts((*apart).tts_isnull, self.columns));
            self.noted.resize(self.noted.len() + self.calls, None);
            self.bytes += (*tuple).t_len as usize;
            self.count += 1;
        }
    }

    /// Notes an input of the row that was kept last.
    pub fn note(&mut self, question: usize, number: usize, bytes: usize) {
        self.bytes += bytes;
        let last = self.noted.len() - self.calls;
        if let Some(place) = self.noted[last..].iter_mut().find(|place| place.is_none()) {
            *place = Some((question, number));
        }
    }

    /// The number of the next row, which is given now.
    pub fn give(&mut self) -> usize {
        self.given += 1;
        self.given - 1
    }

    /// The inputs of a row.
    pub fn noted(&self, row: usize) -> impl Iterator<Item = (usize, usize)> + use<'_> {
        self.noted[row * self.calls..][..self.calls].iter().flatten().copied()
    }

    /// Shows a row in a virtual slot.
    ///
    /// # Safety
    /// The slot has the columns that these rows have.
    pub unsafe fn show(&self, row: usize, slot: *mut pg_sys::TupleTableSlot) {
        // SAFETY: promised by the caller; the values live as long as the rows.
        unsafe {
            pg_sys::ExecClearTuple(slot);
            let first = row * self.columns;
            let (values, nulls) = (&self.values[first..][..self.columns], &self.nulls[first..][..self.columns]);
            std::ptr::copy_nonoverlapping(values.as_ptr(), (*slot).tts_values, self.columns);
            std::ptr::copy_nonoverlapping(nulls.as_ptr(), (*slot).tts_isnull, self.columns);
            pg_sys::ExecStoreVirtualTuple(slot);
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
        (self.count, self.given, self.bytes) = (0, 0, 0);
    }
}
