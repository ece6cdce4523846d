//! Tenants on one connection see, hit and count nothing of each other.

mod rights;

use pg_categorize_core::fingerprint::{Audience, Fingerprinter, Target};
use pg_categorize_core::normalise::{Case, normalise};
use pg_categorize_e2e::{Database, Session, shared};

/// A database with taxonomy `t` as the default one.
fn stocked(name: &str) -> (Database, Session) {
    let database = shared(name);
    let mut session = database.session();
    session.run(&format!("ALTER DATABASE {name} SET categorize.taxonomy = 't'"));
    session = database.session();
    session.run("SELECT categorize.create_taxonomy('t', ARRAY['A', 'B', 'C'])");
    (database, session)
}

fn become_tenant(session: &mut Session, tenant: &str) {
    session.run(&format!("SELECT categorize.set_tenant('{tenant}', false)"));
}

fn ask(session: &mut Session, input: &str) -> Option<String> {
    session.one_of("SELECT categorize($1)", &[&input])
}

#[test]
fn tenants_share_no_entry() {
    let (_database, mut session) = stocked("no_entry");
    for (tenant, category) in [("a", "A"), ("b", "B")] {
        become_tenant(&mut session, tenant);
        session.run(&format!(
            "SELECT categorize.correct('corrected', '{category}');
             SELECT categorize.learn($$SELECT 'learnt', '{category}'$$);
             SELECT categorize.add_rule('t', '^ruled$', '{category}');
             SELECT categorize.correct('only {tenant}zz corrected', '{category}');
             SELECT categorize.learn($$SELECT 'only {tenant}zz learnt', '{category}'$$);
             SELECT categorize.add_rule('t', '^only {tenant}zz ruled$', '{category}')"
        ));
    }
    for (tenant, category, other) in [("a", "A", "b"), ("b", "B", "a"), ("a", "A", "b")] {
        become_tenant(&mut session, tenant);
        for kind in ["corrected", "learnt", "ruled"] {
            assert_eq!(ask(&mut session, kind).as_deref(), Some(category), "{tenant}: {kind}");
            assert_eq!(
                ask(&mut session, &format!("only {tenant}zz {kind}")).as_deref(),
                Some(category),
                "{tenant}: {kind}"
            );
            assert_eq!(ask(&mut session, &format!("only {other}zz {kind}")), None, "{tenant}: {kind} of {other}");
        }
        for view in ["rules", "corrections"] {
            let seen: i64 = session.one(&format!("SELECT count(*) FROM categorize.{view}"));
            let mine: i64 =
                session.one(&format!("SELECT count(*) FROM categorize.{view} WHERE category = '{category}'"));
            assert_eq!((seen, mine), (2, 2), "{view} of {tenant}");
        }
        // Nor can one take back what is another's.
        assert!(!session.one::<bool>(&format!("SELECT categorize.drop_correction('only {other}zz corrected')")));
        assert!(!session.one::<bool>(&format!("SELECT categorize.forget('only {other}zz learnt')")));
    }
    let rule_of_b: i64 = {
        become_tenant(&mut session, "b");
        session.one("SELECT min(id) FROM categorize.rules")
    };
    become_tenant(&mut session, "a");
    session.refused("22023", &format!("SELECT categorize.drop_rule({rule_of_b})"));
    become_tenant(&mut session, "");
    assert_eq!(ask(&mut session, "corrected"), None, "no tenant is a tenant of its own");
}

#[test]
fn tenants_are_counted_apart() {
    let (_database, mut session) = stocked("counted");
    for (tenant, calls) in [("a", 3), ("b", 5), ("a", 4)] {
        become_tenant(&mut session, tenant);
        session.run(&format!("SELECT categorize('qwxv ' || i) FROM generate_series(1, {calls}) i"));
    }
    for (tenant, inputs) in [("a", 7_i64), ("b", 5), ("c", 0)] {
        become_tenant(&mut session, tenant);
        let seen: i64 = session.one("SELECT coalesce(sum(inputs), 0)::bigint FROM categorize.stats");
        assert_eq!(seen, inputs, "stats of {tenant}");
        let seen: i64 = session.one("SELECT coalesce(sum(answers), 0)::bigint FROM categorize.tier_stats");
        assert_eq!(seen, inputs, "tier_stats of {tenant}");
    }
}

