//! A tenant with a small share of a large index: none of his neighbours is lost behind those of others.

use crate::{await_idle, stocked};
use pg_categorize_e2e::{Database, Session, eventually};

/// So many texts of the large tenant are nearer to [`ASKED`] than any of the small one, that a search of the HNSW index gives up
/// among them.
const LARGE: i32 = 24_000;

/// More than are all compared at once.
const SMALL: i32 = 2_100;

const ASKED: &str = "red cotton shirt";

fn teach(session: &mut Session, tenant: &str, beginning: &str, words: &str, count: i32) {
    session.run(&format!("SELECT categorize.set_tenant('{tenant}', false)"));
    session.run(&format!(
        "SELECT categorize.learn($$
             SELECT concat_ws(' ', '{beginning}', w[1 + i % 10], w[1 + i / 10 % 10], w[1 + i / 100 % 10], i), 'Shirts'
               FROM generate_series(1, {count}) i, (SELECT string_to_array('{words}', ',') AS w) x$$)"
    ));
}

fn session_of(database: &Database, tenant: &str) -> Session {
    let mut session = database.session();
    session.run(&format!("SELECT categorize.set_tenant('{tenant}', false)"));
    session
}

/// How many neighbours are found. What this counts for [`scans`] is told before it returns: a session tells it of its own accord
/// once a second, and one that ends tells it after its client was let go, so that whoever counts at once might miss it.
fn found(session: &mut Session, text: &str) -> usize {
    let found = session.column::<String>(&format!("SELECT text FROM categorize.suggest('{text}', 20)")).len();
    session.run("SELECT pg_stat_force_next_flush()");
    found
}

/// How often the HNSW index was searched, and the vectors of a tenant were read in another way.
fn scans(session: &mut Session) -> (i64, i64) {
    let row = session
        .query_one(
            "SELECT coalesce(sum(s.idx_scan) FILTER (WHERE a.amname = 'hnsw'), 0)::bigint,
                    coalesce(sum(s.idx_scan) FILTER (WHERE a.amname <> 'hnsw'), 0)::bigint + max(t.seq_scan)
               FROM pg_stat_all_indexes s JOIN pg_class c ON c.oid = s.indexrelid JOIN pg_am a ON a.oid = c.relam
               JOIN pg_stat_all_tables t ON t.relid = s.relid
              WHERE s.relname = (SELECT 'embedding_' || id FROM categorize.embedding_index WHERE state = 'ready')",
            &[],
        )
        .expect("a row");
    (row.get(0), row.get(1))
}

#[test]
fn a_small_tenant_loses_no_neighbours_in_a_large_index() {
    let Some((database, mut session)) = stocked("share") else { return };
    teach(&mut session, "small", "steel hammer", "drill,saw,wrench,nail,bolt,screw,pliers,chisel,anvil,vice", SMALL);
    teach(&mut session, "large", ASKED, "blue,green,white,wool,silk,linen,sleeve,collar,button,pocket", LARGE);
    let large = "SELECT EXISTS (SELECT FROM categorize.embedding_index WHERE state = 'ready' AND has_hnsw)";
    eventually("the large index is ready", 120, || session.one(large));
    await_idle(&mut session);
    assert_eq!(session.one::<i64>("SELECT rows FROM categorize.embedding_index"), i64::from(LARGE + SMALL));

    // Of the large one an index finds enough, whatever the session has set for searches of its own.
    let mut of_large = session_of(&database, "large");
    of_large.run("SET hnsw.ef_search = 1; SET hnsw.max_scan_tuples = 1; SET hnsw.iterative_scan = off");
    assert_eq!(found(&mut of_large, "green shirt"), 20);
    let before = scans(&mut of_large);
    assert_eq!(found(&mut of_large, ASKED), 20);
    assert_eq!(scans(&mut of_large), (before.0 + 1, before.1));

    // That of the small one brings none of his at once, and gives up among the others; then all of his are compared. From then on
    // his session asks only for the second.
    let mut of_small = session_of(&database, "small");
    for searches in [2, 1] {
        let before = scans(&mut of_large).0;
        assert_eq!(found(&mut of_small, ASKED), 20);
        assert_eq!(scans(&mut of_large).0, before + searches);
    }

    // Where his share is small, no index is asked.
    session.run("UPDATE categorize.embedding_index SET rows = 10000000");
    let before = scans(&mut of_large).0;
    assert_eq!(found(&mut session_of(&database, "small"), ASKED), 20);
    assert_eq!(scans(&mut of_large).0, before);
}
