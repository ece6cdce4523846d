//! Who may choose the tenant.

use crate::{ask, become_tenant, stocked};
use pg_categorize_e2e::{Cluster, Session};
use std::sync::Arc;

/// Prepares a role that a pool connects as, with tenant a as its default.
fn pool(session: &mut Session, role: &str) {
    session.run(&format!(
        "CREATE ROLE {role} LOGIN IN ROLE categorize_user;
         GRANT EXECUTE ON FUNCTION categorize.set_tenant TO {role};
         SELECT categorize.set_tenant('a', false); SELECT categorize.correct('x', 'A');
         SELECT categorize.set_tenant('b', false); SELECT categorize.correct('x', 'B');
         SELECT categorize.set_tenant('', false)"
    ));
}

#[test]
fn the_tenant_is_the_superusers_to_set() {
    let (database, mut session) = stocked("whose");
    pool(&mut session, "pool");
    let mut client = database.session_as("pool");
    assert_eq!(ask(&mut client, "x"), None);
    client.refused("42501", "SET categorize.tenant = 'b'");
    client.refused("42501", "BEGIN; SET LOCAL categorize.tenant = 'b'");
    client.run("ROLLBACK");
    client.refused("42501", "SELECT set_config('categorize.tenant', 'b', false)");
    client.refused("42501", "ALTER ROLE pool SET categorize.tenant = 'b'");
    client.refused("42501", "CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE sql SET categorize.tenant = 'b' AS 'SELECT 1::text'; SELECT pg_temp.f()");
    assert_eq!(ask(&mut client, "x"), None);

    session.run("ALTER ROLE pool SET categorize.tenant = 'a'");
    let mut client = database.session_as("pool");
    for reset in ["RESET ALL", "DISCARD ALL"] {
        assert_eq!(ask(&mut client, "x").as_deref(), Some("A"), "the role's default");
        become_tenant(&mut client, "b");
        assert_eq!(ask(&mut client, "x").as_deref(), Some("B"));
        // Who may not set it may still return to his own default.
        client.run(reset);
        assert_eq!(ask(&mut client, "x").as_deref(), Some("A"), "after {reset}");
    }
    // By the options of the connection, as by SET.
    let mut config = database.cluster.config(&database.name);
    config.user("pool").options("-c categorize.tenant=b");
    match Session::open(&config) {
        Err(error) => assert_eq!(error.code().map(|c| c.code()), Some("42501")),
        Ok(mut client) => assert_eq!(ask(&mut client, "x").as_deref(), Some("A")),
    }
}

/// Before the library is loaded anyone may set a name that looks like its settings; it must not count afterwards.
#[test]
fn a_tenant_set_before_the_library_is_loaded_does_not_count() {
    let cluster = Arc::new(Cluster::builder().preload(false).start());
    let database = cluster.extended("lazy");
    let mut session = database.session();
    session.run("SELECT categorize.create_taxonomy('t', ARRAY['A', 'B'])");
    session.run("ALTER DATABASE lazy SET categorize.taxonomy = 't'");
    let mut session = database.session();
    pool(&mut session, "pool");
    let set = ["SET categorize.tenant = 'b'", "SELECT set_config('categorize.tenant', 'b', false)"];
    for set in set {
        let mut client = database.session_as("pool");
        client.run(set);
        assert_eq!(ask(&mut client, "x"), None, "after {set}");
        assert_eq!(client.text("SELECT categorize.current_tenant()").as_deref(), Some(""), "after {set}");
        assert_eq!(client.one::<i64>("SELECT count(*) FROM categorize.corrections"), 0);
    }
    let mut client = database.session_as("pool");
    client.run("BEGIN; SET LOCAL categorize.tenant = 'b'");
    assert_eq!(ask(&mut client, "x"), None, "after SET LOCAL");
    client.run("COMMIT");
    // The views are the first to load it here.
    let mut client = database.session_as("pool");
    client.run("SET categorize.tenant = 'b'");
    assert_eq!(client.one::<i64>("SELECT count(*) FROM categorize.corrections"), 0);
    let mut config = cluster.config("lazy");
    config.user("pool").options("-c categorize.tenant=b");
    if let Ok(mut client) = Session::open(&config) {
        assert_eq!(ask(&mut client, "x"), None, "after the connection's options");
    }

    session.run("ALTER ROLE pool SET categorize.tenant = 'a'");
    let mut client = database.session_as("pool");
    assert_eq!(ask(&mut client, "x").as_deref(), Some("A"), "the role's default, loaded at the first call");
    let mut client = database.session_as("pool");
    client.run("SET categorize.tenant = 'b'");
    assert_eq!(ask(&mut client, "x").as_deref(), Some("A"), "the role's default stands");
    client.run("DISCARD ALL");
    assert_eq!(ask(&mut client, "x").as_deref(), Some("A"), "after DISCARD ALL");
}
