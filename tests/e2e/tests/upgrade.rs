//! Upgrades: an old release plus its deltas is what a fresh install is, and rows are kept.
//!
//! `sql/releases` keeps the install script of every release as it was; `sql/pg_categorize--A--B.sql` are the deltas.
//! The newest frozen script also guards the current one: SQL that changes without a new version fails here.

use pg_categorize_e2e::{Cluster, Session, Tools, shared};
use std::path::{Path, PathBuf};

const SNAPSHOT: &str = include_str!("../../upgrade/snapshot.sql");

/// Rows of a user, to be found again after the upgrade.
const FURNISH: &str = "SELECT categorize.create_taxonomy('kept', ARRAY['A', 'B']);
                       SELECT categorize.learn($$VALUES ('one', 'A')$$, 'kept');
                       SELECT categorize.correct('two', 'B', 'kept');
                       SELECT categorize.add_rule('kept', '^three', 'A')";

/// Jobs as 0.5.0 had them, one in each state, and a row of a table that waits for one of them.
const QUEUED: &str = "
    INSERT INTO categorize.job (state, tenant, fingerprint, taxonomy_id, input, role_id, role, attempts, batch_id, ordinal, number, ended_at, reason)
    SELECT s.state, 'acme', sha256(s.state::bytea), 1, 'text ' || s.state, 10, 'postgres', 1, s.batch, s.batch, s.batch, s.ended, s.reason
      FROM (VALUES ('waiting', NULL, NULL, NULL), ('batched', 7, NULL, NULL), ('live', 7, NULL, NULL),
                   ('done', 7, timestamptz '2026-11-29 02:00+00', NULL), ('failed', 7, '2026-11-29 03:00+00', 'none_of_these'),
                   ('cancelled', NULL, '2026-11-29 04:00+00', NULL)) s (state, batch, ended, reason);
    INSERT INTO categorize.job (job_type, state, tenant, fingerprint, provider_id, model, endpoint, body, role_id, role, batch_id, ordinal,
                                number, ended_at, answer)
    VALUES ('scoring', 'done', 'acme', '', 1, 'model', 'messages', '{}', 10, 'postgres', 7, 8, 9, '2026-11-29 05:00+00', '[1]');
    INSERT INTO categorize.job_target (job_id, state, relation, key_columns, key, input_columns, output_column, role_id, tenant, taxonomy_id)
    SELECT id, 'waiting', 0, '{id}', '{1}', '{title}', 'category', 10, 'acme', 1 FROM categorize.job WHERE state = 'batched'";

/// What is told of them; of the inputs of batches that have not ended not which batch has them.
const JOBS: &str = "
    SELECT concat_ws(' ', j.id, j.job_type, j.state, j.input, j.attempts, CASE WHEN j.ended_at IS NOT NULL THEN j.batch_id END, j.ended_at,
                     j.reason, j.answer, (SELECT count(*) FROM categorize.job_target t WHERE t.job_id = j.id))
      FROM categorize.job j ORDER BY j.id";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Scripts of versions that exist for this test only; gone with it.
struct Scripts {
    folder: PathBuf,
    written: Vec<PathBuf>,
}

impl Scripts {
    fn new() -> Self {
        Self { folder: Tools::from_env().share().join("extension"), written: Vec::new() }
    }

    fn current(&self) -> String {
        let name = format!("pg_categorize--{}.sql", env!("CARGO_PKG_VERSION"));
        std::fs::read_to_string(self.folder.join(name)).expect("the extension is installed")
    }

    fn write(&mut self, versions: &str, sql: &str) {
        let path = self.folder.join(format!("pg_categorize--{versions}.sql"));
        std::fs::write(&path, sql).expect("the extension folder is writable for whoever installed");
        self.written.push(path);
    }
}

impl Drop for Scripts {
    fn drop(&mut self) {
        self.written.iter().for_each(|path| _ = std::fs::remove_file(path));
    }
}

fn snapshot(session: &mut Session) -> Vec<String> {
    session.column(SNAPSHOT)
}

/// A database with that version of the extension; its rows are those of a user where the library fits the version.
fn at(cluster: &std::sync::Arc<Cluster>, name: &str, version: &str) -> Session {
    cluster.connect("postgres").run(&format!("CREATE DATABASE {name}"));
    let mut session = cluster.connect(name);
    session.run(&format!("CREATE EXTENSION pg_categorize VERSION '{version}'"));
    session
}

fn assert_same(what: &str, left: &[String], right: &[String]) {
    let missing: Vec<_> = left.iter().filter(|line| !right.contains(line)).collect();
    let added: Vec<_> = right.iter().filter(|line| !left.contains(line)).collect();
    assert!(
        missing.is_empty() && added.is_empty(),
        "{what}: only the first has {missing:#?}, only the second {added:#?}"
    );
}

