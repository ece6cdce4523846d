//! A trained model is on a server once, whatever happens to its file, and nothing of it stays behind.

use pg_categorize_e2e::{Cluster, Database, Session, shared};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Teaches and trains taxonomy `name`. A title has three words of its category and one of any. Half of the titles are
/// taught: a quarter is kept for questions, and one for later.
fn train(session: &mut Session, name: &str, categories: u32) {
    session.run(&format!(
        "CREATE TABLE {name} AS
             SELECT i, 'Category ' || c AS category,
                    (SELECT string_agg(substr(md5(o || '-' || (i * 7 + w * 13 + c) % 100), 1, 9), ' ')
                       FROM generate_series(1, 4) w, LATERAL (SELECT CASE w WHEN 4 THEN (i * 31 + c * 17) % {categories} + 1 ELSE c END AS o) s)
                    || ' ' || i AS title
               FROM generate_series(1, {categories}) c, generate_series(1, 100) i;
         SELECT categorize.create_taxonomy('{name}', ARRAY(SELECT DISTINCT category FROM {name}))"
    ));
    teach(session, name, "i % 4 IN (1, 2)");
}

/// Teaches the titles that this condition holds for, trains a model and makes it live.
fn teach(session: &mut Session, name: &str, which: &str) {
    session.run(&format!("SELECT categorize.learn('SELECT title, category FROM {name} WHERE {which}', '{name}')"));
    let version: i32 = session.one(&format!("SELECT version FROM categorize.train('{name}')"));
    // A training does it by itself only where the new model is better.
    session.run(&format!("SELECT categorize.activate_model('{name}', {version})"));
}

/// A database whose sessions ask a taxonomy with a trained model.
fn trained(database: Database, categories: u32) -> Database {
    let mut session = database.session();
    train(&mut session, "t", categories);
    session.run(&format!("ALTER DATABASE {} SET categorize.taxonomy = 't'", database.name));
    database
}

/// What the model says of the titles that were kept, digested; most of them it must know.
fn answers(session: &mut Session) -> String {
    const SQL: &str = "FROM t CROSS JOIN LATERAL categorize_detail(title) d WHERE i % 4 = 0";
    let known: f64 = session.one(&format!("SELECT avg((d.source = 'local_model')::int)::float8 {SQL}"));
    assert!(known > 0.5, "the model answers a share of {known}");
    session.one(&format!(
        "SELECT md5(string_agg(concat_ws('|', title, d.category, d.confidence), ',' ORDER BY title)) {SQL}"
    ))
}

/// The model files of a database, unfinished ones among them.
fn files_of(cluster: &Cluster, oid: u32) -> Vec<PathBuf> {
    let folder = fs::read_dir(cluster.data().join("pg_stat_tmp")).expect("there is such a folder");
    let paths = folder.map(|file| file.expect("it is readable").path());
    let ours = |path: &PathBuf| path.to_string_lossy().contains(&format!("/pg_categorize.{oid}."));
    let mut files: Vec<PathBuf> = paths.filter(ours).collect();
    files.sort();
    files
}

fn oid(database: &Database) -> u32 {
    database.session().one("SELECT oid FROM pg_database WHERE datname = current_database()")
}

fn files(database: &Database) -> Vec<PathBuf> {
    files_of(&database.cluster, oid(database))
}

/// The one file of a database.
fn file(database: &Database) -> PathBuf {
    let mut files = files(database);
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

fn inode(path: &Path) -> u64 {
    fs::symlink_metadata(path).expect("it is there").ino()
}

/// Kilobytes of a backend's memory that are its own, in all of it or in what is mapped from model files.
fn anonymous(pid: i32, only_models: bool) -> u64 {
    let maps = fs::read_to_string(format!("/proc/{pid}/smaps")).expect("the backend lives");
    let mut counts = false;
    let mut sum = 0;
    for line in maps.lines() {
        if line.split(' ').next().is_some_and(|first| first.contains('-')) {
            let model = line.contains("/pg_stat_tmp/pg_categorize.");
            assert!(!model || line.contains(" r--s "), "{line}");
            counts = model || !only_models;
        } else if let Some(size) = line.strip_prefix("Anonymous:").filter(|_| counts) {
            sum += size.trim().trim_end_matches(" kB").parse::<u64>().expect("a number");
        }
    }
    sum
}

/// Inodes of the model files that a backend has mapped.
fn mapped(pid: i32) -> Vec<u64> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("the backend lives");
    let models = maps.lines().filter(|line| line.contains("/pg_stat_tmp/pg_categorize."));
    models.map(|line| line.split_whitespace().nth(4).expect("it has an inode").parse().expect("a number")).collect()
}

