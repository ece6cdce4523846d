//! How what results bring comes into cache and ledger, many at a time: what is there already, what nobody may store, and texts.

use crate::support::{Shop, config, mixed, shop};
use pg_categorize_e2e::eventually;
use pg_categorize_fake_llm::Config;
use std::time::Duration;

/// Titles of a test: more than go by a statement.
const TITLES: i32 = 300;

/// A shop whose titles are with the provider, each in a request of its own.
fn sent(name: &str, config: Config) -> Shop {
    let shop = shop(name, 0, config);
    shop.session().run(r#"SELECT categorize.configure('shop', '{"pack_size": 1}')"#);
    assert_eq!(shop.enqueue(TITLES), i64::from(TITLES));
    shop.submit();
    shop
}

/// Stores a row under the key of a queued title, of this origin and past or future; its category is "Toys".
fn store(shop: &Shop, title: &str, origin: &str, lasts: &str) {
    shop.session().run(&format!(
        "INSERT INTO categorize.cache (fingerprint, category_id, confidence, origin, expires_at, tenant, taxonomy_id,
                                       taxonomy_version, input)
         SELECT j.fingerprint, c.id, 0.5, '{origin}', now() + interval '{lasts}', j.tenant, j.taxonomy_id, 1, 'as it was'
           FROM categorize.job j JOIN categorize.category c ON c.taxonomy_id = j.taxonomy_id AND c.path = 'Toys'
          WHERE j.input = '{title}'"
    ));
}

/// What is stored of a title: its input and origin.
fn stored(shop: &Shop, title: &str) -> Option<(String, String)> {
    let sql =
        "SELECT c.input, c.origin FROM categorize.cache c JOIN categorize.job j USING (fingerprint) WHERE j.input = $1";
    let row = shop.session().query_opt(sql, &[&title]).unwrap();
    row.map(|row| (row.get(0), row.get(1)))
}

fn is_settled(shop: &Shop) {
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
    let mut session = shop.session();
    let settled = "SELECT count(*) FROM categorize.ledger WHERE kind = 'settle' AND inputs = 1 AND wasted = 0
                      AND input_tokens > 0 AND cached_tokens >= 0 AND output_tokens > 0 AND settled_by IS NULL
                      AND reserved_at < booked_at AND provider = 'fake' AND role = 'postgres' AND taxonomy_id IS NOT NULL";
    assert_eq!(session.one::<i64>(settled), i64::from(TITLES));
    let twice = "SELECT count(*) - count(DISTINCT (attempt_id, kind)) FROM categorize.ledger";
    assert_eq!(session.one::<i64>(twice), 0);
}

#[test]
fn answers_come_beside_what_is_known_and_not_over_what_people_say() {
    let shop = sent("beside", config());
    shop.session().run("SELECT categorize.correct('title 1', 'Tools')");
    store(&shop, "title 2", "llm", "-1 day");
    store(&shop, "title 3", "llm", "1 day");
    store(&shop, "title 4", "label", "1 day");
    shop.night();
    assert_eq!(shop.jobs("done"), i64::from(TITLES));
    assert_eq!(stored(&shop, "title 1"), None, "what was corrected meanwhile");
    let llm = |title: &str| Some((title.to_owned(), "llm".to_owned()));
    assert_eq!(stored(&shop, "title 2"), llm("title 2"), "what had expired");
    assert_eq!(stored(&shop, "title 3"), llm("title 3"), "what was paid meanwhile");
    assert_eq!(stored(&shop, "title 4"), Some(("as it was".to_owned(), "label".to_owned())));
    assert_eq!(stored(&shop, "title 5"), llm("title 5"));
    let mut session = shop.session();
    let new = "SELECT count(*) FROM categorize.cache WHERE origin = 'llm' AND expires_at IS NULL AND model = 'gpt-6-luna'
                  AND created_at <= now() AND prompt_version IS NOT NULL AND confidence_source IS NOT NULL AND NOT upgraded";
    assert_eq!(session.one::<i64>(new), i64::from(TITLES) - 2);
    is_settled(&shop);
}

#[test]
fn a_key_that_is_taken_at_the_last_moment_stops_no_other_answer() {
    let shop = sent("taken", config());
    // A row of this key comes after all looks at the table, and before that of the answer.
    shop.session().run(
        "CREATE FUNCTION take() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             IF NEW.input = 'title 7' AND pg_trigger_depth() = 1 THEN
                 INSERT INTO categorize.cache (fingerprint, category_id, confidence, origin, tenant, taxonomy_id, taxonomy_version, input)
                 VALUES (NEW.fingerprint, NEW.category_id, 0.5, 'llm', NEW.tenant, NEW.taxonomy_id, 1, 'as it was')
                 ON CONFLICT DO NOTHING;
             END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER take BEFORE INSERT ON categorize.cache FOR EACH ROW EXECUTE FUNCTION take()",
    );
    shop.night();
    assert_eq!(shop.jobs("done"), i64::from(TITLES));
    assert_eq!(shop.session().one::<i64>("SELECT count(*) FROM categorize.cache"), i64::from(TITLES));
    assert_eq!(stored(&shop, "title 7"), Some(("title 7".to_owned(), "llm".to_owned())));
    is_settled(&shop);
}

