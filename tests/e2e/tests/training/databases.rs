//! Databases that are dropped, renamed, copied or moved while one of their models is trained.

use crate::{await_idle, busy_trainer, by_itself, held_trainer, stocked, trainer};
use pg_categorize_e2e::{Session, within};

/// A role without any right but to make databases, connected elsewhere.
fn plain_owner(session: &mut Session, database: &pg_categorize_e2e::Database) -> Session {
    let name = &database.name;
    session.run(&format!("CREATE ROLE owner_of_{name} LOGIN CREATEDB; ALTER DATABASE {name} OWNER TO owner_of_{name}"));
    database.cluster.connect_as("postgres", &format!("owner_of_{name}"))
}

#[test]
fn its_owner_drops_a_database_under_its_trainer() {
    let (database, first) = stocked("doomed");
    drop(first);
    let mut session = by_itself(&database, "train_after_growth = 25");
    let mut owner = plain_owner(&mut session, &database);
    busy_trainer(&mut session);
    drop(session);
    within("DROP DATABASE", 5, || owner.run("DROP DATABASE doomed"));
    assert_eq!(trainer(&mut owner, "doomed"), None);
    database.cluster.assert_tidy();
}

#[test]
fn its_owner_renames_moves_and_copies_a_database_under_its_trainer() {
    let (database, first) = stocked("moving");
    drop(first);
    let mut session = by_itself(&database, "train_after_growth = 25");
    let mut owner = plain_owner(&mut session, &database);
    session.run("SET allow_in_place_tablespaces = on");
    session.run("CREATE TABLESPACE elsewhere LOCATION ''");
    session.run("GRANT CREATE ON TABLESPACE elsewhere TO owner_of_moving");
    busy_trainer(&mut session);
    drop(session);
    within("RENAME", 5, || owner.run("ALTER DATABASE moving RENAME TO moved"));
    for statement in ["CREATE DATABASE copied TEMPLATE moved", "ALTER DATABASE moved SET TABLESPACE elsewhere"] {
        let mut session = database.cluster.connect("moved");
        // Who ended the training said nothing against it: the next lesson finds it due.
        session.run("SELECT categorize.correct(gen_random_uuid() || ' word1', 'c1', 'much')");
        crate::at_work(&mut session, "query LIKE 'training local model of taxonomy \"much\"%'");
        drop(session);
        within(statement, 5, || owner.run(statement));
    }
    // Without a template that is named, or of a database that is not there, nobody is in the way.
    for statement in ["CREATE DATABASE fresh", "DROP DATABASE IF EXISTS no_such_database", "DROP DATABASE fresh"] {
        owner.run(statement);
    }
    database.cluster.assert_tidy();
}

#[test]
fn who_does_not_own_a_database_ends_no_trainer() {
    let (database, _) = stocked("guarded");
    let mut session = by_itself(&database, "train_after_growth = 25");
    session.run("CREATE ROLE stranger LOGIN CREATEDB");
    let pid = busy_trainer(&mut session);
    let mut stranger = database.cluster.connect_as("postgres", "stranger");
    stranger.refused("42501", "DROP DATABASE guarded");
    stranger.refused("42501", "ALTER DATABASE guarded RENAME TO mine");
    stranger.refused("42501", "CREATE DATABASE mine TEMPLATE guarded");
    assert_eq!(trainer(&mut session, "guarded"), Some(pid));
    session.run(&format!("SELECT pg_terminate_backend({pid})"));
    await_idle(&mut session, "guarded");
    database.cluster.assert_tidy();
}

#[test]
fn a_superuser_forces_it() {
    let (database, first) = stocked("forced");
    drop(first);
    let mut session = by_itself(&database, "train_after_growth = 25");
    let (holder, _) = held_trainer(&database, &mut session);
    let mut outside = database.cluster.connect("postgres");
    within("DROP DATABASE", 10, || outside.run("DROP DATABASE forced WITH (FORCE)"));
    assert_eq!(trainer(&mut outside, "forced"), None);
    drop(holder);
    database.cluster.assert_tidy();
}