#[test]
fn every_release_with_its_deltas_is_a_fresh_install() {
    let fresh = shared("upgrade_fresh");
    let expected = snapshot(&mut fresh.session());
    let mut scripts = Scripts::new();
    let mut releases = 0;
    for entry in std::fs::read_dir(root().join("sql/releases")).expect("sql/releases exists") {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().and_then(|n| n.to_str()).expect("a plain name").to_owned();
        let Some(version) = name.strip_prefix("pg_categorize--").and_then(|n| n.strip_suffix(".sql")) else { continue };
        let script = std::fs::read_to_string(&path).expect("a readable script");
        releases += 1;
        if version == env!("CARGO_PKG_VERSION") {
            // The frozen script of this version, under another name: it must be what is generated today.
            scripts.write("frozen", &script);
            let mut session = at(&fresh.cluster, "upgrade_frozen", "frozen");
            assert_same("SQL was changed without raising the version", &snapshot(&mut session), &expected);
        } else {
            scripts.write(version, &script);
            let name = format!("upgrade_{}", version.replace('.', "_"));
            let mut session = at(&fresh.cluster, &name, version);
            let error = session.refused("55000", "SELECT categorize('one')");
            assert!(error.hint().is_some_and(|hint| hint.contains("ALTER EXTENSION")), "{error:?}");
            let jobs: Vec<String> = if version == "0.5.0" {
                session.run(QUEUED);
                session.column(JOBS)
            } else {
                Vec::new()
            };
            // Who updates need not be who owns the objects.
            session.run(&format!("CREATE ROLE {name} SUPERUSER LOGIN"));
            fresh.cluster.connect_as(&name, &name).run("ALTER EXTENSION pg_categorize UPDATE");
            assert_same(&format!("{version} with its deltas"), &snapshot(&mut session), &expected);
            assert_eq!(session.column::<String>(JOBS), jobs, "jobs of {version}");
            let asks = "SELECT count(*) FROM categorize.job_key k JOIN categorize.job j ON j.id = k.job_id AND j.ended_at IS NULL";
            assert_eq!(session.one::<i64>(asks), if jobs.is_empty() { 0 } else { 3 }, "texts that are asked about");
            let owners: Vec<String> = session.column(
                "SELECT DISTINCT pg_get_userbyid(owner)::text FROM (
                     SELECT relowner AS owner FROM pg_class WHERE relnamespace = 'categorize'::regnamespace
                     UNION ALL SELECT proowner FROM pg_proc WHERE pronamespace = 'categorize'::regnamespace) o",
            );
            assert_eq!(owners, ["postgres"]);
            session.run(FURNISH);
            assert_eq!(session.text("SELECT categorize('two', 'kept')").as_deref(), Some("B"));
        }
    }
    assert!(releases > 0, "sql/releases holds no release: scripts/freeze-sql writes the current one");
}

#[test]
fn a_delta_keeps_rows_and_a_missing_one_is_noticed() {
    let fresh = shared("upgrade_rows");
    let expected = snapshot(&mut fresh.session());
    let mut scripts = Scripts::new();
    let current = scripts.current();
    // An older version that lacked one function, and the delta that brings it.
    let start = current.find("CREATE  FUNCTION categorize.\"library_version\"").expect("the function is installed");
    let function = &current[start..start + current[start..].find(';').expect("a whole statement") + 1];
    let grants = "REVOKE ALL ON FUNCTION categorize.library_version() FROM PUBLIC;
                  GRANT EXECUTE ON FUNCTION categorize.library_version() TO categorize_user;";
    let comment = current
        .split_inclusive(";\n")
        .find(|s| s.contains("COMMENT ON FUNCTION categorize.library_version()"))
        .map(|s| &s[s.find("COMMENT").expect("found just now")..])
        .expect("the function has a comment");
    scripts.write("0.0.9", &format!("{current}\nDROP FUNCTION categorize.library_version();"));
    let delta = format!("0.0.9--{}", env!("CARGO_PKG_VERSION"));
    scripts.write(&delta, &format!("{function}\n{comment}\n{grants}"));

    let mut session = at(&fresh.cluster, "upgrade_from_older", "0.0.9");
    let lacking = snapshot(&mut session);
    assert!(lacking.len() < expected.len(), "the snapshot does not notice a missing function");
    // The library refuses SQL of another version, so the rows are written as an older library would have.
    session.run(&format!(
        "UPDATE pg_extension SET extversion = '{}' WHERE extname = 'pg_categorize'",
        env!("CARGO_PKG_VERSION")
    ));
    session.run(FURNISH);
    session.run("UPDATE pg_extension SET extversion = '0.0.9' WHERE extname = 'pg_categorize'");
    let before: Vec<String> =
        session.column("SELECT c::text FROM categorize.cache c UNION ALL SELECT k::text FROM categorize.correction k");

    let mut later = fresh.cluster.connect("upgrade_from_older");
    let error = later.refused("55000", "SELECT categorize('one', 'kept')");
    assert!(error.hint().is_some_and(|hint| hint.contains("ALTER EXTENSION")), "{error:?}");
    later.run("ALTER EXTENSION pg_categorize UPDATE");
    assert_same("0.0.9 with its delta", &snapshot(&mut later), &expected);
    let after: Vec<String> =
        later.column("SELECT c::text FROM categorize.cache c UNION ALL SELECT k::text FROM categorize.correction k");
    assert_eq!(before, after);
    assert_eq!(later.text("SELECT categorize('two', 'kept')").as_deref(), Some("B"));
}
