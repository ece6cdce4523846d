#!/usr/bin/env python3
"""What a sentence transformer makes of texts, calculated with NumPy and the tokenizers library: what
crates/gateway/src/transformer has to agree with.

    reference.py tiny                 writes tiny/, a model of random numbers, and tiny/golden.jsonl
    reference.py vectors FOLDER       prints golden lines of any model of this form

Needs: pip install numpy tokenizers safetensors. The arithmetic is written down from the papers, in double precision, all heads
at once and with padding, unlike the implementation that is tested: Devlin and others 2018 (BERT), Reimers and Gurevych 2019
(pooling)."""
import json
import math
import pathlib
import sys

import numpy as np
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

TINY = pathlib.Path(__file__).resolve().parent / "tiny"

TEXTS = [
    "",
    " ",
    "red running shoe",
    "Red RUNNING shoes, blue!",
    "a kettle of steel (1.7 l)",
    "running running running running running running running running running running running running",
    "café crème",
    "cafe\u0301 cre\u0300me",
    "zzz qqq",
    "\u6f22\u5b57 red",
    "\u6f22\u5b57",
    "red\u0000blue\u200bshoe\ufffd",
    "shoe " * 500,
    "x" * 300 + " red",
    "İstanbul ılık IŞIK straße",
    "👟 shoe 👟👟",
    "\u0f71\u0f72\u0f74 \ud7a3 shoe",
]

WORDS = (
    "[PAD] [UNK] [CLS] [SEP] red blue run shoe kettle steel a of , ! . ( ) cafe creme 1 7 l i s t r e d u n g k o c ##r ##e "
    "##ning ##s ##le ##tle ##l ##t ##tan ##an ##bul ##lik ##ik ##sik ##a ##b ##c ##d ##u ##n ##g ##k ##o ##i ##m \u6f22"
).split()


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def gelu(x):
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


class Reference:
    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.config = json.loads((folder / "config.json").read_text())
        self.tensors = {name: t.astype(np.float64) for name, t in load_file(folder / "model.safetensors").items()}
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        limit = folder / "sentence_bert_config.json"
        most = json.loads(limit.read_text())["max_seq_length"] if limit.exists() else 10**9
        self.tokenizer.enable_truncation(min(most, self.config["max_position_embeddings"]))
        self.tokenizer.enable_padding()
        pooling = folder / "1_Pooling" / "config.json"
        self.first = pooling.exists() and json.loads(pooling.read_text()).get("pooling_mode_cls_token", False)

    def norm(self, x, name):
        mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        scaled = (x - mean) / np.sqrt(var + self.config["layer_norm_eps"])
        return scaled * self.tensors[name + ".weight"] + self.tensors[name + ".bias"]

    def linear(self, x, name):
        return np.einsum("bti,oi->bto", x, self.tensors[name + ".weight"]) + self.tensors[name + ".bias"]

    def vectors(self, texts):
        encoded = self.tokenizer.encode_batch(texts)
        ids = np.array([e.ids for e in encoded])
        mask = np.array([e.attention_mask for e in encoded], dtype=np.float64)
        t, heads = self.tensors, self.config["num_attention_heads"]
        x = t["embeddings.word_embeddings.weight"][ids]
        x = x + t["embeddings.position_embeddings.weight"][: ids.shape[1]] + t["embeddings.token_type_embeddings.weight"][0]
        x = self.norm(x, "embeddings.LayerNorm")
        batch, length, size = x.shape
        for n in range(self.config["num_hidden_layers"]):
            at = f"encoder.layer.{n}."
            q, k, v = (
                self.linear(x, at + "attention.self." + name).reshape(batch, length, heads, -1).transpose(0, 2, 1, 3)
                for name in ("query", "key", "value")
            )
            scores = q @ k.transpose(0, 1, 3, 2) / math.sqrt(size // heads) + (1 - mask)[:, None, None, :] * -1e9
            context = (softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(batch, length, size)
            x = self.norm(x + self.linear(context, at + "attention.output.dense"), at + "attention.output.LayerNorm")
            inner = gelu(self.linear(x, at + "intermediate.dense"))
            x = self.norm(x + self.linear(inner, at + "output.dense"), at + "output.LayerNorm")
        pooled = x[:, 0] if self.first else (x * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
        pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
        return [[i for i, m in zip(e.ids, e.attention_mask) if m] for e in encoded], pooled

    def lines(self):
        unknown = self.tokenizer.token_to_id("[UNK]")
        batches = [TEXTS[at : at + 4] for at in range(0, len(TEXTS), 4)]
        for text, tokens, vector in (line for batch in batches for line in zip(batch, *self.vectors(batch))):
            known = any(token != unknown for token in tokens[1:-1])
            yield json.dumps({"text": text, "tokens": tokens, "vector": [round(float(x), 7) for x in vector] if known else None})


def tiny():
    size, inner, layers, positions = 12, 32, 2, 16
    random = np.random.default_rng(1)
    draw = lambda *shape: random.normal(0, 0.4, shape).astype(np.float32)
    tensors = {
        "embeddings.word_embeddings.weight": draw(len(WORDS), size),
        "embeddings.position_embeddings.weight": draw(positions, size),
        "embeddings.token_type_embeddings.weight": draw(2, size),
    }

    def norm(name):
        tensors[name + ".weight"], tensors[name + ".bias"] = 1 + draw(size), draw(size)

    def linear(name, to, of):
        tensors[name + ".weight"], tensors[name + ".bias"] = draw(to, of), draw(to)

    norm("embeddings.LayerNorm")
    for n in range(layers):
        at = f"encoder.layer.{n}."
        for name in ("query", "key", "value"):
            linear(at + "attention.self." + name, size, size)
        linear(at + "attention.output.dense", size, size)
        norm(at + "attention.output.LayerNorm")
        linear(at + "intermediate.dense", inner, size)
        linear(at + "output.dense", size, inner)
        norm(at + "output.LayerNorm")
    (TINY / "1_Pooling").mkdir(parents=True, exist_ok=True)
    save_file(tensors, TINY / "model.safetensors")
    config = {
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": size, "intermediate_size": inner,
        "num_hidden_layers": layers, "num_attention_heads": 3, "max_position_embeddings": positions,
        "type_vocab_size": 2, "vocab_size": len(WORDS), "layer_norm_eps": 1e-12,
    }
    write = lambda name, value: (TINY / name).write_text(json.dumps(value, indent=1) + "\n")
    write("config.json", config)
    write("1_Pooling/config.json", {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False})
    tokenizer = Tokenizer(models.WordPiece({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.save(str(TINY / "tokenizer.json"))
    (TINY / "golden.jsonl").write_text("\n".join(Reference(TINY).lines()) + "\n")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["tiny"]:
            tiny()
        case ["vectors", folder]:
            print("\n".join(Reference(folder).lines()))
        case _:
            sys.exit(__doc__)
