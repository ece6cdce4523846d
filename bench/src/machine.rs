//! What the figures were measured on.

use crate::bench::Bench;
use std::process::Command;

/// Lines about the machine and the versions, without anything that differs from run to run.
pub fn lines(bench: &Bench) -> Vec<String> {
    let mut session = bench.session();
    let server: String = session.one("SELECT current_setting('server_version')");
    let extension: String = session.one("SELECT extversion FROM pg_extension WHERE extname = 'pg_categorize'");
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    vec![
        format!("Machine: {}, {cores} cores, {} GB of memory, {}.", processor(), memory(), said("uname", &["-sr"])),
        format!("PostgreSQL {server}, pg_categorize {extension}, {}.", said("rustc", &["--version"])),
    ]
}

fn processor() -> String {
    field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

fn memory() -> String {
    let kilobytes = field("/proc/meminfo", "MemTotal").and_then(|line| line.split(' ').next()?.parse::<f64>().ok());
    kilobytes.map_or("?".to_owned(), |kilobytes| format!("{:.0}", kilobytes / 1024.0 / 1024.0))
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// What a program prints, or its name where it is not there.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let text = text.unwrap_or_else(|| program.to_owned());
    // The compiler adds its date.
    text.split(" (").next().unwrap_or_default().to_owned()
}
