//! Images: asked about, paid for and kept as texts are, and never taken for one.

use crate::support::{Shop, shop};
use pg_categorize_core::image::Picture;
use pg_categorize_e2e::Session;
use pg_categorize_fake_llm::{Config, Latency};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// A PNG of one pixel of this grey (RFC 2083): its size, its pixel, stored and not compressed (RFC 1950 and 1951), its end.
fn png(grey: u8) -> Vec<u8> {
    // A row is its filter, none, and its pixels.
    let row = [0, grey];
    let sums = row.iter().fold((1_u32, 0_u32), |(a, b), byte| (a + u32::from(*byte), b + a + u32::from(*byte)));
    let checksum = (sums.1 << 16 | sums.0).to_be_bytes();
    let pixels = [&[0x78, 0x01, 0x01, 2, 0, 0xfd, 0xff][..], &row, &checksum].concat();
    let header = [0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0];
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &header), chunk(b"IDAT", &pixels), chunk(b"IEND", &[])].concat()
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let named = [kind, data].concat();
    let crc = !named.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    });
    [&(data.len() as u32).to_be_bytes()[..], &named, &crc.to_be_bytes()].concat()
}

/// By what the provider knows an image.
fn name(image: &[u8]) -> String {
    let picture = Picture::new(image).expect("an image");
    let digits: String = picture.digest().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

/// A shop whose model knows what these images show.
fn seeing_shop(database: &str, known: &[(&[u8], &str)], config: Config) -> Shop {
    let labels: HashMap<_, _> = known.iter().map(|(image, label)| (name(image), (*label).to_owned())).collect();
    shop(database, Config { labels: Arc::new(labels), ..config })
}

fn said(session: &mut Session, image: &[u8]) -> String {
    let sql =
        "SELECT concat_ws(' ', source, origin, provider, cost_usd > 0, category) FROM categorize_detail($1::bytea)";
    session.one_of(sql, &[&image])
}

#[test]
fn an_image_is_paid_for_once_and_known_from_then_on() {
    let (hammer, doll) = (png(10), png(20));
    let shop = seeing_shop("seen_once", &[(&hammer, "Tools"), (&doll, "Toys")], Config::default());
    let mut session = shop.session();
    assert_eq!(said(&mut session, &hammer), "llm llm fake t Tools");
    assert_eq!(said(&mut session, &doll), "llm llm fake t Toys");
    // In this session from the memo, in another from the table, in one statement as it was said in it.
    assert_eq!(said(&mut session, &hammer), "cache llm fake f Tools");
    assert_eq!(said(&mut shop.session(), &doll), "cache llm fake f Toys");
    for _ in 0..2 {
        assert_eq!(session.one_of::<String>("SELECT categorize($1::bytea)", &[&hammer]), "Tools");
    }
    let fresh = png(30);
    let repeated = "SELECT count(DISTINCT categorize($1::bytea)) FROM generate_series(1, 20)";
    assert_eq!(shop.session().one_of::<i64>(repeated, &[&fresh]), 1);
    let account = shop.model.account();
    assert_eq!((account.requests, account.second_payments), (3, 0), "{account:?}");
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
    assert!(shop.charged() > 0);
    // It is known by its fingerprint; the image itself is not kept.
    let kept = "SELECT count(*) FILTER (WHERE input IS NULL AND origin = 'llm') FROM categorize.cache";
    assert_eq!(session.one::<i64>(kept), 3);
    assert_eq!(
        session.one::<i64>("SELECT coalesce(sum(inputs), 0)::bigint FROM categorize.ledger WHERE kind = 'settle'"),
        3
    );
}

#[test]
fn a_text_with_an_image_is_one_input() {
    let (hammer, doll) = (png(10), png(20));
    let shop = seeing_shop("seen_with", &[(&hammer, "Tools"), (&doll, "Toys")], Config::default());
    let mut session = shop.session();
    session.run(
        r#"SELECT categorize.configure('shop', '{"tiers": ["correction", "rule", "cache", "local_model", "llm"]}')"#,
    );
    let mut ask = |text: &str, image: &[u8]| {
        let sql = "SELECT concat_ws(' ', source, category) FROM categorize_detail($1, $2::bytea)";
        session.one_of::<String>(sql, &[&text, &image])
    };
    // What the free tiers would say of the text alone is not what the image shows.
    assert_eq!(ask("wooden toys", &hammer), "llm Tools");
    assert_eq!(ask("wooden toys", &doll), "llm Toys");
    assert_eq!(ask("Wooden  TOYS", &hammer), "cache Tools");
    assert_eq!(ask("metal toys", &hammer), "llm Tools");
    // A blank text is none.
    assert_eq!(ask(" ", &hammer), "llm Tools");
    assert_eq!(said(&mut shop.session(), &hammer), "cache llm fake f Tools");
    assert_eq!(shop.model.account().requests, 4);
    let texts: Vec<String> =
        shop.session().column("SELECT input FROM categorize.cache WHERE input IS NOT NULL ORDER BY 1");
    assert_eq!(texts, ["metal toys", "wooden toys", "wooden toys"]);
    // A person's rule reads the text.
    session.run("SELECT categorize.add_rule('shop', 'wooden', 'Toys')");
    let sql = "SELECT source || ' ' || category FROM categorize_detail('wooden toys', $1::bytea)";
    assert_eq!(session.one_of::<String>(sql, &[&hammer]), "rule Toys");
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
}

#[test]
fn sessions_that_show_the_same_pay_once_and_tenants_for_themselves() {
    let hammer = png(10);
    let slow = Config { latency: Latency::Fixed(Duration::from_millis(200)), ..Config::default() };
    let shop = seeing_shop("seen_by_many", &[(&hammer, "Tools")], slow);
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                let category: String = shop.session().one_of("SELECT categorize($1::bytea)", &[&hammer]);
                assert_eq!(category, "Tools");
            });
        }
    });
    assert_eq!(shop.model.account().requests, 1);
    let mut other = shop.session();
    other.run("SELECT categorize.set_tenant('other', false)");
    assert_eq!(said(&mut other, &hammer), "llm llm fake t Tools");
    assert_eq!(shop.model.account().requests, 2);
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
}

