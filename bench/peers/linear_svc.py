#!/usr/bin/env python3
"""The strong and plain peer of the local model: tf-idf, LinearSVC and temperature scaling, on one thread.

Words (1-2 grams) and characters (3-5 grams) by TfidfVectorizer into LinearSVC, that is LIBLINEAR (Fan et al., 2008,
https://www.jmlr.org/papers/v9/fan08a.html). A confidence is the largest softmax(margins / T); T has the least negative
log-likelihood on a tenth that the model did not see (Guo et al., 2017, https://arxiv.org/abs/1706.04599), and is
kept for the model refitted on all of the train part, which gives all figures but accuracy_90 and train_seconds.

Settings were tuned inside the train parts only (a fifth held out, seed 42). Mean accuracy on flipkart, myntra_fashion,
banking77 and clinc150: char_wb 93.2%, char 93.0%; sublinear_tf 93.22%, without 93.19%; C of 0.5 93.1%, of 1 and 2
93.2%. C = 1 is the better of those two on the product titles, and the default.

macro_f1 is over the classes that occur in the test part or are predicted; classes counts those in the train part. bins
are those of the calibration error: titles, their mean confidence, the share of them that was right.
"""

import os

for _name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM"):
    os.environ[_name + "_NUM_THREADS"] = "1"  # before numpy is imported

import argparse
import json
import sys
import time
import timeit
from itertools import product
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.svm import LinearSVC

SPLIT_DATASETS = {"flipkart": "flipkart/dedup.tsv", "myntra_fashion": "myntra_fashion/dedup.tsv"}
SPLIT_SEEDS = range(42, 47)
CURVE_SIZES = (250, 1000, 5000)
CURVE_SEEDS = range(1, 11)
THRESHOLD, BINS = 0.70, 15


def read_tsv(path):
    """Titles and categories of an unquoted TSV with a header; only LF ends a line."""
    with open(path, encoding="utf-8", newline="\n") as file:
        rows = [line.rstrip("\n").split("\t") for line in file][1:]
    return [row[0] for row in rows], np.array([row[1] for row in rows], dtype=object)


def stratified(labels, test_size, seed):
    """Train and test rows, stratified; members of single-row classes stay in train."""
    _, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    lone = counts[inverse] == 1
    rows, strata = np.flatnonzero(~lone), inverse[~lone]
    wanted = int(np.ceil(test_size * len(labels)))
    # With fewer test (or train) rows than classes no stratified split exists.
    feasible = len(np.unique(strata)) <= min(wanted, len(rows) - wanted)
    strata = strata if feasible else None
    train, test = train_test_split(rows, test_size=wanted, random_state=seed, stratify=strata)
    return np.sort(np.concatenate([train, np.flatnonzero(lone)])), np.sort(test)


def splits(args):
    """Writes one file a split, `row<TAB>part` a line; a learning curve's file lists its train rows only."""
    def write(name, parts):
        (args.out / f"{name}.tsv").write_text("".join(f"{row}\t{part}\n" for row, part in parts))

    args.out.mkdir(parents=True, exist_ok=True)
    for name, file in SPLIT_DATASETS.items():
        _, labels = read_tsv(args.data / file)
        for seed in SPLIT_SEEDS:
            stored = (args.data / file).with_name("split42_test_rows.txt")
            test = np.loadtxt(stored, dtype=int) if seed == 42 else stratified(labels, 0.2, seed)[1]
            part = np.full(len(labels), "train", dtype=object)
            part[test] = "test"
            write(f"{name}-{seed}", enumerate(part))
            if (name, seed) == ("flipkart", 42):
                curve = np.flatnonzero(part == "train")
    for n, seed in product(CURVE_SIZES, CURVE_SEEDS):
        rows = np.random.default_rng(seed).choice(curve, n, replace=False)
        write(f"flipkart-curve-{n}-{seed}", ((row, "train") for row in np.sort(rows)))


def model(seed):
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    chars = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
    return make_pipeline(FeatureUnion([("words", words), ("chars", chars)]), LinearSVC(C=1.0, random_state=seed))


def margins(fitted, titles):
    found = fitted.decision_function(titles)
    return found if found.ndim == 2 else np.column_stack([-found, found])


def temperature(fitted, titles, labels):
    """The T of least negative log-likelihood; rows of a class the model never saw have none and are left out."""
    column = {label: at for at, label in enumerate(fitted.classes_)}
    known = [row for row, label in enumerate(labels) if label in column]
    scores = margins(fitted, [titles[row] for row in known])
    right = np.arange(len(known)), [column[labels[row]] for row in known]
    loss = lambda log_t: -log_softmax(scores / np.exp(log_t), axis=1)[right].mean()
    return float(np.exp(minimize_scalar(loss, bounds=(-6, 3), method="bounded").x))