#[test]
fn sessions_map_the_same_file() {
    let database = trained(shared("same_file"), 200);
    let mut first = database.session();
    let expected = answers(&mut first);
    let file = file(&database);
    let about = fs::metadata(&file).expect("it is there");
    assert!(about.len() > 4 << 20, "{} bytes would prove nothing below", about.len());
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    let mut second = database.session();
    // What a session needs for any model is there before it is measured.
    train(&mut second, "small", 2);
    let pid = second.pid();
    second.run("SELECT title, categorize(title, 'small') FROM small");
    let before = anonymous(pid, false);
    second.run("SELECT title, categorize(title, 't') FROM small");
    let growth = anonymous(pid, false) - before;
    assert!(growth < 1024, "{growth} kB of private memory for a model of {} bytes", about.len());
    assert_eq!(answers(&mut second), expected);
    for pid in [first.pid(), pid] {
        assert!(mapped(pid).contains(&about.ino()), "{:?} lacks {}", mapped(pid), about.ino());
        assert_eq!(anonymous(pid, true), 0);
    }
    assert_eq!(first.warnings(), Vec::<String>::new());
    database.cluster.assert_tidy();
}

#[test]
fn damaged_files_are_written_anew() {
    let database = trained(shared("damaged"), 8);
    let mut old = database.session();
    let expected = answers(&mut old);
    let path = file(&database);
    let good = fs::read(&path).expect("it is readable");
    // A whole model of other content, as a restored database may have under the same id.
    let other = trained(shared("damaged_other"), 4);
    answers(&mut other.session());
    let other = fs::read(file(&other)).expect("it is readable");
    let changed = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let cut = good[..good.len() / 2].to_vec();
    for bytes in [changed(good.len() - 1), changed(good.len() / 2), changed(20), cut, Vec::new(), other] {
        let beside = path.with_extension("beside");
        fs::write(&beside, bytes).expect("the folder is writable");
        fs::rename(&beside, &path).expect("the folder is writable");
        let damaged = inode(&path);
        let mut session = database.session();
        assert_eq!(answers(&mut session), expected);
        assert_eq!(file(&database), path);
        assert_ne!(inode(&path), damaged);
        assert_eq!(mapped(session.pid()), [inode(&path)]);
        assert_eq!(session.warnings(), Vec::<String>::new());
    }
    assert_eq!(answers(&mut old), expected, "with the file that it had mapped");
    // Even a link to good bytes is not followed: its target may be changed at any time.
    let target = database.cluster.file("elsewhere");
    fs::rename(&path, &target).expect("the folder is writable");
    std::os::unix::fs::symlink(&target, &path).expect("the folder is writable");
    assert_eq!(answers(&mut database.session()), expected);
    assert!(fs::symlink_metadata(&path).expect("it is there").is_file());
    database.cluster.assert_tidy();
}

#[test]
fn nothing_stays_behind() {
    let database = trained(shared("behind"), 8);
    let mut session = database.session();
    let before = answers(&mut session);
    let first = file(&database);
    let mut old = database.session();
    old.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
    assert_eq!(answers(&mut old), before);

    // Of one that was killed, and of one that is at work.
    let unfinished = |pid: i32| first.with_extension(format!("{pid}.tmp"));
    let (dead, living) = (unfinished(i32::MAX - 1), unfinished(session.pid()));
    let foreign = first.with_file_name(format!("pg_categorize.{}.other", oid(&database)));
    // A database that was dropped while nobody looked.
    let gone = first.with_file_name("pg_categorize.4294967290.1000.model");
    for path in [&dead, &living, &foreign, &gone] {
        fs::write(path, "x").expect("the folder is writable");
    }
    teach(&mut session, "t", "i % 4 = 3");
    assert_ne!(answers(&mut session), before);
    let left = files(&database);
    assert!(left.contains(&living) && left.contains(&foreign), "{left:?}");
    let models: Vec<&PathBuf> = left.iter().filter(|path| **path != living && **path != foreign).collect();
    assert_eq!(models.len(), 1, "{left:?}");
    assert_ne!(*models[0], first);
    assert!(!gone.exists());
    assert_eq!(answers(&mut old), before, "in its own snapshot, from the file that it had mapped");
    assert!(!first.exists(), "it was not written again");
    old.run("COMMIT");
    fs::remove_file(living).expect("it is there");
    fs::remove_file(foreign).expect("it is there");

    // Going back to the version before, whose file is gone.
    session.run("SELECT categorize.activate_model('t', 1)");
    assert_eq!(answers(&mut database.session()), before);
    database.cluster.assert_tidy();
}

