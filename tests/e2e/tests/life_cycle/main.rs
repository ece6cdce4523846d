//! CREATE, DROP, re-create; and what sessions that had used the extension make of it.

mod crash;
mod refused;

use pg_categorize_e2e::{Session, eventually, shared};
use std::thread;

/// Everything in the catalogs of a database, by name.
fn objects(session: &mut Session) -> Vec<String> {
    session.column(
        "SELECT pg_catalog.pg_describe_object(classid, objid, 0) FROM (
             SELECT 'pg_class'::regclass, oid FROM pg_class UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc
             UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace
             UNION ALL SELECT 'pg_trigger'::regclass, oid FROM pg_trigger UNION ALL SELECT 'pg_constraint'::regclass, oid FROM pg_constraint
             UNION ALL SELECT 'pg_extension'::regclass, oid FROM pg_extension UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast
             UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator) o (classid, objid)
          WHERE objid NOT IN (SELECT oid FROM pg_class WHERE relpersistence = 't') ORDER BY 1",
    )
}

#[test]
fn drop_extension_leaves_nothing_but_the_roles() {
    let database = shared("leaves_nothing");
    let mut session = database.session();
    session.run("DROP EXTENSION pg_categorize");
    let before = objects(&mut session);
    let mut other = database.session();
    session.run("CREATE EXTENSION pg_categorize");
    assert!(objects(&mut session).len() > before.len() + 30);
    session
        .run("SELECT categorize('Nike'); SELECT categorize.correct('Nike', 'Audio'); SELECT * FROM categorize.stats");
    other.run("SELECT categorize('Nike')");
    session.run("DROP EXTENSION pg_categorize");
    assert_eq!(objects(&mut session), before);
    let leftovers: i64 = session.one(
        "SELECT (SELECT count(*) FROM pg_init_privs WHERE privtype = 'e' AND objoid >= 16384)
              + (SELECT count(*) FROM pg_default_acl)
              + (SELECT count(*) FROM pg_description WHERE objoid >= 16384)",
    );
    assert_eq!(leftovers, 0);
    let roles: Vec<String> =
        session.column("SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'categorize%' ORDER BY 1");
    assert_eq!(roles, ["categorize_admin", "categorize_editor", "categorize_user"]);
}

#[test]
fn every_session_survives_drop_and_create() {
    let database = shared("again");
    let (mut a, mut b) = (database.session(), database.session());
    for session in [&mut a, &mut b] {
        session.run("PREPARE ask AS SELECT categorize('qwxv')");
    }
    for _ in 0..3 {
        a.run("SELECT categorize.correct('qwxv', 'Audio')");
        for session in [&mut a, &mut b] {
            assert_eq!(session.text("SELECT categorize('qwxv')").as_deref(), Some("Audio"));
            session.run("EXECUTE ask");
        }
        a.run("DROP EXTENSION pg_categorize");
        for session in [&mut a, &mut b] {
            session.refused("42883", "SELECT categorize('qwxv')");
            session.refused("42883", "EXECUTE ask");
            session.refused("3F000", "SELECT categorize.correct('qwxv', 'Audio')");
        }
        a.run("CREATE EXTENSION pg_categorize");
        for session in [&mut a, &mut b] {
            assert_eq!(session.text("SELECT categorize('qwxv')"), None, "the correction went with the extension");
            assert!(session.text("SELECT categorize('Nike Air Max 270')").is_some());
            session.run("EXECUTE ask");
        }
    }
    database.cluster.assert_tidy();
}

