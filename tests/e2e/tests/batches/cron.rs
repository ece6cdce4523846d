//! Who sends what waits by a job of the real pg_cron.

use crate::support::{builder, config, shop_in};
use pg_categorize_e2e::{Tools, eventually};
use std::sync::Arc;

#[test]
fn a_job_of_pg_cron_sends_what_waits() {
    if !Tools::from_env().has_library("pg_cron") {
        println!("skipped: pg_cron is not installed beside this Postgres (apt install postgresql-NN-cron)");
        return;
    }
    let cluster = builder().also_preload("pg_cron").conf("cron.database_name = 'postgres'");
    let cluster = Arc::new(cluster.conf("cron.use_background_workers = on").start());
    let shop = shop_in(&cluster, "cron", 0, config());
    assert_eq!(shop.enqueue(10), 10);
    let mut session = cluster.connect("postgres");
    session.run(
        "CREATE EXTENSION pg_cron;
         SELECT cron.schedule_in_database('send', '* * * * *', 'SELECT categorize.submit_batches()', 'cron')",
    );
    // It runs when the next minute begins.
    eventually("the job has it sent", 100, || shop.model.account().batches.created == 1);
    session.run("SELECT cron.unschedule('send')");
    shop.night();
    assert_eq!((shop.jobs("done"), shop.settled()), (10, shop.charged()));
}