#[test]
fn a_cancelled_writer_leaves_nothing() {
    let database = trained(shared("cancelled"), 40);
    let mut session = database.session();
    for milliseconds in 1..40 {
        let mut session = database.session();
        files(&database).iter().for_each(|file| fs::remove_file(file).expect("the folder is writable"));
        session.run(&format!("SET statement_timeout = {milliseconds}"));
        _ = session.simple_query("SELECT categorize(title) FROM t WHERE i = 4 LIMIT 1");
        let left = files(&database);
        assert!(left.iter().all(|path| path.extension().is_some_and(|e| e == "model")), "{left:?}");
    }
    answers(&mut session);
    file(&database);
    database.cluster.assert_tidy();
}

#[test]
fn clones_and_dropped_databases() {
    let database = trained(shared("cloned"), 8);
    let expected = answers(&mut database.session());
    let mut admin = database.cluster.connect("postgres");
    admin.run("CREATE DATABASE clone TEMPLATE cloned");
    admin.run("ALTER DATABASE clone SET categorize.taxonomy = 't'");
    let clone = Database { cluster: database.cluster.clone(), name: "clone".into() };
    let clone_oid = oid(&clone);
    assert_eq!(answers(&mut clone.session()), expected);
    assert_eq!(files(&clone).len(), 1);
    // The same ids, other models.
    let learn = |database: &Database, remainder: u32| {
        let mut session = database.session();
        teach(&mut session, "t", &format!("i % 8 = {remainder}"));
        answers(&mut session)
    };
    let here = learn(&database, 3);
    assert_ne!(learn(&clone, 7), here);
    assert_eq!(answers(&mut database.session()), here);
    file(&database);
    admin.run("DROP DATABASE clone");
    learn(&database, 7);
    assert_eq!(files_of(&database.cluster, clone_oid), Vec::<PathBuf>::new());
    file(&database);
    database.cluster.assert_tidy();
}

#[test]
fn where_no_file_can_be_written_answers_stay() {
    let cluster = Arc::new(Cluster::builder().start());
    let database = trained(cluster.extended("shop"), 40);
    let expected = answers(&mut database.session());
    let size = fs::metadata(file(&database)).expect("it is there").len();
    assert!(size > 1 << 20, "{size} bytes are written in one go");
    let folder = cluster.data().join("pg_stat_tmp");
    let warned = |session: &mut Session, why: &str| {
        assert_eq!(answers(session), expected);
        session.run("SELECT categorize(title) FROM t");
        let warnings = session.warnings();
        assert_eq!(warnings, ["trained model could not be shared with other sessions"], "once a session");
        assert!(cluster.log().contains(why), "{}", cluster.log());
        assert_eq!(mapped(session.pid()), Vec::<u64>::new());
    };

    fs::remove_file(file(&database)).expect("the folder is writable");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).expect("it is ours");
    warned(&mut database.session(), "Permission denied");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("it is ours");

    // As on a full disk: writing fails in the middle, for this process alone.
    let mut limited = database.session();
    limited.run("CHECKPOINT");
    let pid = limited.pid().to_string();
    let mut limit = cluster.tools().command("prlimit");
    assert!(limit.args(["--fsize=1048576", "--pid", &pid]).status().expect("prlimit runs").success());
    warned(&mut limited, "File too large");
    assert_eq!(files(&database), Vec::<PathBuf>::new());

    let mut next = database.session();
    assert_eq!(answers(&mut next), expected);
    assert_eq!(next.warnings(), Vec::<String>::new());
    assert_eq!(mapped(next.pid()), [inode(&file(&database))]);
    cluster.assert_tidy();
}

#[test]
fn standbys_and_workers_have_it_too() {
    let primary = Arc::new(Cluster::builder().conf("autovacuum = off").start());
    let database = trained(primary.extended("shop"), 8);
    let expected = answers(&mut database.session());
    let oid = oid(&database);
    let standby = primary.replica();
    standby.catch_up(&primary);
    assert_eq!(files_of(&standby, oid), Vec::<PathBuf>::new(), "a base backup has no derived files");
    let mut reader = standby.connect("shop");
    assert_eq!(answers(&mut reader), expected);
    let files = files_of(&standby, oid);
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(mapped(reader.pid()), [inode(&files[0])]);
    // Workers that write it at the same time.
    const FORCED: &str = "SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0;
                          SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
                          SET parallel_leader_participation = off";
    for (cluster, mut session) in [(&*primary, database.session()), (&standby, standby.connect("shop"))] {
        const ALL: &str = "SELECT coalesce(categorize(title), '') FROM t ORDER BY 1";
        let serial: Vec<String> = session.column(ALL);
        session.run(FORCED);
        files_of(cluster, oid).iter().for_each(|file| fs::remove_file(file).expect("the folder is writable"));
        assert_eq!(session.column::<String>(ALL), serial);
        assert_eq!(session.warnings(), Vec::<String>::new());
        assert_eq!(files_of(cluster, oid).len(), 1, "workers wrote it, since only their leader had it");
    }
    primary.assert_tidy();
    standby.assert_tidy();
}
