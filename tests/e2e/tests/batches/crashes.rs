//! Whatever is killed whenever: no title is lost, no batch is sent twice, and the ledger is the provider's account.

use crate::support::{KINDS, builder, config, shop_in};
use pg_categorize_e2e::{Dice, eventually};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn kills_at_any_point_lose_nothing_and_pay_nothing_twice() {
    let cluster = Arc::new(builder().start());
    for (kind, (name, ..)) in KINDS.iter().enumerate() {
        for seed in 0..2_u64 {
            let mut dice = Dice(seed * 3 + kind as u64);
            let database = format!("killed_{name}_{seed}");
            let shop = shop_in(&cluster, &database, kind, config());
            shop.enqueue(60);
            shop.session().run("SELECT categorize.submit_batches()");
            for _ in 0..5 {
                std::thread::sleep(Duration::from_millis(dice.below(400)));
                if dice.below(2) == 0 {
                    cluster.crash();
                } else if let Some(gateway) = shop.gateways().pop() {
                    cluster.kill(gateway);
                }
                if dice.below(2) == 0 {
                    shop.model.advance(Duration::from_secs(300));
                }
            }
            shop.model.advance(Duration::from_secs(660));
            let open = "SELECT count(*) FROM categorize.job WHERE ended_at IS NULL";
            eventually("every title is answered", 60, || shop.session().one::<i64>(open) == 0);
            shop.done();
            let account = shop.model.account();
            let batches: i64 = shop.session().one("SELECT count(*) FROM categorize.batch");
            assert_eq!((shop.jobs("done"), account.batches.created as i64), (60, batches), "{database}");
            assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0), "{database}");
            let paid: i64 =
                shop.session().one("SELECT sum(inputs)::bigint FROM categorize.ledger WHERE kind = 'settle'");
            assert_eq!(paid, 60, "{database}");
        }
    }
}
