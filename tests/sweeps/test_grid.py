"""What the words of a sweep mean."""

import pytest

from stabilitylab.sweeps import parse


def test_a_grid_is_every_combination_and_the_last_axis_changes_first():
    grid = parse(["lr=1e-3,1e-2", "model.width=16,32", "seeds=0-2"])
    assert len(grid) == 12
    settings = list(grid)
    assert settings[0] == {"lr": 1e-3, "model.width": 16, "seed": 0}
    assert [s["seed"] for s in settings[:4]] == [0, 1, 2, 0] and settings[-1] == {"lr": 1e-2, "model.width": 32, "seed": 2}


def test_a_range_has_equal_factors_and_both_ends():
    (rates,) = parse(["lr=1e-4..1e-1:4"]).axes.values()
    assert rates == (1e-4, 1e-3, 1e-2, 1e-1)
    (widths,) = parse(["model.width=8..64:4"]).axes.values()
    assert widths == (8, 16, 32, 64)


@pytest.mark.parametrize(
    "word, values",
    [
        ("optimizer=sgd,adamw", ("sgd", "adamw")),
        ("clip_norm=none,1.0", (None, 1.0)),
        ("betas=0.9/0.95,0.9/0.999", ((0.9, 0.95), (0.9, 0.999))),
        ("master_weights=true,False", (True, False)),
        ("steps=10,10,20", (10, 20)),
        ("seeds=3,5", (3, 5)),
        ("seeds=4", (4,)),
    ],
)
def test_values_are_of_the_kind_of_their_field(word, values):
    assert tuple(parse([word]).axes.values()) == (values,)


@pytest.mark.parametrize(
    "words, said",
    [
        ([], "no setting is given"),
        (["lr"], "'lr' is no setting; write it as lr=1e-3,1e-2"),
        (["rate=1"], "'rate' is no setting of a run; the settings are steps, batch_size"),
        (["model=1"], "'model' is no setting of a run"),
        (["lr=1", "lr=2"], "lr is given twice"),
        (["lr=fast"], "lr is 'fast'; it must be a number"),
        (["steps=1.5"], "steps is '1.5'; it must be a whole number"),
        (["master_weights=maybe"], "master_weights is 'maybe'; it must be true or false"),
        (["betas=0.9"], "betas is '0.9'; it must be two numbers, as in 0.9/0.95"),
        (["lr=1e-1..1e-4:3"], "a range needs 0 < low < high"),
        (["lr=1e-4..1e-1"], "a range is written low..high:count"),
        (["optimizer=a..b:3"], "a range is written low..high:count"),
        (["dtype=1..2:3"], "a range is for numbers, and dtype is none"),
        (["seeds=4-0"], "seeds is '4-0', which holds none"),
        (["seeds=a-b"], "seeds is 'a-b'; write it as 0-4 or 0,1,2"),
    ],
)
def test_a_word_that_makes_no_sense_is_named_with_what_would_do(words, said):
    with pytest.raises(ValueError) as error:
        parse(words)
    assert said in str(error.value)
