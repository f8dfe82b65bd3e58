"""Exact arithmetic over a small grammar: no names, no calls, no eval, and bounds on the work."""

import ast
import operator
from collections.abc import Callable
from fractions import Fraction

MAX_EXPRESSION_LENGTH = 1000
_MAX_EXPONENT = 1000
_MAX_BITS = 20_000
_DECIMALS = 20

_BINARY: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: lambda left, right: Fraction(left // right),
    ast.Mod: operator.mod,
}


class CalculationError(ValueError):
    """The expression cannot be worked out; the message says why."""


def calculate(expression: str) -> str:
    """The exact value of an expression of numbers, + - * / // % ** and parentheses, as text.

    A value that is no finite decimal is rounded to 20 decimals. Raises CalculationError.
    """
    if len(expression) > MAX_EXPRESSION_LENGTH:
        raise CalculationError(f"the expression is longer than {MAX_EXPRESSION_LENGTH} characters")
    try:
        tree = ast.parse(expression.strip().replace("^", "**"), mode="eval")
        return _shown(_value(tree.body))
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        if isinstance(error, CalculationError):
            raise
        raise CalculationError(f"{expression!r} is no arithmetic expression") from None
    except ZeroDivisionError:
        raise CalculationError("division by zero") from None


def _value(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=bool() | str() | bytes() | None):
            raise CalculationError("only numbers can be calculated with")
        case ast.Constant(value=int() | float() as number):
            return Fraction(ast.unparse(node)) if isinstance(number, float) else Fraction(number)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _bounded(_BINARY[type(op)](_value(left), _value(right)))
    raise CalculationError(f"{ast.unparse(node)[:60]!r} is not allowed: use numbers, + - * / // % ** and parentheses")


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1 or abs(exponent) > _MAX_EXPONENT:
        raise CalculationError(f"an exponent must be a whole number up to {_MAX_EXPONENT}")
    if max(base.numerator.bit_length(), base.denominator.bit_length()) * abs(int(exponent)) > _MAX_BITS:
        raise CalculationError("the result is too large")
    return Fraction(base ** int(exponent))


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MAX_BITS:
        raise CalculationError("the result is too large")
    return value


def _shown(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    scaled = round(value * 10**_DECIMALS)
    digits = str(abs(scaled)).rjust(_DECIMALS + 1, "0")
    text = f"{digits[:-_DECIMALS]}.{digits[-_DECIMALS:]}".rstrip("0").rstrip(".")
    return f"-{text}" if scaled < 0 else text