#[test]
fn a_rolled_back_create_leaves_a_usable_session() {
    let database = shared("rolled_back");
    let mut session = database.session();
    session.run("DROP EXTENSION pg_categorize");
    session.run("BEGIN; CREATE EXTENSION pg_categorize; SELECT categorize.correct('qwxv', 'Audio')");
    assert_eq!(session.text("SELECT categorize('qwxv')").as_deref(), Some("Audio"));
    session.run("ROLLBACK");
    session.refused("42883", "SELECT categorize('qwxv')");
    session.run("CREATE EXTENSION pg_categorize");
    assert_eq!(session.text("SELECT categorize('qwxv')"), None);
    session.run("SELECT categorize.correct('qwxv', 'Watches')");
    // A drop that is taken back, too.
    session.run("BEGIN; DROP EXTENSION pg_categorize; ROLLBACK");
    assert_eq!(session.text("SELECT categorize('qwxv')").as_deref(), Some("Watches"));
    session.run("BEGIN; SAVEPOINT s; DROP EXTENSION pg_categorize; CREATE EXTENSION pg_categorize");
    assert_eq!(session.text("SELECT categorize('qwxv')"), None);
    session.run("ROLLBACK TO s");
    assert_eq!(session.text("SELECT categorize('qwxv')").as_deref(), Some("Watches"));
    session.run("COMMIT");
    assert_eq!(session.text("SELECT categorize('qwxv')").as_deref(), Some("Watches"));
    database.cluster.assert_tidy();
}

#[test]
fn use_and_drop_in_one_transaction() {
    let database = shared("use_and_drop");
    let mut session = database.session();
    session.run("SELECT categorize.correct('qwxv', 'Audio'); SELECT categorize.learn($$SELECT 'learnt', 'Audio'$$)");
    session.run("BEGIN; SELECT categorize('qwxv'), categorize('learnt'); DROP EXTENSION pg_categorize; COMMIT");
    session.refused("42883", "SELECT categorize('qwxv')");
    session.run("CREATE EXTENSION pg_categorize");
    session.run("CREATE FUNCTION label(t text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN categorize(t); END $$");
    // PL/pgSQL keeps the state of its expressions until the transaction ends.
    session.run("BEGIN; SELECT label('qwxv'), label('learnt'); DROP EXTENSION pg_categorize; COMMIT");
    session.run("CREATE EXTENSION pg_categorize; SELECT label('qwxv')");
    database.cluster.assert_tidy();
}

#[test]
fn drop_waits_for_a_reader_in_the_middle_of_its_cursor() {
    let database = shared("drop_waits");
    let (mut a, mut b) = (database.session(), database.session());
    a.run("SELECT categorize.correct('qwxv', 'Audio')");
    b.run("BEGIN; DECLARE c CURSOR FOR SELECT categorize('qwxv') FROM generate_series(1, 10)");
    assert_eq!(b.column::<String>("FETCH 4 FROM c"), vec!["Audio"; 4]);
    a.refused("55P03", "SET lock_timeout = '200ms'; DROP EXTENSION pg_categorize");
    a.run("RESET lock_timeout");
    let pid = a.pid();
    let dropping = thread::spawn(move || a.run("DROP EXTENSION pg_categorize"));
    let mut watch = database.session();
    eventually("DROP EXTENSION waits", 10, || {
        watch.one(&format!("SELECT count(*) > 0 FROM pg_locks WHERE pid = {pid} AND NOT granted"))
    });
    assert_eq!(b.column::<String>("FETCH ALL FROM c"), vec!["Audio"; 6]);
    b.run("COMMIT");
    dropping.join().expect("it drops");
    b.refused("42883", "SELECT categorize('qwxv')");
    database.cluster.assert_tidy();
}

#[test]
fn another_schema_serves_as_well() {
    let database = shared("another_schema");
    let mut session = database.session();
    session.run(
        r#"DROP EXTENSION pg_categorize; CREATE SCHEMA "My Schema"; CREATE EXTENSION pg_categorize SCHEMA "My Schema""#,
    );
    session.refused("42883", "SELECT categorize('Nike Air Max 270')");
    assert!(session.text(r#"SELECT "My Schema".categorize('Nike Air Max 270')"#).is_some());
    session.run(
        r#"SET search_path = "My Schema";
           CREATE TABLE public.products (title text, category text);
           CREATE TRIGGER fill BEFORE INSERT ON public.products FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category');
           INSERT INTO public.products VALUES ('Nike Air Max 270');
           SELECT categorize.correct('qwxv', 'Audio'); SELECT * FROM categorize.explain('qwxv')"#,
    );
    assert!(session.text("SELECT category FROM public.products").is_some());
    assert_eq!(session.text("SELECT (categorize_detail('qwxv')).category").as_deref(), Some("Audio"));
    session.run("DROP EXTENSION pg_categorize CASCADE");
}
