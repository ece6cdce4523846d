//! The ceiling of the server when its file is not what we wrote: nothing more is spent, and who asks is told why.

use crate::support::{Shop, builder, shop_in};
use pg_categorize_e2e::Cluster;
use pg_categorize_fake_llm::Config;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

/// Nano-dollars that all databases may spend in a day.
const CEILING: i64 = 4_000_000;

/// A cluster whose databases have all taken of the day's amount, and the file in which they did.
fn shops() -> (Arc<Cluster>, [Shop; 2], PathBuf) {
    let cluster = Arc::new(builder().conf("categorize.cluster_limit_usd_day = 0.004").start());
    let shops = ["one", "two"].map(|name| shop_in(&cluster, name, Config::default()));
    for shop in &shops {
        assert_eq!(ask(shop, "red brick"), None);
    }
    let file = cluster.data().join("pg_categorize.cluster");
    (cluster, shops, file)
}

/// Has a title asked by a gateway that knows nothing but the file; why there was no answer, with its detail.
fn ask_anew(shop: &Shop, title: &str) -> Option<String> {
    shop.rest();
    for pid in shop.gateways() {
        shop.session().run(&format!("SELECT pg_terminate_backend({pid}, 10000)"));
    }
    ask(shop, title)
}

fn ask(shop: &Shop, title: &str) -> Option<String> {
    shop.session().text(&format!(
        "SELECT reason || ': ' || coalesce(evidence ->> 'detail', '') FROM categorize_detail('{title}')"
    ))
}

fn charged(shops: &[Shop]) -> i64 {
    shops.iter().map(Shop::charged).sum()
}

#[test]
fn nothing_is_spent_under_a_ceiling_whose_file_is_damaged() {
    let (_cluster, shops, file) = shops();
    let good = fs::read(&file).unwrap();
    assert_eq!(good.len(), 96, "a head, and what two databases took");
    let mut flipped = good.clone();
    flipped[50] ^= 1;
    let before = charged(&shops);
    let noise = (0..97_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let damages = [
        ("empty", Vec::new()),
        ("cut in a record", good[..70].to_vec()),
        ("cut between records", good[..64].to_vec()),
        ("without its head", good[32..].to_vec()),
        ("a bit", flipped),
        ("zeros", vec![0; 96]),
        ("noise", noise),
        ("huge", vec![0xa5; 3_000_000]),
    ];
    for (what, bytes) in damages {
        fs::write(&file, bytes).unwrap();
        let said = ask_anew(&shops[1], what).unwrap_or_default();
        assert!(said.starts_with("budget_exceeded: The file pg_categorize.cluster"), "{what}: {said}");
        assert!(said.contains("is damaged") && said.contains("or the file is removed"), "{what}: {said}");
    }
    assert_eq!(charged(&shops), before);
    // What follows what the head counts is left from a longer file.
    fs::write(&file, [&good[..], &[0; 7]].concat()).unwrap();
    assert_eq!(ask_anew(&shops[1], "longer"), None);
}

#[test]
fn damage_of_an_earlier_day_is_over() {
    let (_cluster, shops, file) = shops();
    fs::write(&file, "what was here?").unwrap();
    let yesterday = std::time::SystemTime::now() - std::time::Duration::from_secs(86_400);
    fs::File::options().write(true).open(&file).unwrap().set_modified(yesterday).unwrap();
    assert_eq!(ask_anew(&shops[1], "blue brick"), None);
    assert_eq!(fs::read(&file).unwrap().len(), 64);
}

#[test]
fn nothing_is_spent_under_a_ceiling_whose_file_cannot_be_used() {
    let (cluster, shops, file) = shops();
    let before = charged(&shops);
    let unusable = |what: &str| {
        let said = ask_anew(&shops[1], what).unwrap_or_default();
        assert!(said.starts_with("budget_exceeded: The file pg_categorize.cluster"), "{what}: {said}");
        assert!(said.contains("cannot be used") && said.contains("until the server can read and write it"), "{said}");
    };
    for mode in [0o000, 0o400, 0o200] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        unusable(&format!("mode {mode:o}"));
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let aside = cluster.data().join("aside");
    fs::rename(&file, &aside).unwrap();
    fs::create_dir(&file).unwrap();
    unusable("a directory");
    fs::remove_dir(&file).unwrap();
    std::os::unix::fs::symlink("nowhere/at/all", &file).unwrap();
    unusable("a link to nothing");
    fs::remove_file(&file).unwrap();
    fs::rename(&aside, &file).unwrap();
    assert_eq!(charged(&shops), before);
    let log = cluster.log();
    assert!(log.contains("the ceiling of the server cannot be told"), "{log}");
    assert!(log.contains("Give it back to the user of the server, or remove it"), "{log}");
    assert_eq!(ask_anew(&shops[1], "as before"), None);
}

#[test]
fn a_file_that_was_removed_is_made_anew_and_each_database_counts_what_it_spent() {
    let (cluster, shops, file) = shops();
    let spend = |shop: &Shop| {
        let titles = "SELECT array_agg('title ' || i) FROM generate_series(1, 300) i";
        shop.session()
            .one::<i64>(&format!("SELECT count(*) FROM categorize_many(({titles})) WHERE reason = 'budget_exceeded'"))
    };
    assert!(spend(&shops[0]) > 0, "the ceiling is reached");
    let alone = shops[0].charged();
    assert!(charged(&shops) <= CEILING);
    fs::remove_file(&file).unwrap();
    ask_anew(&shops[0], "one more");
    assert!(spend(&shops[0]) > 0, "its own ledger says that it is reached");
    assert!(alone <= shops[0].charged() && shops[0].charged() <= CEILING);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let names = fs::read_dir(cluster.data()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let drafts: Vec<String> = names.filter(|name| name.starts_with("pg_categorize.cluster.")).collect();
    assert!(drafts.is_empty(), "{drafts:?}");
}
