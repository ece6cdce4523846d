//! Large indexes: an HNSW index is built beside the one that answers, and nothing that happens meanwhile is lost.

use crate::{await_idle, indexer, is_possible, states, stock, stocked, table, vectors};
use pg_categorize_e2e::{Cluster, Session, eventually, within};
use std::sync::Arc;

/// So many texts that an HNSW index is built for them. Half of what they say is the same in ten of them.
fn teach_many(session: &mut Session, count: usize) {
    session.run(&format!(
        "SELECT categorize.learn($$
             SELECT concat_ws(' ', w[1 + i / 10 % 40], w[1 + i / 400 % 40], w[1 + i % 7], md5(i::text)), (ARRAY['Shirts', 'Books', 'Tools'])[i / 10 % 3 + 1]
               FROM generate_series(1, {count}) i,
                    (SELECT string_to_array('red,blue,green,white,black,cotton,wool,silk,hammer,wrench,drill,saw,novel,story,poem,school,war,peace,love,garden,kitchen,table,chair,lamp,phone,camera,watch,shoe,boot,hat,coat,dress,ring,bag,belt,glass,plate,knife,fork,spoon', ',') AS w) x$$)"
    ));
}

fn has_hnsw(session: &mut Session) -> bool {
    session.one("SELECT EXISTS (SELECT FROM categorize.embedding_index WHERE state = 'ready' AND has_hnsw)")
}

fn at_work(session: &mut Session, activity: &str) -> i32 {
    let sql = format!(
        "SELECT pid FROM pg_stat_activity
          WHERE backend_type = 'pg_categorize indexer' AND datname = current_database() AND query LIKE '{activity}%'"
    );
    let mut pid = None;
    eventually(activity, 60, || {
        pid = session.column(&sql).pop();
        pid.is_some()
    });
    pid.expect("seen just now")
}

#[test]
fn an_index_that_grows_gets_hnsw_in_a_table_of_its_own() {
    let Some((database, mut session)) = stocked("grows") else { return };
    teach_many(&mut session, 3000);
    eventually("the small index is ready", 60, || states(&mut session) == ["ready"]);
    assert!(!has_hnsw(&mut session));
    let small = table(&mut session);
    teach_many(&mut session, 7000);
    eventually("the large index is ready", 120, || has_hnsw(&mut session));
    await_idle(&mut session);
    assert_ne!(table(&mut session), small);
    assert_eq!(vectors(&mut session), 7000);
    // The nearest by the index are those of an exact comparison.
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.suggest('red cotton shirt', 20)"), 20);
    let same = "SELECT (SELECT text FROM categorize.suggest(s.text, 1)) = s.text FROM categorize.suggest('garden table', 20) s";
    assert!(session.column::<bool>(same).into_iter().all(|found| found));
    eventually("the small one is gone", 30, || {
        session.run("SELECT categorize.correct(gen_random_uuid()::text || ' hammer', 'Tools')");
        states(&mut session) == ["ready"]
    });
    // Small tenants among many: all their rows are compared, none is lost behind those of others.
    session.run("SELECT categorize.set_tenant('small', false)");
    session.run("SELECT categorize.learn($$VALUES ('tiny purple umbrella', 'Tools')$$)");
    eventually("the small tenant finds its text", 30, || {
        session.column::<String>("SELECT text FROM categorize.suggest('purple umbrella', 1)")
            == ["tiny purple umbrella"]
    });
    database.cluster.assert_tidy();
}

#[test]
fn a_thousand_tenants_find_what_is_theirs() {
    let Some((_, mut session)) = stocked("thousand") else { return };
    session.run("SELECT categorize.create_taxonomy('many', ARRAY['A', 'B'])");
    // Written as a thousand sessions would, by the key that each would have used.
    session.run(
        "DO $$ BEGIN
             FOR i IN 1..1000 LOOP
                 PERFORM categorize.set_tenant('tenant ' || i, true);
                 PERFORM categorize.learn(format('SELECT concat_ws('' '', w, ''of number'', %s), ''A'' FROM unnest(ARRAY[''table'', ''chair'', ''lamp'', ''shirt'', ''novel'', ''hammer'']) w', i), 'many');
             END LOOP;
         END $$",
    );
    eventually("an HNSW index of 6000", 120, || has_hnsw(&mut session));
    for tenant in [1, 500, 1000] {
        session.run(&format!("SELECT categorize.set_tenant('tenant {tenant}', false)"));
        let found: Vec<String> = session.column("SELECT text FROM categorize.suggest('wooden table', 10, 'many')");
        assert_eq!(found.len(), 6, "{found:?}");
        assert!(
            found[0].starts_with("table") && found.iter().all(|text| text.ends_with(&format!(" {tenant}"))),
            "{found:?}"
        );
    }
}

#[test]
fn a_killed_indexer_costs_nothing_but_time() {
    if !is_possible() {
        return;
    }
    let (database, mut session) = stock(Arc::new(Cluster::builder().start()).extended("shop"));
    teach_many(&mut session, 3000);
    eventually("the small index is ready", 60, || states(&mut session) == ["ready"]);
    teach_many(&mut session, 20_000);
    let pid = at_work(&mut session, "building the HNSW index");
    database.cluster.kill(pid);
    eventually("all sessions are ended", 30, || session.simple_query("SELECT 1").is_err());
    let mut session = None;
    eventually("the server is back", 60, || {
        session = Session::open(&database.cluster.config("shop")).ok();
        session.is_some()
    });
    let mut session = session.expect("it is back");
    // The index that was there answers, and what was left of the other is not tried again at once, or the server would go down
    // again and again.
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.suggest('red cotton shirt', 1)"), 1);
    session.run("SELECT categorize.correct('one more hammer', 'Tools')");
    eventually("the correction has its vector", 30, || {
        session.column::<String>("SELECT text FROM categorize.suggest('one more hammer', 1)") == ["one more hammer"]
    });
    await_idle(&mut session);
    assert!(!has_hnsw(&mut session));
    session.run("COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; rm -f pg_stat_tmp/pg_categorize.*.attempt'");
    session.run("SELECT categorize.correct('two more hammers', 'Tools')");
    eventually("the large index is ready", 120, || has_hnsw(&mut session));
    await_idle(&mut session);
    assert_eq!(vectors(&mut session), 20_002);
}

#[test]
fn databases_and_extensions_are_dropped_under_an_indexer() {
    let Some((database, mut session)) = stocked("under") else { return };
    session.run("CREATE ROLE owner_of_under LOGIN CREATEDB; ALTER DATABASE under OWNER TO owner_of_under");
    teach_many(&mut session, 12_000);
    at_work(&mut session, "building the HNSW index");
    // It holds the table that it builds, and no other: this one waits for it, and is not kept for ever.
    within("DROP EXTENSION", 60, || session.run("DROP EXTENSION pg_categorize CASCADE"));
    await_idle(&mut session);
    assert_eq!(session.one::<i64>("SELECT count(*) FROM pg_class WHERE relname LIKE 'embedding%'"), 0);
    session.run(
        "CREATE EXTENSION pg_categorize;
         SELECT categorize.create_taxonomy('t', ARRAY['Shirts', 'Books', 'Tools'])",
    );
    teach_many(&mut session, 12_000);
    at_work(&mut session, "building the HNSW index");
    drop(session);
    let mut owner = database.cluster.connect_as("postgres", "owner_of_under");
    within("DROP DATABASE", 10, || owner.run("DROP DATABASE under"));
    assert_eq!(indexer(&mut owner), None);
    database.cluster.assert_tidy();
}
