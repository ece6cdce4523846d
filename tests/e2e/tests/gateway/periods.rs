//! The hour that comes twice: where clocks go back, a period of a budget begins and ends once, and each nano-dollar is in one.
//!
//! Time zones of our own, in the notation of POSIX, have that hour just now.

use crate::support::{Shop, shop};
use pg_categorize_e2e::eventually;
use pg_categorize_fake_llm::Config;

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// A time zone whose clocks go back by an hour at this moment (seconds of Unix), from so many seconds of the local day.
fn zone(shop: &Shop, back_at: i64, from: i64) -> String {
    // East of Greenwich, at most half a day either way.
    let summer = (from - back_at + DAY / 2).rem_euclid(DAY) - DAY / 2;
    let day: i64 = shop
        .session()
        .one(&format!("SELECT (extract(doy FROM to_timestamp({}) AT TIME ZONE 'UTC') - 1)::bigint", back_at + summer));
    let west = |east: i64| {
        let (sign, off) = (if east > 0 { "-" } else { "" }, east.abs());
        format!("{sign}{}:{:02}:{:02}", off / HOUR, off / 60 % 60, off % 60)
    };
    format!("STD{}DST{},{}/0,{day}/{}", west(summer - HOUR), west(summer), (day + 180) % 365, from % DAY / HOUR)
}

fn set_zone(shop: &Shop, scope: &str, zone: &str) {
    let mut session = shop.session();
    // set_budget() takes zones that have a name.
    session.run(&format!("SELECT categorize.set_budget('{scope}', 5)"));
    session.run(&format!(
        "UPDATE categorize.budget SET time_zone = '{zone}' WHERE '{scope}' LIKE scope || '%' AND id >= 1000"
    ));
}

/// Bounds of a budget's present period in seconds of Unix, and what is settled in it.
fn status(shop: &Shop, scope: &str) -> (i64, i64, i64) {
    let sql = format!(
        "SELECT extract(epoch FROM starts_at)::bigint, extract(epoch FROM ends_at)::bigint, (settled_usd * 1e9)::bigint
           FROM categorize.budget_status WHERE scope = '{scope}'"
    );
    let row = shop.session().query_one(&sql, &[]).unwrap();
    (row.get(0), row.get(1), row.get(2))
}

#[test]
fn the_hour_that_comes_twice_is_counted_once() {
    let shop = shop("hour_twice", Config::default());
    let now: i64 = shop.session().one("SELECT extract(epoch FROM clock_timestamp())::bigint");
    let (past, coming) = (now - HOUR / 2, now + HOUR / 2);
    let budgets = [
        // At one to midnight, half an hour ago: it is half past midnight, for the second time.
        ("database", zone(&shop, past, HOUR), past, past + DAY),
        // In half an hour: it is half past midnight, for the first time, and so still yesterday.
        ("taxonomy:shop", zone(&shop, coming, HOUR), coming - HOUR - DAY, coming),
        // At midnight to eleven, half an hour ago: a day has 25 hours, and ends once.
        ("provider:fake", zone(&shop, past, DAY), past - DAY, past + HOUR),
        // The same at three, of which a day's bounds know nothing.
        ("tenant:other", zone(&shop, past, 3 * HOUR), past - 3 * HOUR, past - 2 * HOUR + DAY),
    ];
    for (scope, zone, ..) in &budgets {
        set_zone(&shop, scope, zone);
    }
    // Each nano-dollar of old money lies beside a bound of a period, and tells by its amount which.
    let bounds: Vec<i64> = budgets.iter().flat_map(|(.., starts, ends)| [*starts, *ends]).collect();
    let around = bounds.iter().flat_map(|bound| [-HOUR - 1, -HOUR, -1, 0, HOUR - 1, HOUR].map(|by| bound + by));
    let money: Vec<(i64, i64)> = around.filter(|at| *at < now).enumerate().map(|(i, at)| (at, 1 << i)).collect();
    assert!(money.len() > 20 && money.len() < 50);
    for (at, amount) in &money {
        shop.session().run(&format!(
            "INSERT INTO categorize.ledger (attempt_id, kind, reserved_at, amount_nanousd, provider_id, provider, model, price_id,
                                            tenant, taxonomy_id, role, application_name, query_id, inputs)
             SELECT -{amount}, 'settle', to_timestamp({at}), {amount}, p.id, 'fake', 'm', 1, v.tenant, t.id, 'r', 'a', 0, 1
               FROM categorize.provider p, categorize.taxonomy t, (VALUES ('{}')) v (tenant) WHERE t.name = 'shop'",
            "other"
        ));
    }
    let held = |starts: i64, ends: i64| -> i64 {
        money.iter().filter(|(at, _)| (starts..ends).contains(at)).map(|(_, amount)| amount).sum()
    };
    for (scope, zone, starts, ends) in &budgets {
        assert_eq!(status(&shop, scope), (*starts, *ends, held(*starts, *ends)), "{scope} in {zone}");
    }
    // The gateway reckons the same, and adds what it spends.
    shop.session().run("UPDATE categorize.budget SET limit_nanousd = 1::bigint << 60");
    let mut session = shop.session();
    session.run("SELECT categorize.set_tenant('other', false)");
    assert_eq!(session.text("SELECT reason FROM categorize_detail('red brick')"), None);
    shop.rest();
    for (scope, zone, starts, ends) in &budgets {
        let settled = held(*starts, *ends) + shop.charged();
        assert_eq!(status(&shop, scope), (*starts, *ends, settled), "{scope} in {zone}");
    }
    let counters: i64 = shop.session().one("SELECT count(*) FROM categorize.budget_counter");
    assert_eq!(counters, 4, "what was told was read from them");
}

#[test]
fn a_day_that_ends_for_the_second_time_ends_while_people_ask() {
    let shop = shop("day_ends", Config::default());
    assert_eq!(shop.session().text("SELECT reason FROM categorize_detail('warm up')"), None);
    let now: i64 = shop.session().one("SELECT extract(epoch FROM clock_timestamp())::bigint");
    let end = now + 3;
    set_zone(&shop, "database", &zone(&shop, end, HOUR));
    assert_eq!(status(&shop, "database").1, end);
    let mut asked = 0;
    let past = format!("SELECT clock_timestamp() >= to_timestamp({end}.3)");
    eventually("the day is over", 20, || {
        asked += 1;
        assert_eq!(shop.session().text(&format!("SELECT reason FROM categorize_detail('title {asked}')")), None);
        std::thread::sleep(std::time::Duration::from_millis(50));
        shop.session().one(&past)
    });
    shop.rest();
    let counters: Vec<i64> = shop.session().column(&format!(
        "SELECT c.settled_nanousd FROM categorize.budget_counter c
          WHERE c.scope = 'database' AND to_timestamp({end}) IN (c.starts_at, c.ends_at)
            AND c.settled_nanousd = (SELECT sum(l.amount_nanousd) FROM categorize.ledger l WHERE l.kind IN ('settle', 'adjust')
                                        AND l.reserved_at >= c.starts_at AND l.reserved_at < c.ends_at)"
    ));
    assert_eq!(counters.len(), 2, "{counters:?}");
    assert_eq!(counters.iter().sum::<i64>(), shop.charged());
}
