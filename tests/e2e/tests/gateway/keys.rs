//! Secrets stay where they are, and nobody but a superuser chooses files, variables and hosts.

use crate::support::{builder, shop_in};
use pg_categorize_e2e::{Cluster, Session};
use pg_categorize_fake_llm::{Config, FakeLlm, Latency};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const KEY: &str = "sk-not-to-be-seen-anywhere-4711";

/// Writes a file of the server's user, with these rights.
fn write(cluster: &Cluster, path: &str, text: &str, mode: &str) {
    let mut tee = cluster.tools().command("tee");
    let mut child = tee.arg(path).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(cluster.tools().command("chmod").args([mode, path]).status().unwrap().success());
}

fn reason(session: &mut Session, title: &str) -> Option<String> {
    session.text(&format!("SELECT reason FROM categorize_detail('{title}', 'shop')"))
}

#[test]
fn a_key_file_is_used_and_never_shown() {
    // The folder must be known before the server starts, and the files may come later.
    let folder = format!("/tmp/pgc_keys.{}", std::process::id());
    let conf = format!("categorize.key_directory = '{folder}'");
    let hosts = "categorize.allowed_hosts = '127.0.0.1:*=good.key|loose.key|link.key|missing.key|wrong.key'";
    let cluster = Arc::new(builder().conf(&conf).conf(hosts).conf("log_statement = 'all'").start());
    assert!(cluster.tools().command("mkdir").args(["-m", "700", &folder]).status().unwrap().success());
    write(&cluster, &format!("{folder}/good.key"), &format!("{KEY}\n"), "600");
    write(&cluster, &format!("{folder}/loose.key"), KEY, "644");
    write(&cluster, &format!("{folder}/wrong.key"), "another", "600");
    let link = cluster.tools().command("ln").args(["-s", "good.key", &format!("{folder}/link.key")]).status().unwrap();
    assert!(link.success());

    let shop = shop_in(&cluster, "keys", Config { key: Some(KEY.into()), ..Config::default() });
    let mut session = shop.session();
    assert_eq!(reason(&mut session, "without a key").as_deref(), Some("provider_error"));
    let url = format!("{}/v1", shop.model.url());
    let mut details = Vec::new();
    for (file, expected) in [
        ("loose.key", Some("no_provider")),
        ("link.key", Some("no_provider")),
        ("missing.key", Some("no_provider")),
        ("wrong.key", Some("provider_error")),
        ("good.key", None),
    ] {
        session.run("SELECT categorize.drop_provider(name) FROM categorize.providers");
        session.run(&format!("SELECT categorize.add_provider('p', 'openai', '{url}', key_file => '{file}')"));
        let title = format!("with {file}");
        assert_eq!(reason(&mut session, &title).as_deref(), expected, "{file}");
        if expected == Some("no_provider") {
            details.push(session.text(&format!("SELECT evidence::text FROM categorize_detail('{title}', 'shop')")));
        }
    }
    // A message does not tell whether a file exists.
    assert!(details.windows(2).all(|pair| pair[0] == pair[1]), "{details:?}");

    // It is in no table, view, setting, log line or dump.
    let settings: Vec<Option<String>> = session.column("SELECT setting FROM pg_settings");
    assert!(settings.iter().flatten().all(|setting| !setting.contains(KEY)));
    let dump = cluster.run("pg_dump", &["--inserts", "keys"]);
    assert!(dump.contains("good.key") && !dump.contains(KEY));
    let rows: Vec<String> = session.column(
        "SELECT t::text FROM categorize.ledger t UNION ALL SELECT t::text FROM categorize.alert_log t
         UNION ALL SELECT t::text FROM categorize.cache t UNION ALL SELECT t::text FROM categorize.provider_health t
         UNION ALL SELECT t::text FROM pg_stat_activity t",
    );
    assert!(!rows.is_empty() && rows.iter().all(|row| !row.contains(KEY)));
    // `log_statement` logs what people write; titles that we were passed as parameters or rows are in no line of ours.
    assert!(!cluster.log().contains(KEY));
    _ = Command::new("rm").args(["-rf", &folder]).status();
}

