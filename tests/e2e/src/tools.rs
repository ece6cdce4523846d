//! The programs of one PostgreSQL installation, run as a user it accepts.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Where the programs are, and who runs them.
#[derive(Debug, Clone)]
pub struct Tools {
    bin: PathBuf,
    library: PathBuf,
    share: PathBuf,
    run_as: Option<String>,
    /// Major version of the server.
    pub major: u32,
}

impl Tools {
    /// The installation that the environment names.
    pub fn from_env() -> Self {
        let config = std::env::var("PG_CONFIG").unwrap_or_else(|_| "pg_config".into());
        let ask = |option: &str| {
            let output = Command::new(&config).arg(option).output();
            let output = output.unwrap_or_else(|e| panic!("cannot run {config}: {e}; set PG_CONFIG"));
            String::from_utf8(output.stdout).expect("pg_config prints UTF-8").trim().to_owned()
        };
        let version = ask("--version");
        let digits: String =
            version.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        Self {
            bin: ask("--bindir").into(),
            library: ask("--pkglibdir").into(),
            share: ask("--sharedir").into(),
            run_as: is_root().then(|| std::env::var("PG_CATEGORIZE_RUNAS").unwrap_or_else(|_| "postgres".into())),
            major: digits.parse().unwrap_or_else(|_| panic!("no version in \"{version}\"")),
        }
    }

    /// The folder of what does not depend on the machine, `extension` among it.
    pub fn share(&self) -> &Path {
        &self.share
    }

    /// Whether this library, such as `pg_cron`, is installed beside the server.
    pub fn has_library(&self, name: &str) -> bool {
        self.library.join(format!("{name}.so")).exists()
    }

    /// A program of the installation, to be run as the owner of the clusters, without the caller's `PG*` variables.
    pub fn program(&self, name: &str) -> Command {
        self.command(self.bin.join(name))
    }

    /// Any program, to be run as the owner of the clusters.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = match &self.run_as {
            Some(user) => {
                let mut command = Command::new("runuser");
                command.args(["-u", user, "--"]).arg(program.as_ref());
                command
            }
            None => Command::new(program.as_ref()),
        };
        // The caller's folder may be closed to that user, and his PG* variables must not lead to another server.
        command.current_dir("/");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        command
    }
}

/// Runs a command to its end.
///
/// # Panics
/// Where it fails, with what it printed.
pub(crate) fn finish(mut command: Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout.trim_ascii() == b"0"
}
