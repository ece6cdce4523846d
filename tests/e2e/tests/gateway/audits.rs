//! Free answers of which a share is asked of a strong model anyway.

use crate::support::{Shop, shop};
use pg_categorize_e2e::{Session, eventually};
use pg_categorize_fake_llm::Config;
use std::collections::HashMap;
use std::sync::Arc;

/// A shop whose free tier answers all titles with a label in them, and whose model agrees about bricks only.
fn audited(name: &str, settings: &str) -> (Shop, Session) {
    let labels = [("toys brick", "Toys"), ("toys hammer", "Tools")];
    let labels: HashMap<_, _> = labels.iter().map(|(title, label)| (title.to_string(), label.to_string())).collect();
    let shop = shop(name, Config { labels: Arc::new(labels), ..Config::default() });
    let mut session = shop.session();
    session.run(
        r#"SELECT categorize.configure('shop', '{"tiers": ["correction", "rule", "cache", "local_model", "llm"],
                                                "local_model_threshold": 0, "audit_share": 1, "upgrade": "never"}')"#,
    );
    session.run(&format!("SELECT categorize.configure('shop', '{settings}')"));
    // Who finds no gateway wakes one and audits nothing: let there be one.
    session.run("SELECT categorize('qwertz')");
    (shop, session)
}

fn audits(shop: &Shop) -> i64 {
    shop.session().one("SELECT coalesce(sum(audits), 0)::bigint FROM categorize.audits")
}

#[test]
fn an_audit_changes_no_answer_is_paid_once_and_tells_whether_the_model_agrees() {
    let (shop, mut session) = audited("audited", "{}");
    let before = shop.model.account().requests;
    for title in ["toys brick", "toys hammer"] {
        let sql = format!("SELECT category || source || coalesce(cost_usd, 0) FROM categorize_detail('{title}')");
        assert_eq!(session.text(&sql).as_deref(), Some("Toyslocal_model0"));
    }
    eventually("both are audited", 20, || audits(&shop) == 2);
    let told = "SELECT tier || ' ' || audits || ' ' || model_agrees || ' ' || judged_by_people || ' ' || (cost_usd > 0) FROM categorize.audits";
    assert_eq!(session.text(told).as_deref(), Some("local_model 2 1 0 true"));
    // Another session is answered as before: what the model said is no answer, and is not paid for again.
    let mut other = shop.session();
    assert_eq!(other.text("SELECT categorize('toys hammer')").as_deref(), Some("Toys"));
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
    assert_eq!((audits(&shop), shop.model.account().requests), (2, before + 2));
    let requests = shop.model.account().requests;
    assert_eq!(other.text("SELECT categorize('toys brick')").as_deref(), Some("Toys"));
    shop.rest();
    assert_eq!(shop.model.account().requests, requests);
    // What people say is told apart.
    session.run("SELECT categorize.correct('toys hammer', 'Tools')");
    let people =
        "SELECT judged_by_people || ' ' || people_agree || ' ' || people_agree_with_model FROM categorize.audits";
    assert_eq!(session.text(people).as_deref(), Some("1 0 1"));
}

#[test]
fn nothing_is_audited_where_nobody_expects_a_bill() {
    let (shop, mut session) = audited("unaudited", "{}");
    shop.rest();
    let requests = shop.model.account().requests;
    session.run("SELECT categorize_cached('toys brick')");
    session.run("EXPLAIN SELECT categorize('toys brick')");
    session.run("SELECT * FROM categorize.explain('toys brick')");
    session.run("BEGIN READ ONLY");
    session.run("SELECT categorize('toys brick')");
    session.run("COMMIT");
    session.run("SET categorize.mode = 'cached'");
    session.run("SELECT categorize('toys hammer')");
    session.run("RESET categorize.mode");
    session.run(r#"SELECT categorize.configure('shop', '{"audit_share": 0}')"#);
    session.run("SELECT categorize('toys third')");
    std::thread::sleep(std::time::Duration::from_millis(500));
    shop.rest();
    assert_eq!((shop.model.account().requests, audits(&shop)), (requests, 0));
}

#[test]
fn a_budget_that_is_nearly_spent_is_left_to_those_who_ask() {
    let (shop, mut session) = audited("no_money_for_audits", "{}");
    session.run("SELECT categorize.set_budget('database', 0.000001)");
    session.run("SELECT categorize('toys brick')");
    std::thread::sleep(std::time::Duration::from_millis(500));
    shop.rest();
    assert_eq!(audits(&shop), 0);
    assert_eq!(session.text("SELECT categorize('toys brick')").as_deref(), Some("Toys"));
}

#[test]
fn an_audit_that_cannot_be_stored_now_is_stored_later_and_paid_once() {
    let (shop, mut session) = audited("audits_later", "{}");
    session.run(
        "CREATE TABLE public.held ();
         CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF EXISTS (SELECT FROM public.held) THEN RAISE lock_not_available; END IF; RETURN new; END $$;
         CREATE TRIGGER hold BEFORE INSERT ON categorize.audit FOR EACH ROW EXECUTE FUNCTION public.hold();
         INSERT INTO public.held DEFAULT VALUES",
    );
    let before = shop.model.account().requests;
    session.run("SELECT categorize('toys brick')");
    eventually("it is asked", 20, || shop.model.account().requests == before + 1);
    eventually("it is paid for", 20, || (shop.settled(), shop.reserved()) == (shop.charged(), 0));
    shop.session().run("SELECT categorize('toys brick')");
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!((audits(&shop), shop.model.account().requests), (0, before + 1));
    session.run("TRUNCATE public.held");
    eventually("it is stored", 20, || audits(&shop) == 1);
    assert_eq!(shop.model.account().requests, before + 1);
}
