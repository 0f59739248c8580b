"""The remedy for a webhook that can't be called: passing it over as long as that lasts."""

import json
import re
from collections.abc import Iterator, Sequence

from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rehearse.result import Finding, Remedy

_FAILED = re.compile(r'failed calling webhook "([^"]+)"')


def of(causes: Sequence[Finding], configurations: Sequence[JSON]) -> Iterator[Remedy]:
    """`configurations`: those in force."""
    failed = {name for cause in causes for name in _FAILED.findall(cause.message)}
    for configuration in configurations:
        hooks = configuration.get("webhooks") or ()
        names = [str(hook["name"]) for hook in hooks if hook.get("name") in failed]
        if not names:
            continue
        changed = {**configuration, "webhooks": [_ignoring(hook) if hook["name"] in names else hook for hook in hooks]}
        name = f"{str(configuration['kind']).lower()}/{objects.name(configuration)}"
        # As a strategic merge patch: webhooks are merged by their names.
        patch = json.dumps({"webhooks": [_ignoring({"name": each}) for each in names]})
        said = f"kubectl patch {name} --type=strategic -p '{patch}'"
        title = f"failurePolicy Ignore of webhook {', '.join(names)}"
        yield Remedy(title, name, "", action="create", manifests=(changed,), said=said)


def _ignoring(hook: JSON) -> JSON:
    return {**hook, "failurePolicy": "Ignore"}
