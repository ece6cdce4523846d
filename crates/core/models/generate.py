#!/usr/bin/env python3
"""Makes the files of minilm-256, which crates/core/src/embedding reads, and their golden vectors.

    generate.py distil MODEL.onnx TOKENIZER.json     from the transformer all-MiniLM-L6-v2
    generate.py pack FOLDER                          from a model2vec folder: model.safetensors (int8), tokenizer.json

Needs: pip install numpy tokenizers model2vec safetensors; for `distil` onnxruntime, too. The transformer in ONNX form
and its tokenizer.json (BERT, uncased, 30,522 entries) are those of sentence-transformers/all-MiniLM-L6-v2, Apache-2.0.

`distil` follows Model2Vec (https://github.com/MinishLab/model2vec): each entry of the vocabulary is encoded alone, as
[CLS] entry [SEP], and mean pooled; the vectors are centred, projected on their first 256 principal components, and weighted
by a / (a + p) with a = 1e-4 and p Zipf over the rank (Arora, Liang and Ma 2017). A row is stored as 256 signed bytes and
one float. The signs of the components are fixed, but the arithmetic of machines differs: compare a table made anew by
cosine, not by bytes.

Files, all little-endian:
    vectors.bin      30,522 rows of 256 signed bytes
    scales.bin       30,522 float32: a row times its scale is the vector of the entry
    vocabulary.bin   65,536 slots of uint16 (an entry, 65535 is empty): linear probing from the FNV-1a hash of the text,
                     folded to 16 bits; then 30,522 uint32, where each entry's text ends; then the texts, one after the other
    ../../src/embedding/golden.jsonl   texts with the tokens and vectors of the PyPI packages tokenizers and model2vec
"""
import base64
import json
import pathlib
import sys
import tempfile

import numpy as np
from model2vec import StaticModel
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE / "minilm-256"
GOLDEN = HERE.parent / "src" / "embedding" / "golden.jsonl"
DIMENSIONS, SLOTS, EMPTY = 256, 65_536, 65_535
SMOOTHING = 1e-4
CLS, SEP = 101, 102

TEXTS = [
    "",
    " ",
    "nike air max 270 running shoes",
    "Nike AIR Max 270 -- Men's Running Shoes (UK 9)",
    "silicone case for iphone 15 pro max, clear",
    "apple iphone 15 pro max 256gb natural titanium",
    "samsung galaxy s24 ultra 5g 12/512 gb",
    "stainless steel water bottle 1l",
    "why was my card payment declined?",
    "i still have not received my new card, i ordered over a week ago",
    "what is the exchange rate like on this app",
    "electric kettle 1.7 l, 2200 w, bpa-free",
    "café crème brûlée kit",
    "cafe\u0301 cre\u0300me bru\u0302le\u0301e kit",
    "niño piñata für größe 42 straße",
    "strasse füße ÖL Ångström",
    "łódź żółw smørrebrød đồng hồ",
    "İstanbul ılık IŞIK",
    "ψηφιακό ρολόι χειρός",
    "кроссовки мужские беговые",
    "чайник электрический",
    "운동화 남성용",
    "スニーカー メンズ ランニング",
    "日本語のテスト",
    "男士 跑步鞋 nike 42码",
    "中文abc中文",
    "حذاء رياضي للرجال",
    "नाइके जूते",
    "รองเท้าวิ่ง",
    "emoji 👟🔥 shoes 👍🏽 family 👨‍👩‍👧",
    "⌚️ smart watch ❤",
    "a" * 100,
    "a" * 101,
    "pneumonoultramicroscopicsilicovolcanoconiosis",
    "supercalifragilisticexpialidocious unbelievabilities",
    "x" * 3000 + " shoes",
    "zqxjkvbp qqqq wwww",
    "control\u0000chars\u0007inside\u001bwords \ufffd end",
    "tab\tnew\nline\rreturn\u000bvertical\u000cfeed",
    "zero\u200bwidth\u200djoin\ufeffmark soft\u00adhyphen",
    "non\u00a0breaking\u3000ideographic\u2028line",
    "\u0301\u0302\u0303",
    "\u200b\u200d",
    "!!! ??? ...",
    "a.b,c;d:e/f\\g|h_i-j+k=l*m&n%o$p#q@r!s?t",
    "##ing ##s # #",
    "[unused1] unk cls",
    "“smart quotes” – dashes — and … ellipsis «guillemets» „low“",
    "price: €49.99 £39.99 ¥5000 ₹1,299 $10",
    "½ cup ¾ inch 10² m³ ①②③ Ⅳ",
    "ﬁne ﬂat ＦＵＬＬ　ＷＩＤＴＨ １２３",
    "h2o co₂ 5µm 10Ω 20° 3×4",
    "won't can't it's y'all o'clock",
    "e-mail re-usable wi-fi 4k-uhd 3-in-1",
    "http://example.com/path?query=1#frag user@example.com",
    "LOREM IPSUM DOLOR SIT AMET",
    "1234567890 0987654321 3.14159",
    "the a an of and",
    "vacuum",
    "vacuums vacuuming vacuumed",
    "\u1e9e \u0149 \u01f0 \ufb03",
    "\U0001d552\U0001d553\U0001d554 \U0001f170",
    "\u037e \u0387 \u2126 \u212b",
    "tee-shirt coton bébé 6 mois – lot de 3",
    "herren laufschuhe größe 44 wasserdicht",
    "zapatillas de correr para hombre, talla 42",
    "\u180e\u2060 \u0600 \ue000",
]


