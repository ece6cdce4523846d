//! pg_dump and restore keep what people made: every table is compared, and the sequences go on.

use pg_categorize_e2e::{Cluster, Database, Session};
use std::sync::Arc;

/// Our tables, each as text in the order of its key. Shipped rows come with the extension, not with the dump.
const TABLES: [&str; 7] = ["taxonomy", "category", "rule", "correction", "cache", "local_model", "quality"];

fn rows(session: &mut Session, table: &str) -> Vec<String> {
    session.column(&format!("SELECT t::text FROM categorize.{table} t ORDER BY t::text"))
}

/// Answers, settings and views, as a user sees them.
fn seen(session: &mut Session) -> Vec<String> {
    session.column(
        "SELECT v.line FROM (
             SELECT 'answer ' || concat_ws('|', asked, d.category, d.source, d.confidence) AS line
               FROM unnest(ARRAY['kettle 1', 'ruled thing', 'Nike Air Max 270', 'lego star wars', 'garden hose', 'sku-7']) AS asked,
                    LATERAL (SELECT * FROM categorize_detail(asked)
                              UNION ALL SELECT * FROM categorize_detail(asked, 'mine')) d
             UNION ALL SELECT 'taxonomy ' || t::text FROM categorize.taxonomies t
             UNION ALL SELECT 'category ' || c::text FROM categorize.categories c
             UNION ALL SELECT 'rule ' || r::text FROM categorize.rules r
             UNION ALL SELECT 'correction ' || k::text FROM categorize.corrections k
             UNION ALL SELECT 'model ' || m::text FROM categorize.local_models m
             UNION ALL SELECT 'bin ' || b::text FROM categorize.calibration b
             UNION ALL SELECT 'tier ' || concat_ws('|', q.taxonomy, q.tier, q.based_on, q.threshold, q.evidence, q.errors, q.computed_at)
                         FROM categorize.tier_quality q
             UNION ALL SELECT 'setting ' || s::text FROM categorize.settings('products') s
             UNION ALL SELECT 'setting ' || s::text FROM categorize.settings('mine') s) v ORDER BY 1",
    )
}

fn furnish(database: &Database) -> Session {
    let mut session = database.session();
    session.run(
        r#"CREATE TABLE products (id int PRIMARY KEY, title text, category text);
           CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON products
               FOR EACH ROW EXECUTE FUNCTION categorize_trigger('title', 'category');
           SELECT categorize.create_taxonomy('mine', ARRAY['A > B > C', 'A > D', 'E', 'Old'], 'my own', 'aggressive');
           SELECT categorize.create_taxonomy('gone', ARRAY['X']);
           SELECT categorize.drop_taxonomy('gone');
           SELECT categorize.add_category('mine', 'F', 'effs', ARRAY['fff', 'f''f', '{"}']);
           SELECT categorize.rename_category('mine', 'A > B', 'A > B2');
           SELECT categorize.merge_category('mine', 'Old', 'E');
           SELECT categorize.drop_category('mine', 'A > D');
           SELECT categorize.configure('mine', '{"leaf_only": true, "cache_ttl": 3600}');
           SELECT categorize.add_rule('mine', '^ruled\s', 'E', priority => 7);
           SELECT categorize.add_rule('mine', 'sku, article', 'A > B2 > C', 'any_word');
           SELECT categorize.correct('kettle 1', 'F', 'mine');
           SELECT categorize.learn($$SELECT 'label ' || i, 'E' FROM generate_series(1, 50) i$$, 'mine');
           SELECT categorize.train('mine');
           SELECT categorize.train('mine');
           -- The shipped taxonomy, changed in every way.
           SELECT categorize.rename_category('products', 'Footwear', 'Shoes & Boots');
           SELECT categorize.rename_category('products', 'Cameras', 'Photo > Cameras');
           SELECT categorize.add_category('products', 'Garden Hoses', 'hoses for the garden', ARRAY['garden hose']);
           SELECT categorize.merge_category('products', (SELECT max(path) FROM categorize.categories WHERE path LIKE 'Watches > %'), 'Jewellery');
           SELECT categorize.drop_category('products', (SELECT max(path) FROM categorize.categories WHERE path LIKE 'Furniture > %'));
           SELECT categorize.configure('products', '{"profile": "conservative", "on_unresolved": "best"}');
           SELECT categorize.add_rule('products', 'lego', 'Video Games');
           SELECT categorize.correct('kettle 1', 'Shoes & Boots');
           SELECT categorize.set_tenant('acme', false);
           SELECT categorize.correct('kettle 1', 'Video Games');
           SELECT categorize.learn($$SELECT 'garden hose', 'Audio'$$);
           SELECT categorize.set_tenant('', false);
           INSERT INTO products SELECT i, 'Nike Air Max 270 ' || i FROM generate_series(1, 20) i"#,
    );
    session
}

