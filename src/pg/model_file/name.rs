//! Names of model files. A name says whose file it is, so that one that nobody needs can be told from the others.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where they lie, from the data folder, in which every process of the server works. Base backups skip its contents.
pub(super) const FOLDER: &str = "pg_stat_tmp";

/// What a file is called: `pg_categorize.<database>.<id>.model`, or while it is written
/// `pg_categorize.<database>.<id>.<process>.tmp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    /// OID of the database.
    pub(super) database: u32,
    /// Key of the model's row.
    pub(super) id: i64,
    /// The process that writes it, until it is whole.
    pub(super) writer: Option<i32>,
}

impl Name {
    /// The name of a file in the folder; `None` where it is none of ours.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("pg_categorize.")?.split('.');
        let database = parts.next()?.parse().ok()?;
        let id = parts.next()?.parse().ok()?;
        let writer = match parts.next()? {
            "model" => None,
            process => Some(process.parse().ok()?),
        };
        let name = Self { database, id, writer };
        // What we would not write ourselves is not ours: other spellings of the numbers, other endings.
        (name.to_string() == text).then_some(name)
    }

    /// The file, from the data folder.
    pub(super) fn path(&self) -> PathBuf {
        Path::new(FOLDER).join(self.to_string())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pg_categorize.{}.{}.", self.database, self.id)?;
        match self.writer {
            None => f.write_str("model"),
            Some(process) => write!(f, "{process}.tmp"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for name in [
            Name { database: 5, id: 1000, writer: None },
            Name { database: u32::MAX, id: i64::MAX, writer: Some(4711) },
            Name { database: 1, id: -1, writer: Some(i32::MAX) },
        ] {
            assert_eq!(Name::parse(&name.to_string()), Some(name));
        }
        assert_eq!(Name { database: 5, id: 7, writer: None }.path(), Path::new("pg_stat_tmp/pg_categorize.5.7.model"));
    }

    #[test]
    fn other_files_are_not_ours() {
        for text in [
            "",
            "pg_categorize",
            "pg_categorize.5.sock",
            "pg_categorize.5.model",
            "pg_categorize.5.7",
            "pg_categorize.5.7.tmp",
            "pg_categorize.5.7.model.tmp",
            "pg_categorize.5.7.model.bak",
            "pg_categorize.5.7.8",
            "pg_categorize.5.7.8.model",
            "pg_categorize.+5.7.model",
            "pg_categorize.05.7.model",
            "pg_categorize.5.07.model",
            "pg_categorize.-5.7.model",
            "pg_categorize.4294967296.7.model",
            "pg_categorize.5.9223372036854775808.model",
            "pg_stat_statements.5.7.model",
            "xpg_categorize.5.7.model",
            "pg_categorize.5.7.model/",
        ] {
            assert_eq!(Name::parse(text), None, "{text}");
        }
    }
}
