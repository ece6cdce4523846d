//! Running the peer: scikit-learn, in a virtual environment of its own below `target/`.

use super::dataset::Data;
use crate::bench::{Bench, step};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where everything of the peer is kept.
pub fn folder() -> PathBuf {
    crate::root().join("target/bench")
}

/// Makes the environment where it is missing, and the splits that both sides read.
///
/// # Errors
/// Why that is not possible here.
pub fn prepare(data: &Data) -> Result<(), String> {
    let venv = folder().join("venv");
    // Where a part of Python is missing, an attempt leaves a python without pip.
    if !venv.join("bin/pip").is_file() {
        step("making a virtual environment of Python", || {
            quiet(Command::new("python3").args(["-m", "venv"]).arg(&venv))
        })?;
    }
    let pip = || {
        let requirements = crate::root().join("bench/peers/requirements.txt");
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        quiet(Command::new(venv.join("bin/python")).args(install).arg(requirements))
    };
    step("installing scikit-learn", pip)?;
    step("splitting the data", || quiet(script("splits", data).arg("--out").arg(folder().join("splits"))))
}

/// Measures the peer, a line of JSON each run.
///
/// # Errors
/// What went wrong.
pub fn run(bench: &Bench, data: &Data, out: &Path) -> Result<(), String> {
    step("training and asking scikit-learn, all splits and samples (up to 10 minutes)", || {
        let mut command = script("run", data);
        command.arg("--out").arg(out).arg("--splits").arg(folder().join("splits"));
        command.args(["--seeds", &bench.sizes.seeds.to_string()]);
        told(&mut command)
    })
}

fn script(part: &str, data: &Data) -> Command {
    let mut command = Command::new(folder().join("venv/bin/python"));
    command.arg(crate::root().join("bench/peers/linear_svc.py")).arg(part).arg("--data").arg(data.folder());
    command
}

/// Runs a command, and keeps what it says for the error.
fn quiet(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| failed(command, &e.to_string()))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
    if output.status.success() { Ok(()) } else { Err(failed(command, last)) }
}

/// Runs a command, and prints what it tells while it runs.
fn told(command: &mut Command) -> Result<(), String> {
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|e| failed(command, &e.to_string()))?;
    let mut last = String::new();
    for line in BufReader::new(child.stderr.take().expect("it is piped")).lines().map_while(Result::ok) {
        println!("    {line}");
        last = line;
    }
    let status = child.wait().map_err(|e| failed(command, &e.to_string()))?;
    if status.success() { Ok(()) } else { Err(failed(command, &last)) }
}

fn failed(command: &Command, why: &str) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let arguments = command.get_args().take(3).map(|argument| argument.to_string_lossy().into_owned());
    format!("{} failed: {why}", [program].into_iter().chain(arguments).collect::<Vec<_>>().join(" "))
}
