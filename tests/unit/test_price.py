"""Money of a model call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime.domain.price import Price, Usage, cost_microdollars, estimate_microdollars

PRICE = Price(3_000_000, 15_000_000, 300_000, 3_750_000)


def test_cached_tokens_are_part_of_the_input_and_have_prices_of_their_own() -> None:
    usage = Usage(1_000, 100, cache_read_tokens=600, cache_write_tokens=200)
    assert cost_microdollars(usage, PRICE) == 200 * 3 + 180 + 750 + 1_500


def test_missing_cache_prices_fall_back_to_the_input_price() -> None:
    usage = Usage(1_000, 0, cache_read_tokens=600, cache_write_tokens=200)
    assert cost_microdollars(usage, Price(3_000_000, 15_000_000)) == 3_000


@pytest.mark.parametrize("price", [None, Price(None, 1), Price(1, None), Price(None, None)])
def test_an_unknown_price_is_unknown_and_not_zero(price: Price | None) -> None:
    assert cost_microdollars(Usage(10, 10), price) is None
    assert estimate_microdollars(10, 10, price) is None


def test_a_price_of_zero_costs_zero() -> None:
    assert cost_microdollars(Usage(10, 10), Price(0, 0)) == 0


@pytest.mark.parametrize(("tokens", "cost"), [(1, 0), (4, 0), (5, 1), (14, 1), (15, 2)])
def test_half_a_microdollar_rounds_up_once_for_the_whole_call(tokens: int, cost: int) -> None:
    assert cost_microdollars(Usage(tokens, 0), Price(100_000, 100_000)) == cost


def test_more_cached_than_input_tokens_never_makes_money() -> None:
    cost = cost_microdollars(Usage(10, 0, cache_read_tokens=100), PRICE)
    assert cost == 30


tokens = st.integers(0, 10**7)
prices = st.integers(0, 10**9)


@given(tokens, tokens, tokens, tokens, prices, prices)
def test_the_estimate_is_never_below_the_cost(
    input_tokens: int, read: int, write: int, output: int, input_price: int, output_price: int
) -> None:
    price = Price(input_price, output_price, input_price // 10, input_price * 5 // 4)
    whole = input_tokens + read + write
    cost = cost_microdollars(Usage(whole, output, read, write), price)
    estimate = estimate_microdollars(whole, output, price)
    assert cost is not None
    assert estimate is not None
    assert cost <= estimate
