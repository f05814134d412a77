from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given

from glassgpt import Config, Session
from glassgpt.analysis.baselines import (
    baselines,
    counting,
    ngram,
    seen_count,
    validation_documents,
    validation_loss,
)
from glassgpt.model.tokenizer import Tokenizer
from tests.conftest import Reference
from tests.support import models


def test_the_baselines_of_the_reference(reference: Reference) -> None:
    tokenizer = Tokenizer.of(reference.documents)
    tokens = map(tokenizer.encode_document, reference.documents)
    found = baselines(tokens, tokenizer.vocab_size)
    assert found.uniform == pytest.approx(3.2958, abs=5e-5)
    assert found.unigram == pytest.approx(2.8181, abs=5e-5)
    assert found.bigram == pytest.approx(2.4601, abs=5e-5)
    assert found.trigram == pytest.approx(2.2043, abs=5e-5)


def test_the_unigram_loss_of_two_documents() -> None:
    # "aa" and "ab" predict a, a, BOS and a, b, BOS: p(a) = 1/2, p(b) = 1/6, p(BOS) = 1/3
    surprise = {"a": math.log(2), "b": math.log(6), "BOS": math.log(3)}
    wanted = (
        (2 * surprise["a"] + surprise["BOS"]) / 3
        + (surprise["a"] + surprise["b"] + surprise["BOS"]) / 3
    ) / 2
    assert ngram([[2, 0, 0, 2], [2, 0, 1, 2]], 1) == pytest.approx(wanted)


@given(documents=models.documents)
def test_more_context_never_guesses_worse_over_all_predictions(documents: list[str]) -> None:
    # of one document the mean over its positions is the mean over all predictions
    tokens = Tokenizer.of(documents).encode_document("".join(documents))
    figures = [ngram([tokens], n) for n in (1, 2, 3)]
    assert all(b <= a + 1e-12 for a, b in pairwise(figures))


def test_validation_documents_are_the_last_tenth_until_the_run_reaches_them() -> None:
    documents = [str(i) for i in range(25)]
    assert validation_documents(documents) == ["23", "24"]
    assert [seen_count(documents, step) for step in (0, 23, 24, 99)] == [0, 0, 1, 2]
    assert validation_documents(["a"]) == ["a"]


def test_the_validation_loss_is_a_mean_and_does_not_train() -> None:
    session = Session(Config(n_embd=4, n_head=2), ["ab", "ba", "bab"] * 7)
    tokens = [session.tokens(document) for document in session.documents]
    before = models.weights_of(session.engine.state())
    done: list[int] = []
    loss = validation_loss(session.engine, session.token_lists(session.documents), done.append)
    each = [session.engine.forward(t)["loss"][()] for t in tokens]
    assert loss == pytest.approx(math.fsum(each) / len(each), abs=1e-12)
    assert sum(done) == len(tokens)
    assert models.weights_of(session.engine.state()) == before


def test_a_validation_text_that_occurs_twice_is_seen_once_its_copy_is_trained_on() -> None:
    session = Session(Config(n_embd=4, n_head=2, num_steps=100), ["a", "b", "c", "d", "e"] * 40)
    assert seen_count(session.documents, 0) == 0
    assert seen_count(session.documents, 100) == len(validation_documents(session.documents)) == 20


@given(documents=models.documents)
def test_counting_agrees_with_the_definition(documents: list[str]) -> None:
    tokenizer = Tokenizer.of(documents)
    tokens = [tokenizer.encode_document(text) for text in documents]
    found = baselines(tokens, tokenizer.vocab_size)
    for n, figure in ((1, found.unigram), (2, found.bigram), (3, found.trigram)):
        assert figure == pytest.approx(by_definition(tokens, n), abs=1e-12)


def by_definition(documents: list[list[int]], n: int) -> float:
    grams = [
        [(tuple(tokens[max(0, i - n + 1) : i]), tokens[i]) for i in range(1, len(tokens))]
        for tokens in documents
    ]
    every = [gram for document in grams for gram in document]
    contexts = [context for context, _ in every]
    losses = [
        [math.log(contexts.count(gram[0]) / every.count(gram)) for gram in document]
        for document in grams
    ]
    return sum(sum(loss) / len(loss) for loss in losses) / len(losses)


def test_counting_rests_between_slices() -> None:
    documents = [[2, 0, 2], [2, 1, 0, 2]] * 600
    *rests, found = counting(documents, 3)
    assert rests == [None] * 3
    assert found == baselines(documents, 3)


def test_documents_counted_together_do_not_run_into_one_another() -> None:
    documents = [[2, 0, 2], [2, 1, 2]]  # of one length, so counted in one row
    assert ngram(documents, 3) == pytest.approx(by_definition(documents, 3), abs=1e-12)
