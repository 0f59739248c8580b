"""A file that says how much work there is over time (`seatrial up --load-curve`): see `workloads.load`."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from seatrial.base.errors import ToolError
from seatrial.workloads import load
from seatrial.workloads.load import Load


def read(path: Path, began: float) -> Load:
    """The curves in a YAML file: one mapping, a list of them, or several documents; times count from `began`.

    Raises ToolError that names the file and what is wrong with it.
    """
    try:
        documents = [document for document in yaml.safe_load_all(path.read_text()) if document]
        curves = [each for document in documents for each in (document if isinstance(document, list) else [document])]
        if not all(isinstance(each, Mapping) for each in curves):
            raise ValueError("a load curve is a mapping with `target` and `points`")
        return load.from_documents(curves, began)
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}") from None
    except (ValueError, yaml.YAMLError) as error:
        raise ToolError(f"{path}: {error}") from None
