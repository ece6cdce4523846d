//! Memory that may be refused. By default Rust ends the process, and a database server then restarts all of its sessions;
//! what a training needs in bulk is asked for politely instead.

use crate::error::{Error, ErrorKind, Result};

/// A list of `count` times `value`.
pub(super) fn filled<T: Clone>(value: T, count: usize) -> Result<Vec<T>> {
    let mut list = Vec::new();
    list.try_reserve_exact(count).map_err(|_| refused())?;
    list.resize(count, value);
    Ok(list)
}

/// Makes room for `more` items, and with them for the next ones.
pub(super) fn reserve<T>(list: &mut Vec<T>, more: usize) -> Result<()> {
    list.try_reserve(more).map_err(|_| refused())
}

/// The error of a training that the machine has no memory for.
pub(super) fn refused() -> Error {
    Error::new(ErrorKind::OutOfMemory, "out of memory")
        .detail("The training of a local model needs more memory than there is.")
        .hint("Lower categorize.training_memory, or free memory of the server.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_machine_has_is_an_error() {
        assert_eq!(filled(0u64, usize::MAX / 16).unwrap_err().kind, ErrorKind::OutOfMemory);
        assert_eq!(filled(7u8, 3), Ok(vec![7, 7, 7]));
        assert!(reserve(&mut Vec::<u64>::new(), usize::MAX / 16).is_err());
    }
}
