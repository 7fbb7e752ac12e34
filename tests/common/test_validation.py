"""Settings of the wrong kind are refused where pydantic would take them for another."""

import pytest
from pydantic import BaseModel

from lethe.common.errors import LetheError
from lethe.common.validation import validated
from lethe.model.settings import Compute
from lethe.unlearn import methods


class Inner(BaseModel):
    count: int = 1
    flag: bool = False


class Outer(BaseModel):
    rate: float = 0.1
    inner: Inner = Inner()
    numbers: tuple[float, ...] = ()
    by_name: dict[str, int] = {}
    text: str = ""


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"rate": True}, "x.rate: input should be a number, found True"),
        ({"rate": "0.1"}, "x.rate: input should be a number, found '0.1'"),
        ({"rate": float("inf")}, "x.rate: input should be a finite number, found inf"),
        ({"rate": 10**309}, f"x.rate: input should be a valid number, found {10**309}"),
        (
            {"inner": {"count": 10**309}},
            f"x.inner.count: input should be a finite number, found {10**309}",
        ),
        ({"rate": float("nan")}, "x.rate: input should be a finite number, found nan"),
        ({"inner": {"count": "010"}}, "x.inner.count: input should be a number, found '010'"),
        ({"inner": {"flag": 0}}, "x.inner.flag: input should be true or false, found 0"),
        ({"inner": {"flag": "no"}}, "x.inner.flag: input should be true or false, found 'no'"),
        ({"numbers": [1, True]}, "x.numbers.1: input should be a number, found True"),
        ({"by_name": {"a": "1"}}, "x.by_name.a: input should be a number, found '1'"),
    ],
)
def test_values_of_another_kind_are_refused(values, words):
    with pytest.raises(LetheError) as caught:
        validated(Outer, values, "x")
    assert str(caught.value) == words


def test_values_of_the_kind_are_taken():
    values = {"rate": 1, "inner": {"count": 2, "flag": True}, "numbers": [1, 2.5], "text": "010"}
    made = validated(Outer, values, "x")
    assert (made.rate, made.inner.count, made.inner.flag, made.numbers) == (1, 2, True, (1, 2.5))


@pytest.mark.parametrize("value", [True, "5", "010", float("inf")])
def test_methods_take_no_such_number(value):
    with pytest.raises(LetheError, match=r"^npo\.epochs: "):
        methods.load("npo")({"epochs": value}, "npo")


def test_nor_does_compute():
    with pytest.raises(LetheError, match=r"gradient_checkpointing: input should be true or false"):
        validated(Compute, {"gradient_checkpointing": 1}, "--compute")