#[test]
fn each_call_of_one_expression_gets_its_tenants_answer() {
    let (_database, mut session) = stocked("one_expression");
    for (tenant, category) in [("a", "A"), ("b", "B")] {
        become_tenant(&mut session, tenant);
        session.run(&format!("SELECT categorize.correct('x', '{category}')"));
    }
    become_tenant(&mut session, "");
    session.run(
        "CREATE FUNCTION ask_all(is_local boolean) RETURNS text LANGUAGE plpgsql AS $$
         DECLARE tenant text; said text; line text := '';
         BEGIN
             FOREACH tenant IN ARRAY ARRAY['a', 'b', 'none', 'a', 'a', 'b'] LOOP
                 PERFORM categorize.set_tenant(tenant, is_local);
                 said := categorize('x', 't');
                 line := line || coalesce(said, '-') || coalesce((categorize_detail('x', 't')).category, '-');
             END LOOP;
             RETURN line;
         END $$",
    );
    for is_local in [true, false] {
        assert_eq!(
            session.text(&format!("SELECT ask_all({is_local})")).as_deref(),
            Some("AABB--AAAABB"),
            "local: {is_local}"
        );
    }
    become_tenant(&mut session, "");
    let said: Vec<String> = session.column(
        "SELECT (SELECT coalesce(categorize('x', 't'), '-') FROM (SELECT categorize.set_tenant(tenant) OFFSET 0) s)
           FROM unnest(ARRAY['a', 'b', 'none', 'a']) tenant",
    );
    assert_eq!(said, ["A", "B", "-", "A"]);
}

#[test]
fn a_local_tenant_ends_with_its_transaction() {
    let (_database, mut session) = stocked("local_tenant");
    become_tenant(&mut session, "a");
    session.run("SELECT categorize.correct('x', 'A')");
    session.run("BEGIN; SELECT categorize.set_tenant('b'); SELECT categorize.correct('x', 'B')");
    assert_eq!(ask(&mut session, "x").as_deref(), Some("B"));
    session.run("SAVEPOINT s; SELECT categorize.set_tenant('c')");
    assert_eq!(ask(&mut session, "x"), None);
    session.run("ROLLBACK TO s");
    assert_eq!(ask(&mut session, "x").as_deref(), Some("B"));
    session.run("COMMIT");
    assert_eq!(ask(&mut session, "x").as_deref(), Some("A"));
    assert_eq!(session.text("SELECT categorize.current_tenant()").as_deref(), Some("a"));
}

/// Stores an answer as the gateway will: paid for, under the key of its audience.
fn store_paid(session: &mut Session, audience: Audience<'_>, tenant: &str, input: &str, category: &str, origin: &str) {
    let taxonomy: i32 = session.one("SELECT id FROM categorize.taxonomy WHERE name = 't'");
    let keys = Fingerprinter::new(audience, Target::Taxonomy(taxonomy), Case::Folded);
    let key = keys.fingerprint(&normalise(input, Case::Folded)).0.to_vec();
    let sql = "INSERT INTO categorize.cache (fingerprint, category_id, confidence, origin, taxonomy_id, taxonomy_version, tenant, input)
               SELECT $1, c.id, 0.9, $2, c.taxonomy_id, 1, $3, $4 FROM categorize.category c WHERE c.path = $5 AND c.taxonomy_id = $6";
    assert_eq!(session.execute(sql, &[&key, &origin, &tenant, &input, &category, &taxonomy]).expect("it is stored"), 1);
}

#[test]
fn a_shared_scope_shares_paid_answers_and_nothing_else() {
    let (_database, mut session) = stocked("shared_scope");
    store_paid(&mut session, Audience::Shared, "a", "Paid For All", "A", "llm");
    store_paid(&mut session, Audience::Shared, "a", "labelled", "A", "label");
    store_paid(&mut session, Audience::Tenant("a"), "a", "paid by a", "A", "llm");
    become_tenant(&mut session, "a");
    session.run(
        "SELECT categorize.learn($$SELECT 'learnt by a', 'A'$$); SELECT categorize.correct('corrected by a', 'A')",
    );
    become_tenant(&mut session, "b");
    for input in ["paid for all", "labelled", "paid by a", "learnt by a", "corrected by a"] {
        assert_eq!(ask(&mut session, input), None, "{input}, under answer_scope tenant");
    }
    session.run(r#"SELECT categorize.configure('t', '{"answer_scope": "shared"}')"#);
    assert_eq!(ask(&mut session, "paid  for ALL").as_deref(), Some("A"));
    for input in ["labelled", "paid by a", "learnt by a", "corrected by a"] {
        assert_eq!(ask(&mut session, input), None, "{input}, under answer_scope shared");
    }
    // One's own word outranks what others paid for.
    session.run("SELECT categorize.learn($$SELECT 'paid for all', 'B'$$)");
    assert_eq!(ask(&mut session, "paid for all").as_deref(), Some("B"));
    become_tenant(&mut session, "a");
    assert_eq!(ask(&mut session, "paid for all").as_deref(), Some("A"));
    assert_eq!(ask(&mut session, "paid by a").as_deref(), Some("A"));
}
