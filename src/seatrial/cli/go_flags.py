"""Options as kubectl reads them: `--flag=true`, `--flag=f`, `--update_period`, durations like 1m30s (spf13/pflag)."""

from typing import Any

import click

from seatrial.base.errors import ToolError
from seatrial.machinery import go_duration

_TRUTH = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic only from click 8.3 on
    """A duration in Go's syntax, as seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        try:
            return go_duration.parse(str(value))
        except ValueError as error:
            flag = param.opts[-1] if param else "duration"
            raise click.UsageError(f'invalid argument "{value}" for "{flag}" flag: {error}', ctx) from None


class GoCommand(click.Command):
    """A command whose flags may also be written `--flag=true` and `--some_flag`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return self._parse_args(ctx, args)
        except click.UsageError as error:
            raise ToolError(f"{_words(error)}\nSee '{ctx.command_path} --help' for usage.") from None

    def _parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options = {opt: param for param in self.params if isinstance(param, click.Option) for opt in param.opts}
        given: dict[str, bool] = {}
        kept: list[str] = []
        for position, argument in enumerate(args):
            if argument == "--":
                kept += args[position:]
                break
            argument = _normal(argument)
            flag, equals, text = argument.partition("=")
            option = options.get(flag)
            if option is None or not option.is_flag or option.count:
                kept.append(argument)
                continue
            given[str(option.name)] = _truth(flag, text, ctx) if equals else True
        rest = super().parse_args(ctx, kept)
        ctx.params.update(given)
        return rest


def _words(error: click.UsageError) -> str:
    """What pflag says."""
    if isinstance(error, click.NoSuchOption):
        name = error.option_name
        return f"unknown flag: {name}" if name.startswith("--") else f"unknown shorthand flag: {name[1:]!r} in {name}"
    if isinstance(error, click.BadOptionUsage):
        return f"flag needs an argument: {error.option_name}"
    return error.format_message()


def _normal(argument: str) -> str:
    if not argument.startswith("--"):
        return argument
    flag, equals, value = argument.partition("=")
    return flag.replace("_", "-") + equals + value


def _truth(flag: str, text: str, ctx: click.Context) -> bool:
    if text not in _TRUTH:
        raise click.UsageError(
            f'invalid argument "{text}" for "{flag}" flag: strconv.ParseBool: parsing "{text}": invalid syntax', ctx
        )
    return _TRUTH[text]


def comma_separated(ctx: click.Context, param: click.Parameter, value: Any) -> tuple[str, ...]:
    """`-f a,b -f c` is three."""
    return tuple(part for text in value or () for part in str(text).split(",") if part)