#[test]
fn what_cannot_be_stored_is_not_paid_before_it_is() {
    let shop = sent("refused_rows", config());
    shop.session().run("ALTER TABLE categorize.cache ADD CONSTRAINT nothing_more CHECK (origin <> 'llm')");
    shop.model.advance(Duration::from_secs(660));
    shop.session().run("SELECT categorize.poll_batches()");
    let violated = |log: &str| log.contains(r#"relation "cache" violates check constraint "nothing_more""#);
    eventually("it was tried", 30, || violated(&shop.database.cluster.log()));
    let mut session = shop.session();
    assert_eq!((shop.settled(), shop.jobs("batched")), (0, i64::from(TITLES)));
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.batch_item WHERE has_result"), 0);
    session.run("ALTER TABLE categorize.cache DROP CONSTRAINT nothing_more");
    shop.session().run("SELECT categorize.poll_batches()");
    shop.done();
    assert_eq!(shop.jobs("done"), i64::from(TITLES));
    is_settled(&shop);
    assert!(!shop.database.cluster.log().contains("title 299"), "the log tells of a text");
}

#[test]
fn ad_hoc_labels_and_texts_that_nobody_keeps_are_stored_by_the_hundred() {
    let shop = shop("labels", 0, config());
    let mut session = shop.session();
    let queue = |of: &str, labels: &str| {
        format!(
            "SET categorize.mode = 'deferred';
             SELECT count(categorize('{of} ' || i{labels})) FROM generate_series(1, {TITLES}) i"
        )
    };
    session.run(&queue("offer", ", ARRAY['good', 'bad']"));
    session.run(r#"SELECT categorize.configure('shop', '{"store_input": false}')"#);
    session.run(&queue("item", ""));
    shop.submit();
    shop.night();
    assert_eq!(shop.jobs("done"), 2 * i64::from(TITLES));
    let count = |of: &str| shop.session().one::<i64>(&format!("SELECT count(*) FROM categorize.cache WHERE {of}"));
    let labelled =
        "category_label IN ('good', 'bad') AND category_id IS NULL AND taxonomy_id IS NULL AND input LIKE 'offer %'";
    assert_eq!(count(labelled), i64::from(TITLES));
    assert_eq!(count("category_id IS NOT NULL AND category_label IS NULL AND input IS NULL"), i64::from(TITLES));
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
}

#[test]
fn texts_are_those_of_the_database_whatever_clients_have_by_default() {
    let shop = shop("encoding", 0, config());
    let database = &shop.database.name;
    // A gateway that begins after this takes what it is sent for another encoding.
    shop.session().run(&format!("ALTER DATABASE \"{database}\" SET client_encoding = 'LATIN2'"));
    let mut session = shop.session();
    let queue = "SELECT categorize.enqueue(array_agg(U&'\\017Elu\\0165ou\\010Dk\\00FD k\\016F\\0148 \\20AC ' || i))
                   FROM generate_series(1, 300) i";
    session.run("SET client_encoding = 'UTF8'");
    assert_eq!(session.one::<i64>(queue), i64::from(TITLES));
    shop.submit();
    shop.night();
    session.run("SET client_encoding = 'UTF8'");
    let same = "SELECT count(*) FROM categorize.cache WHERE input LIKE U&'\\017Elu\\0165ou\\010Dk\\00FD k\\016F\\0148 \\20AC %'";
    assert_eq!(session.one::<i64>(same), i64::from(TITLES));
}

#[test]
fn of_requests_in_one_part_each_is_settled_released_or_in_doubt() {
    let shop = sent("mixed", Config { batches: mixed(), seed: 5, ..Config::default() });
    shop.night();
    let account = shop.model.account().batches;
    // What has no answer may be asked about live by now: that is not of the batch.
    let of_batch = |what: &str, table: &str, condition: &str| {
        let items = "attempt_id IN (SELECT i.attempt_id FROM categorize.batch_item i)";
        shop.session().one::<i64>(&format!("SELECT {what} FROM categorize.{table} WHERE {condition} AND {items}"))
    };
    let settled = of_batch("count(*)", "ledger", "kind = 'settle'");
    let released = of_batch("count(*)", "ledger", "kind = 'release'");
    let doubtful = of_batch("count(*)", "reservation", "state = 'in_doubt'");
    assert!(
        settled > 64 && released > 0 && doubtful > 0,
        "{settled} settled, {released} released, {doubtful} in doubt"
    );
    assert_eq!(settled + released + doubtful, i64::from(TITLES));
    let cost = of_batch("sum(amount_nanousd)::bigint", "ledger", "kind IN ('settle', 'adjust')");
    assert_eq!(cost, account.charged_nanousd - account.lost_nanousd);
}
