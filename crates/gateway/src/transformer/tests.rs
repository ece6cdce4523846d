use super::workshop::Workshop;
use super::*;
use crate::provider::FailureClass;
use proptest::prelude::*;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView, serialize};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// A model of random numbers, written by `models/reference.py`.
fn tiny() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/tiny")
}

impl Transformer {
    fn of(&self, text: &str) -> Option<Vec<f32>> {
        self.embed(&[text], || false)?.pop()?
    }
}

fn load_tiny() -> Transformer {
    Transformer::load(&tiny()).unwrap()
}

/// A copy of it in which a file is changed.
fn changed(name: &str, change: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    std::fs::create_dir(copy.path().join("1_Pooling")).unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors", "1_Pooling/config.json"] {
        std::fs::copy(tiny().join(file), copy.path().join(file)).unwrap();
    }
    let path = copy.path().join(name);
    match change(std::fs::read(&path).unwrap_or_default()) {
        Some(bytes) => std::fs::write(&path, bytes).unwrap(),
        None => std::fs::remove_file(&path).unwrap(),
    }
    copy
}

/// Why a model cannot be loaded whose JSON says this at a place.
fn refused(name: &str, pointer: &str, value: Value) -> String {
    let copy = changed(name, |bytes| {
        let mut json: Value = serde_json::from_slice(&bytes).unwrap();
        *json.pointer_mut(pointer).unwrap() = value;
        Some(json.to_string().into_bytes())
    });
    Transformer::load(copy.path()).err().expect("a refusal")
}

/// Why a model cannot be loaded in which a tensor is what `change` makes of its numbers.
fn with_tensor(name: &str, change: impl FnOnce(&mut Vec<f32>, &mut Vec<usize>, &mut Dtype)) -> String {
    let copy = changed("model.safetensors", |bytes| {
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let mut all: Vec<_> = tensors.tensors().into_iter().filter(|(of, _)| of != name).collect();
        let old = tensors.tensor(name).unwrap();
        let mut numbers: Vec<f32> = old.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let (mut shape, mut dtype) = (old.shape().to_vec(), old.dtype());
        change(&mut numbers, &mut shape, &mut dtype);
        let data: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        all.push((name.to_owned(), TensorView::new(dtype, shape, &data).unwrap()));
        Some(serialize(all, None).unwrap())
    });
    Transformer::load(copy.path()).err().expect("a refusal")
}

#[derive(Deserialize)]
struct Golden {
    text: String,
    tokens: Vec<u32>,
    vector: Option<Vec<f32>>,
}

/// Every text has the tokens and the vector that `models/reference.py` calculates with NumPy and the tokenizers library.
pub(super) fn agrees(folder: &Path, golden: &str) {
    let model = Transformer::load(folder).unwrap();
    let mut compared = 0;
    for line in golden.lines() {
        let Golden { text, tokens, vector } = serde_json::from_str(line).unwrap();
        let ours = model.of(&text);
        assert_eq!(ours.is_some(), vector.is_some(), "{text:?}");
        let (Some(ours), Some(vector)) = (ours, vector) else { continue };
        assert_eq!(model.words.tokens(&text, model.most_tokens), Some(tokens), "{text:?}");
        assert_eq!(ours.len(), model.dimensions());
        let off = ours.iter().zip(&vector).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 2e-5, "{text:?} is off by {off}");
        compared += 1;
    }
    assert!(compared > 10, "{compared} texts");
}

#[test]
fn agrees_with_an_independent_calculation() {
    agrees(&tiny(), include_str!("../../models/tiny/golden.jsonl"));
}