def judged(truth, predicted, confidence):
    hit, sure = predicted == truth, confidence >= THRESHOLD
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    held = [bins == b for b in range(BINS)]
    gaps = [abs(hit[rows].sum() - confidence[rows].sum()) for rows in held]
    mean = lambda values: float(values.mean()) if len(values) else 0.0
    return {
        "accuracy": float(hit.mean()),
        "macro_f1": float(f1_score(truth, predicted, average="macro", zero_division=0)),
        "ece": float(sum(gaps) / len(hit)),
        "coverage": float(sure.mean()),
        "precision": float(hit[sure].mean()) if sure.any() else None,
        "bins": [[int(rows.sum()), mean(confidence[rows]), mean(hit[rows])] for rows in held],
    }


def measured(train, test, seed, refused):
    """All figures of one run; `refused` maps a figure's name to titles of no category."""
    (titles, labels), (test_titles, truth) = train, test
    pick = lambda rows: ([titles[row] for row in rows], labels[rows])
    started = time.perf_counter()
    inner, held_out = stratified(labels, 0.1, seed)
    partial = model(seed).fit(*pick(inner))
    t = temperature(partial, *pick(held_out))
    calibrated = time.perf_counter()
    fitted = model(seed).fit(titles, labels)
    refitted = time.perf_counter()

    confidence = lambda of: softmax(margins(fitted, of) / t, axis=1).max(axis=1)
    span = min(timeit.repeat(lambda: fitted.predict(test_titles), number=1, repeat=3))
    return {
        "n_train": len(titles),
        "n_test": len(test_titles),
        "classes": len(fitted.classes_),
        **judged(truth, fitted.predict(test_titles), confidence(test_titles)),
        "accuracy_90": float((partial.predict(test_titles) == truth).mean()),
        "temperature": t,
        "train_seconds": calibrated - started,
        "train_seconds_refit": refitted - started,
        "titles_per_second": len(test_titles) / span,
        **{name: float((confidence(of) < THRESHOLD).mean()) for name, of in refused.items()},
    }


def planned(args):
    """Every run: dataset, seed, number of labels, train, test, titles to refuse."""
    def part(rows, name, of):
        picked = [int(row) for row, part in rows if part == name]
        return [of[0][row] for row in picked], of[1][picked]

    read_split = lambda name: [line.split() for line in (args.splits / f"{name}.tsv").read_text().splitlines()]
    for name in SPLIT_DATASETS:
        data = read_tsv(args.data / SPLIT_DATASETS[name])
        for seed in SPLIT_SEEDS[: args.seeds]:
            rows = read_split(f"{name}-{seed}")
            yield name, seed, "all", part(rows, "train", data), part(rows, "test", data), {}
        if name == "flipkart":
            test = part(read_split("flipkart-42"), "test", data)
            for n, seed in product(CURVE_SIZES, CURVE_SEEDS[: args.seeds]):
                yield name, seed, n, part(read_split(f"flipkart-curve-{n}-{seed}"), "train", data), test, {}
    for name in ("banking77", "clinc150"):
        read = lambda file: read_tsv(args.data / name / f"{file}.tsv")
        outside = {"oos_refused": "oos_test", "oos_val_refused": "oos_val"} if name == "clinc150" else {}
        refused = {figure: read(file)[0] for figure, file in outside.items()}
        yield name, 42, "all", read("train"), read("test"), refused


def run(args):
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with open(args.out, "w") as out:
        for name, seed, labels, train, test, refused in planned(args):
            figures = measured(train, test, seed, refused)
            print(json.dumps({"dataset": name, "seed": seed, "labels": labels, **figures}), file=out, flush=True)
            print(f"{name} {seed} {labels}: accuracy {figures['accuracy']:.4f}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description="A tf-idf and LinearSVC peer for the local model.")
    commands = parser.add_subparsers(required=True)
    for function, purpose in ((splits, "write the splits that all sides read"), (run, "measure, one JSON line a run")):
        command = commands.add_parser(function.__name__, help=purpose)
        command.add_argument("--data", type=Path, required=True, help="the folder with the datasets")
        command.add_argument("--out", type=Path, required=True)
        command.set_defaults(run=function)
    command.add_argument("--splits", type=Path, required=True, help="the folder that `splits` wrote")
    command.add_argument("--seeds", type=int, help="no more than so many seeds of each kind")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
