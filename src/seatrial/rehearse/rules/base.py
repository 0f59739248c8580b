"""What a rule is, and what it may look at."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.machinery.gvk import ResourceRef
from seatrial.node.runtimes.simulated import Model
from seatrial.rehearse.course import Course
from seatrial.rehearse.lives import PodLife, hash_of
from seatrial.rehearse.target import Counts, Target, counts
from seatrial.rollout import newest


@dataclass(frozen=True)
class Case:
    """One workload after the rehearsal. `obj`: as it is at the end; `now` in seconds since 1970."""

    target: Target
    obj: JSON
    course: Course
    model: Model
    now: float

    @property
    def name(self) -> str:
        return self.target.shown

    @property
    def spec(self) -> JSON:
        spec: JSON = self.obj["spec"]
        return spec

    @property
    def pod_spec(self) -> JSON:
        spec: JSON = self.spec["template"].get("spec") or {}
        return spec

    @property
    def newest_pod_spec(self) -> JSON:
        """As admission makes it of the template, where a Pod of it has been made."""
        _, pods = newest.of(self.obj, self.target.resource.kind, self.course)
        spec: JSON = pods[0]["spec"] if pods else self.pod_spec
        return spec

    @property
    def before(self) -> JSON | None:
        """The workload before the change."""
        return next((obj for obj in self.course.at_first(self.target.resource) if self.target.is_this(obj)), None)

    @property
    def is_another_version(self) -> bool:
        """Whether its template was another one before the change."""
        return self.before is not None and self.before["spec"].get("template") != self.spec.get("template")

    @property
    def has_rolled(self) -> bool:
        """Whether there have been Pods of another version than the newest one: not where only the size changes."""
        owners, pods = newest.of(self.obj, self.target.resource.kind, self.course)
        new = {hash_of(each) for each in (*owners, *pods)}
        return any(life.hash and life.hash not in new for life in self.lives)

    @property
    def pod_labels(self) -> JSON:
        return (self.spec["template"].get("metadata") or {}).get("labels") or {}

    @property
    def containers(self) -> Sequence[JSON]:
        return self.pod_spec.get("containers") or ()

    @property
    def counts(self) -> Counts:
        return counts(self.obj)

    @property
    def rolls(self) -> bool:
        """A Deployment that replaces its Pods little by little."""
        return self.target.resource.kind == "Deployment" and strategy(self.spec).get("type") != "Recreate"

    @property
    def replaces(self) -> bool:
        """Whether Pods of an old version are still there: more than its size changes."""
        owners, pods = newest.of(self.obj, self.target.resource.kind, self.course)
        new = {hash_of(each) for each in (*owners, *pods)}
        return any(life.state != "gone" and life.hash and life.hash not in new for life in self.lives)

    @property
    def lives(self) -> list[PodLife]:
        """Of its own Pods, those that are gone included."""
        return [life for life in self.course.lives.values() if self.course.owner_of(life.pod) == self.target]

    def there(self, resource: ResourceRef) -> list[JSON]:
        """The objects of a kind in the workload's namespace; all of a kind that has none."""
        namespace = self.target.namespace
        return [obj for obj in self.course.all(resource) if objects.namespace(obj) in (namespace, "")]


def strategy(spec: JSON) -> JSON:
    return spec.get("strategy") or {}


Found = Iterator[tuple[str, tuple[str, ...]]]
"""(message, objects) of every place where a rule applies."""


@dataclass(frozen=True)
class Rule:
    """`title` in a few words; `why`: what happens, and to whom; `see`: how to see it; `remedy`: what to do, in words.

    `check` is pure.
    """

    id: str
    title: str
    why: str
    see: str
    remedy: str
    check: Callable[[Case], Found]
