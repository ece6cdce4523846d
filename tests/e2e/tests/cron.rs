//! The example of the documentation, run by the real pg_cron.

use pg_categorize_e2e::{Cluster, Tools, eventually};

#[test]
fn pg_cron_fills_a_column() {
    if !Tools::from_env().has_library("pg_cron") {
        println!("skipped: pg_cron is not installed beside this Postgres (apt install postgresql-NN-cron)");
        return;
    }
    let cluster = Cluster::builder()
        .also_preload("pg_cron")
        .conf("cron.database_name = 'postgres'")
        .conf("cron.use_background_workers = on")
        .conf("max_worker_processes = 20")
        .start();
    let mut session = cluster.connect("postgres");
    session.run(
        "CREATE EXTENSION pg_categorize; CREATE EXTENSION pg_cron;
         CREATE TABLE products (title text, category text);
         INSERT INTO products VALUES ('Nike Air Max 270'), ('qwxv'), ('Nike Air Max 270 black');
         SELECT cron.schedule('fill', '* * * * *', 'UPDATE products SET category = categorize(title) WHERE category IS NULL')",
    );
    // It runs when the next minute begins.
    eventually("the job runs", 100, || session.one("SELECT count(*) > 0 FROM products WHERE category IS NOT NULL"));
    assert_eq!(session.text("SELECT category FROM products WHERE title = 'qwxv'"), None);
    eventually("the job is recorded", 10, || {
        session.one("SELECT coalesce(bool_and(status = 'succeeded'), false) FROM cron.job_run_details WHERE status <> 'running'")
    });
    cluster.assert_tidy();
}