#[test]
fn what_waits_for_a_provider_that_is_dropped_is_not_sent_there() {
    let cluster = Arc::new(builder().start());
    let slow = Config { latency: Latency::Fixed(Duration::from_millis(500)), ..Config::default() };
    let shop = shop_in(&cluster, "dropped", slow);
    let mut session = shop.session();
    session.run(r#"SELECT categorize.configure('shop', '{"pack_size": 1, "in_flight": 1}')"#);
    let waiting = std::thread::spawn({
        let mut session = shop.session();
        move || -> Vec<Option<String>> {
            let titles = "array(SELECT 'title ' || i FROM generate_series(1, 10) i)";
            session.column(&format!("SELECT reason FROM categorize_many({titles}, 'shop')"))
        }
    });
    // Two of them take a second.
    std::thread::sleep(Duration::from_millis(700));
    session.run("SELECT categorize.drop_provider(name) FROM categorize.providers");
    let reasons = waiting.join().unwrap();
    let refused = reasons.iter().flatten().filter(|reason| *reason == "no_provider").count();
    assert!(refused >= 7 && reasons.iter().any(Option::is_none), "{reasons:?}");
    assert_eq!(shop.model.account().requests as usize, 10 - refused);
}

#[test]
fn input_text_is_in_no_log_line() {
    let cluster = Arc::new(builder().conf("log_min_messages = debug1").conf("log_min_error_statement = panic").start());
    let shop = shop_in(&cluster, "quiet", Config::default());
    let mut session = shop.session();
    let rows = session.query("SELECT categorize($1)", &[&"a title of nobody's business"]).unwrap();
    assert_eq!(rows.len(), 1);
    session.run("SELECT categorize.set_budget('database', 0)");
    _ = session.query("SELECT categorize($1)", &[&"another title of nobody's business"]).unwrap();
    assert!(!cluster.log().contains("nobody's business"));
}

#[test]
fn an_admin_chooses_neither_hosts_nor_keys() {
    let cluster = Arc::new(builder().start());
    let database = cluster.extended("hosts");
    cluster.connect("hosts").run("CREATE ROLE the_admin LOGIN IN ROLE categorize_admin");
    let mut admin = database.session_as("the_admin");
    for refused in [
        "'https://evil.example/v1'",
        "'https://169.254.169.254/latest'",
        "'https://10.0.0.1/v1'",
        "'http://127.0.0.1:1/v1', key_env => 'PG_CATEGORIZE_X'",
        "'https://api.openai.com/v1', key_env => 'PGPASSWORD'",
        "'https://api.openai.com/v1', key_env => 'ANTHROPIC_API_KEY'",
        "'https://api.openai.com/v1', key_file => '../../etc/passwd'",
        "NULL, key_file => 'some.key'",
    ] {
        let error = admin.refused("42501", &format!("SELECT categorize.add_provider('p', 'openai', {refused})"));
        assert!(!error.message().contains("exist"), "{error:?}");
    }
    for refused in [
        "'http://api.openai.com/v1'",
        "'http://169.254.169.254/latest'",
        "'https://api.openai.com@evil.example/v1'",
        "'ftp://127.0.0.1/v1'",
        "'not a url'",
        "'https://api.openai.com/v1?x=1'",
    ] {
        let sql = format!("SELECT categorize.add_provider('p', 'openai', {refused})");
        let error = admin.batch_execute(&sql).unwrap_err();
        let state = error.as_db_error().unwrap().code().code().to_owned();
        assert!(state == "22023" || state == "42501", "{sql}: {state}");
    }
    admin.run("SELECT categorize.add_provider('official', 'openai', key_env => 'OPENAI_API_KEY')");
    for setting in ["key_directory", "key_environment", "allowed_hosts"] {
        admin.refused("55P02", &format!("SET categorize.{setting} = 'x'"));
        admin.refused("42501", &format!("ALTER SYSTEM SET categorize.{setting} = 'x'"));
        admin.refused("42501", &format!("SHOW categorize.{setting}"));
    }
    let mut user = {
        cluster.connect("hosts").run("CREATE ROLE the_user LOGIN IN ROLE categorize_editor");
        database.session_as("the_user")
    };
    for refused in [
        "SELECT categorize.add_provider('q', 'openai')",
        "SELECT categorize.set_budget('database', 1000)",
        "SELECT categorize.set_price('x', 0, 0)",
        "SELECT categorize.settle_in_doubt(1, 0)",
        "SELECT categorize.adopt_database()",
        "SELECT * FROM categorize.ledger",
        "SELECT * FROM categorize.provider",
    ] {
        user.refused("42501", refused);
    }
}

#[test]
fn a_key_of_the_environment_is_bound_to_its_host() {
    // The variable is the server's, so that this test needs a server of its own.
    let stolen = FakeLlm::spawn(Config::default());
    let cluster = Arc::new(builder().conf("categorize.allowed_hosts = '127.0.0.1:*'").start());
    let database = cluster.extended("bound");
    let url = format!("{}/v1", stolen.url());
    let sql = format!("SELECT categorize.add_provider('p', 'openai', '{url}', key_env => 'OPENAI_API_KEY')");
    database.session().refused("42501", &sql);
}