/// New things get fresh ids, also beside those that were restored.
fn assert_goes_on(session: &mut Session) {
    session.run(
        "SELECT categorize.create_taxonomy('one more', ARRAY['P > Q', 'R']);
         SELECT categorize.add_category('mine', 'G');
         SELECT categorize.add_category('products', 'Robots');
         SELECT categorize.rename_category('products', 'Jewellery', 'Jewels');
         SELECT categorize.add_rule('one more', 'p', 'R');
         SELECT categorize.correct('something new', 'R', 'one more');
         SELECT categorize.learn($$SELECT 'more', 'P > Q'$$, 'one more');
         SELECT categorize.train('mine')",
    );
    for table in ["taxonomy", "category", "rule", "correction", "local_model"] {
        let duplicates: i64 = session.one(&format!(
            "SELECT count(*) - count(DISTINCT id) + count(*) FILTER (WHERE id >= 1000 AND id > (SELECT last_value FROM categorize.{table}_id_seq))
               FROM categorize.{table}"
        ));
        assert_eq!(duplicates, 0, "{table}");
    }
    assert_eq!(session.text("SELECT categorize('more', 'one more')").as_deref(), Some("P > Q"));
}

fn assert_same(from: &mut Session, to: &mut Session) {
    for table in TABLES {
        assert_eq!(rows(from, table), rows(to, table), "categorize.{table}");
    }
    assert_eq!(seen(from), seen(to));
}

/// Two clusters, so that nothing the source's server shares, such as roles, helps the restore.
fn two() -> (Database, Arc<Cluster>) {
    let source = Arc::new(Cluster::builder().start());
    (source.extended("shop"), Arc::new(Cluster::builder().start()))
}

fn dump(source: &Database, arguments: &[&str], file: &std::path::Path) {
    let mut all = vec!["-d", &source.name, "-f", file.to_str().expect("UTF-8")];
    all.extend(arguments);
    source.cluster.run("pg_dump", &all);
}

#[test]
fn a_dump_restored_into_an_empty_cluster_holds_everything() {
    let (source, target) = two();
    let mut from = furnish(&source);
    let file = source.cluster.file("dump.sql");
    dump(&source, &[], &file);
    target.connect("postgres").run("CREATE DATABASE plain");
    let file = file.to_str().expect("UTF-8");
    target.run("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "plain", "-f", file]);
    let mut to = target.connect("plain");
    assert_same(&mut from, &mut to);
    assert_goes_on(&mut to);
    // The trigger came along and works.
    to.run("INSERT INTO products VALUES (100, 'Nike Air Max 270')");
    let filled: i64 = to.one("SELECT count(DISTINCT category) FROM products WHERE category IS NOT NULL");
    assert_eq!(filled, 1);

    // Once more from the restored one, with what it has made since.
    let again = target.file("again.dump");
    dump(&Database { cluster: target.clone(), name: "plain".into() }, &["-Fc"], &again);
    target.connect("postgres").run("CREATE DATABASE again");
    target.run("pg_restore", &["--exit-on-error", "-d", "again", again.to_str().expect("UTF-8")]);
    assert_same(&mut to, &mut target.connect("again"));
}

#[test]
fn schema_and_data_restore_apart() {
    let (source, target) = two();
    let mut from = furnish(&source);
    let file = source.cluster.file("shop.dump");
    dump(&source, &["-Fc"], &file);
    target.connect("postgres").run("CREATE DATABASE apart");
    let file = file.to_str().expect("UTF-8");
    target.run("pg_restore", &["--exit-on-error", "--schema-only", "-d", "apart", file]);
    target.run("pg_restore", &["--exit-on-error", "--data-only", "--disable-triggers", "-d", "apart", file]);
    let mut to = target.connect("apart");
    assert_same(&mut from, &mut to);
    assert_goes_on(&mut to);
}

#[test]
fn an_untouched_extension_restores() {
    let (source, target) = two();
    let file = source.cluster.file("untouched.sql");
    dump(&source, &[], &file);
    target.connect("postgres").run("CREATE DATABASE untouched");
    target.run("psql", &["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "untouched", "-f", file.to_str().expect("UTF-8")]);
    let mut to = target.connect("untouched");
    for table in TABLES {
        assert_eq!(rows(&mut source.session(), table), rows(&mut to, table), "categorize.{table}");
    }
    assert!(to.text("SELECT categorize('Nike Air Max 270')").is_some());
    to.run("SELECT categorize.create_taxonomy('mine', ARRAY['A'])");
    assert_eq!(to.one::<i32>("SELECT id FROM categorize.taxonomies WHERE name = 'mine'"), 1000);
}

#[test]
fn a_database_made_from_a_template_holds_everything() {
    let source = Arc::new(Cluster::builder().start()).extended("shop");
    drop(furnish(&source));
    source.cluster.connect("postgres").run("CREATE DATABASE copy TEMPLATE shop");
    let (mut from, mut to) = (source.session(), source.cluster.connect("copy"));
    assert_same(&mut from, &mut to);
    assert_goes_on(&mut to);
    // The copy's changes are its own.
    from.refused("22023", "SELECT categorize('more', 'one more')");
}
