//! Vectors that a sentence transformer makes in the gateway: for free, within the server, and never by a path of a user.

use crate::embeddings::{await_state, embed_by, stocked};
use crate::support::{Shop, builder, shop, shop_in};
use pg_categorize_e2e::{Cluster, Session, eventually};
use pg_categorize_fake_llm::Config;
use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;

const MODEL: &str = "transformer:tiny";

/// Says the same as the known titles, in another order.
const NEAR: &str = "shoe, red, running of steel";

/// A cluster with a folder of models, and one in it: random numbers that know a few words.
fn with_model(name: &str) -> Arc<Cluster> {
    let folder = format!("/tmp/pgc_models_{name}.{}", std::process::id());
    let cluster = Arc::new(builder().conf(&format!("categorize.model_directory = '{folder}'")).start());
    let made = cluster.tools().command("mkdir").args(["-p", "-m", "700", &format!("{folder}/tiny/1_Pooling")]).status();
    assert!(made.unwrap().success());
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/gateway/models/tiny");
    for file in ["config.json", "tokenizer.json", "1_Pooling/config.json", "model.safetensors"] {
        write(&cluster, &format!("{folder}/tiny/{file}"), &std::fs::read(source.join(file)).unwrap());
    }
    cluster
}

fn write(cluster: &Cluster, path: &str, bytes: &[u8]) {
    let mut tee = cluster.tools().command("tee");
    let mut child = tee.arg(path).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    assert!(child.wait().unwrap().success());
}

fn remove(cluster: &Cluster, name: &str) {
    let folder = format!("/tmp/pgc_models_{name}.{}", std::process::id());
    assert!(cluster.tools().command("rm").args(["-r", &folder]).status().unwrap().success());
}

/// A shop that knows six titles.
fn taught(cluster: &Arc<Cluster>) -> Option<(Shop, Session)> {
    let (shop, mut session) = stocked(shop_in(cluster, "made", Config::default()), 0)?;
    session.run(
        "SELECT categorize.learn($$ SELECT 'red running shoe of steel ' || what, 'Toys'
                                      FROM unnest(ARRAY['a', 'i', 's', 't', 'r', 'e']) what $$)",
    );
    session.run(r#"SELECT categorize.configure('shop', '{"similarity_threshold": 0.5}')"#);
    Some((shop, session))
}

fn source(session: &mut Session, title: &str) -> String {
    let sql = "SELECT concat_ws(' ', source, origin, coalesce(provider, '-'), coalesce(model, '-'), cost_usd > 0) FROM categorize_detail($1)";
    session.one_of(sql, &[&title])
}

fn rows_done(session: &mut Session) -> i64 {
    session.one(&format!("SELECT rows_done::bigint FROM categorize.embedding_status WHERE model = '{MODEL}'"))
}

#[test]
fn a_near_title_is_answered_for_nothing() {
    let cluster = with_model("near");
    let Some((shop, mut session)) = taught(&cluster) else { return };
    embed_by(&mut session, MODEL);
    await_state(&mut session, MODEL, "ready");
    assert_eq!(rows_done(&mut session), 6);
    assert_eq!(source(&mut session, NEAR), "similarity label transformer tiny f");
    assert_eq!(source(&mut session, NEAR), "cache similarity - - f");
    assert_eq!(shop.model.account().requests, 0);
    // Neither is in the ledger.
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.ledger"), 0);
    assert_eq!(session.one::<i64>("SELECT count(*) FROM categorize.reservation"), 0);
    // A session has no transformer, and says so.
    let said: String = session
        .one_of("SELECT detail FROM categorize.explain($1) WHERE tier = 'similarity'", &[&"blue kettle of steel"]);
    assert!(said.contains("a session has no transformer"), "{said}");
    // Of what the model does not know there is no vector, and the language model is asked; as about what is not near.
    for title in ["zzz qqq", "\u{202e}zzz\u{fffd} \u{200b}", &"zzz ".repeat(5000), "blue kettle (1.7 l)!"] {
        assert_eq!(source(&mut session, title).split(' ').next(), Some("llm"), "{title:.20}");
    }
    // The vector of what it answered is stored with the answer, where there is one.
    eventually("its vector is stored", 20, || rows_done(&mut session) == 7);
    assert_eq!(shop.settled(), shop.charged());
    assert_eq!(shop.gateways().len(), 1, "it is the same all the while");
    remove(&cluster, "near");
}

#[test]
fn a_model_that_cannot_be_used_says_why_and_the_former_embedding_answers() {
    let cluster = with_model("refused");
    let Some((shop, mut session)) = taught(&cluster) else { return };
    await_state(&mut session, "minilm-256", "ready");
    for name in ["", "..", "../tiny", "/etc", "a/b", ".hidden"] {
        session.refused(
            "22023",
            &format!(r#"SELECT categorize.configure('shop', '{{"embedding": "transformer:{name}"}}')"#),
        );
    }
    embed_by(&mut session, "transformer:absent");
    await_state(&mut session, "transformer:absent", "held");
    let row =
        session.query_one("SELECT reason, detail FROM categorize.embedding_status WHERE state = 'held'", &[]).unwrap();
    assert_eq!(row.get::<_, String>(0), "no_provider");
    let detail: String = row.get(1);
    assert!(detail.contains("model absent: config.json cannot be read") && !detail.contains("/tmp"), "{detail}");
    // Until a model can be used the static table answers, and then the language model.
    let state = "SELECT state FROM categorize.embedding_status WHERE model = 'minilm-256'";
    assert_eq!(session.text(state).as_deref(), Some("ready"));
    assert_eq!(source(&mut session, "wooden hammer").split(' ').next(), Some("llm"));
    // It comes while the gateway runs, and is found when the configuration is read.
    let folder = format!("/tmp/pgc_models_refused.{}", std::process::id());
    assert!(
        cluster
            .tools()
            .command("mv")
            .args([&format!("{folder}/tiny"), &format!("{folder}/absent")])
            .status()
            .unwrap()
            .success()
    );
    std::thread::sleep(std::time::Duration::from_secs(31));
    session.run("SELECT pg_reload_conf()");
    await_state(&mut session, "transformer:absent", "ready");
    assert_eq!(shop.gateways().len(), 1);
    remove(&cluster, "refused");
}

#[test]
fn without_a_folder_of_models_there_is_none() {
    let shop = shop("no_models", Config::default());
    let mut session = shop.session();
    session.refused("42501", r#"SELECT categorize.configure('shop', '{"embedding": "transformer:tiny"}')"#);
    session.refused("55P02", "SET categorize.model_directory = '/tmp'");
}
