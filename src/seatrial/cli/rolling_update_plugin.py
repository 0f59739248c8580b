"""`kubectl-rolling_update`: found on the PATH, it is what `kubectl rolling-update` runs (kubectl's plugins)."""

from seatrial.cli import main as cli
from seatrial.cli.commands import rolling_update


def main() -> None:
    """The entry point of the console script."""
    cli.exit_with(rolling_update.command, prog_name="kubectl rolling-update")


if __name__ == "__main__":
    main()