#[test]
fn who_takes_no_images_is_not_asked() {
    let hammer = png(10);
    let shop = seeing_shop("unseen", &[(&hammer, "Tools")], Config::default());
    let mut session = shop.session();
    session.run(r#"SELECT categorize.set_model('gpt-6-luna', 'openai', '{"image_tokens": null}')"#);
    let why = "SELECT reason || ': ' || (evidence ->> 'detail') FROM categorize_detail($1::bytea)";
    assert_eq!(session.one_of::<String>(why, &[&hammer]), "no_provider: The model fake/gpt-6-luna takes no images.");
    assert_eq!(shop.model.account().requests, 0);
    assert_eq!(session.text("SELECT source FROM categorize_detail('red brick')").as_deref(), Some("llm"));
    // Another one that does is, though it comes later.
    session.run("SELECT categorize.set_price('sees', 0.10, 0.50)");
    session.run(r#"SELECT categorize.set_model('sees', 'openai', '{"image_tokens": 300}')"#);
    shop.connect_provider(&mut session, "second", r#"{"model": "sees", "priority": 200}"#);
    assert_eq!(said(&mut session, &hammer), "llm llm second t Tools");
    // Within its account: what an image may count for is reserved before it leaves.
    session.run(r#"SELECT categorize.set_model('sees', 'openai', '{"image_tokens": 2000000}')"#);
    let refused = "SELECT reason FROM categorize_detail($1::bytea)";
    assert_eq!(session.one_of::<String>(refused, &[&png(20)]), "request_too_expensive");
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
}

#[test]
fn the_largest_image_fits_into_a_frame() {
    let mut large = png(10);
    large.resize(20 * 1024 * 1024, 0);
    let shop = seeing_shop("seen_large", &[(&large, "Tools")], Config::default());
    let mut session = shop.session();
    session.run("SET categorize.max_image_size = '20MB'; SET categorize.timeout_ms = 50000");
    assert_eq!(said(&mut session, &large), "llm llm fake t Tools");
    session.run("RESET categorize.max_image_size");
    let reason = "SELECT reason FROM categorize_detail($1::bytea)";
    assert_eq!(session.one_of::<String>(reason, &[&large]), "input_too_large");
    assert_eq!(shop.model.account().requests, 1);
    assert_eq!((shop.settled(), shop.reserved()), (shop.charged(), 0));
}
