"""Numbers at the public API: one canonical text out, only real numbers in."""

from decimal import Decimal

import pytest

from trading.decimals import decimal_text, parse_decimal, ppm_text, scaled_text


@pytest.mark.parametrize(
    ("units", "scale", "text"),
    [
        (65000, 0, "65000"),
        (650000, 1, "65000"),
        (1, 8, "0.00000001"),
        (10**8, 8, "1"),
        (123456, 4, "12.3456"),
        (-5, 4, "-0.0005"),
        (-120, 2, "-1.2"),
        (0, 8, "0"),
    ],
)
def test_scaled_text_is_canonical(units: int, scale: int, text: str) -> None:
    assert scaled_text(units, scale) == text
    assert decimal_text(Decimal(units).scaleb(-scale)) == text


def test_rates_are_fractions_of_one() -> None:
    assert ppm_text(1000) == "0.001"
    assert ppm_text(-500) == "-0.0005"


@pytest.mark.parametrize("value", ["0.1", "65000", "-3", "000.5", 7, 0.1, 1e-7])
def test_numbers_come_as_text_or_json_numbers(value: object) -> None:
    assert parse_decimal(value) == Decimal(str(value))


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "NaN",
        "nan",
        "Infinity",
        "-inf",
        "1e5",
        "1_000",
        "0x10",
        "٣",
        "1,5",
        "--1",
        "1.2.3",
        "9" * 60,
        "0." + "1" * 40,
        True,
        None,
        [],
        {},
        float("nan"),
        float("inf"),
        10**40,
    ],
)
def test_anything_else_is_no_number(value: object) -> None:
    assert parse_decimal(value) is None
