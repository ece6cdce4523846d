//! Crashes of one process and of all.

use pg_categorize_e2e::{Cluster, Session, eventually};
use std::sync::Arc;
use std::thread;

#[test]
fn a_killed_backend_and_a_killed_server_lose_nothing() {
    let cluster = Arc::new(Cluster::builder().start());
    let database = cluster.extended("shop");
    let mut session = database.session();
    session.run("SELECT categorize.correct('qwxv', 'Audio'); SELECT categorize.learn($$SELECT 'learnt', 'Watches'$$)");
    let mut victim = database.session();
    let pid = victim.pid();
    let running = thread::spawn(move || {
        victim.batch_execute("SELECT count(categorize('qwxv ' || i)) FROM generate_series(1, 100000000) i").is_err()
    });
    thread::sleep(std::time::Duration::from_millis(300));
    cluster.kill(pid);
    assert!(running.join().expect("no panic"), "its connection is gone");
    // Until the postmaster has noticed, it still lets people in.
    eventually("all sessions end", 30, || session.batch_execute("").is_err());
    eventually("the server is back", 30, || Session::open(&cluster.config("shop")).is_ok());
    let answers = |cluster: &Cluster| {
        let mut session = cluster.connect("shop");
        assert_eq!(session.text("SELECT categorize('qwxv')").as_deref(), Some("Audio"));
        assert_eq!(session.text("SELECT categorize('learnt')").as_deref(), Some("Watches"));
        session.run("SELECT categorize.correct('after the crash', 'Audio')");
    };
    answers(&cluster);
    cluster.crash();
    answers(&cluster);
    cluster.restart();
    answers(&cluster);
}