def encode_entries(model: str, count: int) -> np.ndarray:
    """Mean of the last hidden states of [CLS] entry [SEP], for every entry."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    rows = []
    for ids in np.array_split(np.arange(count, dtype=np.int64), count // 256 + 1):
        sentence = np.stack([np.full_like(ids, CLS), ids, np.full_like(ids, SEP)], axis=1)
        inputs = {
            "input_ids": sentence,
            "attention_mask": np.ones_like(sentence),
            "token_type_ids": np.zeros_like(sentence),
        }
        rows.append(session.run(None, inputs)[0].mean(axis=1))
        print(f"\r{ids[-1] + 1} of {count} entries", end="", file=sys.stderr)
    print(file=sys.stderr)
    return np.concatenate(rows).astype(np.float64)


def distil(model: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of signed bytes and their scales."""
    encoded = encode_entries(model, count)
    centred = encoded - encoded.mean(axis=0)
    _, components = np.linalg.eigh(centred.T @ centred)
    components = components[:, ::-1][:, :DIMENSIONS]
    largest = np.abs(components).argmax(axis=0)
    components = components * np.sign(components[largest, np.arange(DIMENSIONS)])
    zipf = 1.0 / np.arange(2, count + 2)
    weight = SMOOTHING / (SMOOTHING + zipf / zipf.sum())
    vectors = centred @ components * weight[:, None]
    scales = np.maximum(np.abs(vectors).max(axis=1), 1e-12) / 127
    return np.round(vectors / scales[:, None]).astype(np.int8), scales.astype(np.float32)


def slot_of(text: bytes) -> int:
    """FNV-1a (Fowler, Noll and Vo), folded to 16 bits."""
    value = 0x811C9DC5
    for byte in text:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return (value ^ value >> 16) % SLOTS


def vocabulary(tokenizer: Tokenizer) -> bytes:
    ids = tokenizer.get_vocab()
    texts = [text.encode() for text, _ in sorted(ids.items(), key=lambda item: item[1])]
    assert sorted(ids.values()) == list(range(len(texts))) and len(texts) < EMPTY
    slots = [EMPTY] * SLOTS
    for number, text in enumerate(texts):
        if text.startswith(b"[") and len(text) > 1:
            continue  # [CLS], [unused1]: no text has them, since a bracket stands alone
        slot = slot_of(text)
        while slots[slot] != EMPTY:
            slot = (slot + 1) % SLOTS
        slots[slot] = number
    ends = np.cumsum([len(text) for text in texts])
    return np.array(slots, "<u2").tobytes() + ends.astype("<u4").tobytes() + b"".join(texts)


def golden(vectors: np.ndarray, scales: np.ndarray, tokenizer: Tokenizer) -> str:
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        save_file({"embeddings": vectors, "weights": scales}, str(folder / "model.safetensors"))
        tokenizer.save(str(folder / "tokenizer.json"))
        (folder / "config.json").write_text(json.dumps({"normalize": True, "embedding_dtype": "int8"}))
        model = StaticModel.from_pretrained(folder)
        unknown = tokenizer.token_to_id("[UNK]")
        lines = []
        for text in TEXTS:
            tokens = [t for t in tokenizer.encode(text, add_special_tokens=False).ids if t != unknown]
            vector = model.encode([text], max_length=None)[0]
            small = np.round(vector / max(np.abs(vector).max(), 1e-12) * 127).astype(np.int8)
            vector = base64.b64encode(small.tobytes()).decode() if tokens else None
            lines.append(json.dumps({"text": text, "tokens": tokens, "vector": vector}))
        return "\n".join(lines) + "\n"


def main() -> None:
    match sys.argv[1:]:
        case ["distil", model, tokenizer]:
            tokenizer = Tokenizer.from_file(tokenizer)
            vectors, scales = distil(model, tokenizer.get_vocab_size())
        case ["pack", folder]:
            tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
            tensors = load_file(f"{folder}/model.safetensors")
            vectors, scales = tensors["embeddings"], tensors["weights"].astype(np.float32)
        case _:
            sys.exit(__doc__)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    assert vectors.dtype == np.int8 and vectors.shape == (tokenizer.get_vocab_size(), DIMENSIONS)
    OUT.mkdir(exist_ok=True)
    (OUT / "vectors.bin").write_bytes(vectors.tobytes())
    (OUT / "scales.bin").write_bytes(scales.astype("<f4").tobytes())
    (OUT / "vocabulary.bin").write_bytes(vocabulary(tokenizer))
    GOLDEN.write_text(golden(vectors, scales, tokenizer))


if __name__ == "__main__":
    main()