/// The same with a model that is in use: `scripts/test-peers` fetches all-MiniLM-L6-v2.
#[test]
#[ignore = "needs a model: scripts/test-peers"]
fn agrees_with_it_for_a_real_model() {
    let folder =
        PathBuf::from(std::env::var_os("PEER_TRANSFORMER").expect("PEER_TRANSFORMER names the folder of a model"));
    agrees(&folder, &std::fs::read_to_string(folder.join("golden.jsonl")).unwrap());
    let model = Transformer::load(&folder).unwrap();
    let near = |a, b| model.of(a).unwrap().iter().zip(model.of(b).unwrap()).map(|(x, y)| x * y).sum::<f32>();
    assert!(near("sofa", "couch") > near("sofa", "kettle") + 0.2);
    let started = std::time::Instant::now();
    let titles = 200;
    (0..titles).for_each(|n| _ = model.of(&format!("stainless steel water bottle with a lid, {n} ml, blue")).unwrap());
    eprintln!("{:.2} ms a title", started.elapsed().as_secs_f64() * 1e3 / f64::from(titles));
}

#[test]
fn the_first_state_is_the_vector_where_the_model_says_so() {
    let pooled = br#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#;
    let copy = changed("1_Pooling/config.json", |_| Some(pooled.to_vec()));
    let first = Transformer::load(copy.path()).unwrap().of("red shoe").unwrap();
    assert_ne!(first, load_tiny().of("red shoe").unwrap());
    assert!((first.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
}

#[test]
fn a_long_text_is_read_to_the_last_position() {
    let model = load_tiny();
    assert_eq!(model.of(&"shoe ".repeat(14)), model.of(&"shoe ".repeat(200_000)));
    assert_ne!(model.of(&"shoe ".repeat(13)), model.of(&"shoe ".repeat(14)));
    let copy = changed("sentence_bert_config.json", |_| Some(br#"{"max_seq_length": 5}"#.to_vec()));
    let short = Transformer::load(copy.path()).unwrap();
    assert_eq!(short.of("red shoe kettle steel"), model.of("red shoe kettle"));
}

#[test]
fn a_model_of_another_form_is_refused_in_words() {
    for (name, why) in
        [("config.json", "config.json"), ("tokenizer.json", "tokenizer.json"), ("model.safetensors", "model.saf")]
    {
        for change in [&|_| None, &|bytes: Vec<u8>| Some(bytes[..bytes.len() / 2].to_vec()), &|_| Some(Vec::new())]
            as [&dyn Fn(Vec<u8>) -> Option<Vec<u8>>; 3]
        {
            let copy = changed(name, change);
            let refusal = Transformer::load(copy.path()).err().expect(name);
            assert!(refusal.contains(why) && !refusal.contains(copy.path().to_str().unwrap()), "{refusal}");
        }
    }
    assert!(Transformer::load(Path::new("/nowhere")).err().unwrap().contains("config.json cannot be read"));
    for (pointer, value) in [
        ("/model_type", json!("roberta")),
        ("/hidden_act", json!("relu")),
        ("/hidden_size", json!(0)),
        ("/hidden_size", json!(24)),
        ("/hidden_size", json!(5000)),
        ("/hidden_size", json!(-1)),
        ("/num_attention_heads", json!(5)),
        ("/num_attention_heads", json!(0)),
        ("/num_hidden_layers", json!(3)),
        ("/num_hidden_layers", json!(1u64 << 60)),
        ("/intermediate_size", json!(u64::MAX)),
        ("/max_position_embeddings", json!(1)),
        ("/vocab_size", json!(10)),
        ("/layer_norm_eps", json!("small")),
    ] {
        let refusal = refused("config.json", pointer, value.clone());
        assert!(refusal.contains(".json") || refusal.contains("model.safetensors"), "{pointer} {value}: {refusal}");
    }
    for (pointer, value) in [
        ("/normalizer/lowercase", json!(false)),
        ("/normalizer/strip_accents", json!(false)),
        ("/pre_tokenizer/type", json!("Whitespace")),
        ("/model/type", json!("BPE")),
        ("/model/vocab", json!({"[UNK]": 0, "[CLS]": 1})),
        ("/model/vocab/red", json!(99)),
        ("/model/vocab/red", json!("red")),
    ] {
        let refusal = refused("tokenizer.json", pointer, value);
        assert!(refusal.starts_with("tokenizer.json"), "{refusal}");
    }
    let both = json!(true);
    assert!(refused("1_Pooling/config.json", "/pooling_mode_cls_token", both).starts_with("1_Pooling"));
}

#[test]
fn wrong_shapes_and_what_is_no_number_are_refused() {
    let name = "encoder.layer.1.output.dense.weight";
    let refusal = with_tensor(name, |numbers, _, _| numbers[7] = f32::NAN);
    assert!(refusal.contains(name) && refusal.contains("that are none"), "{refusal}");
    assert!(with_tensor(name, |numbers, _, _| numbers[0] = f32::INFINITY).contains("that are none"));
    assert!(with_tensor(name, |_, shape, _| shape.swap(0, 1)).contains("another shape"));
    assert!(with_tensor(name, |numbers, shape, _| (shape[0], _) = (11, numbers.truncate(11 * 32))).contains("shape"));
    assert!(with_tensor(name, |_, _, dtype| *dtype = Dtype::I32).contains("another format"));
}

#[test]
fn numbers_that_overflow_make_no_vector() {
    let copy = changed("model.safetensors", |bytes| {
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let huge: Vec<u8> = (0..12).flat_map(|_| f32::MAX.to_le_bytes()).collect();
        let name = "encoder.layer.1.output.LayerNorm.weight";
        let mut all: Vec<_> = tensors.tensors().into_iter().filter(|(of, _)| of != name).collect();
        all.push((name.to_owned(), TensorView::new(Dtype::F32, vec![12], &huge).unwrap()));
        Some(serialize(all, None).unwrap())
    });
    assert_eq!(Transformer::load(copy.path()).unwrap().of("red shoe"), None);
}

#[test]
fn texts_that_are_gone_through_together_have_nothing_to_do_with_each_other() {
    let model = load_tiny();
    let texts: Vec<String> =
        (0..200).map(|n| ["red ", "shoe ", "zzz ", "kettle of steel ", ""][n % 5].repeat(1 + n % 7)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let together = model.embed(&texts, || false).unwrap();
    let off = |(text, vector): (&&str, &Option<Vec<f32>>)| match (model.of(text), vector) {
        (Some(alone), Some(vector)) => alone.iter().zip(vector).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max),
        (alone, vector) => f32::from(u8::from(alone.is_some() != vector.is_some())),
    };
    assert!(texts.iter().zip(&together).map(off).all(|off| off < 1e-5));
    assert!(together.iter().flatten().count() == 120);
    assert_eq!(model.embed(&texts, || true), None);
}

#[tokio::test]
async fn the_workshop_says_why_it_has_no_vectors() {
    let workshop = Arc::new(Workshop::default());
    let make = |folder: PathBuf, texts: &[&str]| {
        workshop.clone().vectors(folder, texts.iter().map(|text| (*text).to_owned()).collect())
    };
    let made = make(tiny(), &["red shoe", "kettle"]).await.unwrap();
    assert_eq!(made, ["red shoe", "kettle"].map(|text| load_tiny().of(text).unwrap()));
    let class = |failed: Result<_, crate::provider::Failure>| failed.map(|_: Vec<Vec<f32>>| ()).unwrap_err().class;
    assert_eq!(class(make(tiny(), &["red shoe", "zzz"]).await), FailureClass::ContextOverflow);
    assert_eq!(class(make("/nowhere".into(), &["red shoe"]).await), FailureClass::Stopped);
    // Models that are not used are let go, and come back.
    let copies: Vec<TempDir> = (0..4).map(|_| changed("config.json", Some)).collect();
    for copy in copies.iter().chain(&copies) {
        assert_eq!(make(copy.path().to_owned(), &["kettle"]).await.unwrap(), made[1..]);
    }
    assert_eq!(make(tiny(), &["kettle"]).await.unwrap(), made[1..]);
}

proptest! {
    #[test]
    fn any_text_has_a_vector_of_length_one_or_none(
        text in prop_oneof![".{0,60}", "(red|shoe|zz|[a-z]{1,3}|[ ,.!]){0,40}", any::<String>(), "[\\u{0}-\\u{2ff}\\u{300}-\\u{36f}]{0,40}"]
    ) {
        if let Some(vector) = load_tiny().of(&text) {
            prop_assert!((vector.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-4);
        }
    }
}
