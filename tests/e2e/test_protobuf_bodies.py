"""Bodies in protobuf, as typed Go clients send them: whole objects, by the numbers that kubectl itself knows."""

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from e2e import kubectl_descriptors, kubectl_world, real_clients
from e2e.kubectl_descriptors import MESSAGE, Field
from e2e.kubectl_world import JSON, Kubectl
from seatrial.api import protobuf_fields
from seatrial.machinery import protobuf

pytestmark = pytest.mark.e2e

EMBEDDED = {"LocalObjectReference", "ProbeHandler", "VolumeSource"}
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: whole
  labels: {app: whole}
  annotations: {note: "a b"}
spec:
  replicas: 0
  paused: true
  revisionHistoryLimit: 0
  selector: {matchLabels: {app: whole}, matchExpressions: [{key: app, operator: In, values: [whole, half]}]}
  strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 0, maxSurge: 25%}}
  template:
    metadata: {labels: {app: whole}}
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 5
      securityContext: {runAsUser: 0, fsGroup: 2000, supplementalGroups: [1, 2]}
      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
          - weight: 1
            podAffinityTerm: {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: whole}}}
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: Exists}]}]
      tolerations: [{key: a, operator: Exists, effect: NoExecute, tolerationSeconds: 0}]
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: whole}}}
      volumes:
      - {name: scratch, emptyDir: {}}
      - {name: sized, emptyDir: {medium: Memory, sizeLimit: 1Gi}}
      - {name: settings, configMap: {name: settings, optional: false, items: [{key: a, path: b, mode: 420}]}}
      - {name: keys, secret: {secretName: keys, defaultMode: 256}}
      - {name: host, hostPath: {path: /tmp, type: Directory}}
      initContainers: [{name: first, image: busybox, command: [sh, -c, "true"]}]
      containers:
      - name: main
        image: nginx:1.10.1
        args: ["", b]
        ports: [{name: http, containerPort: 80, protocol: TCP}]
        env:
        - {name: A, value: b}
        - {name: B, valueFrom: {secretKeyRef: {name: keys, key: k, optional: true}}}
        - {name: C, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.name}}}
        - {name: D, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1m}}}
        envFrom: [{prefix: P_, configMapRef: {name: settings}}]
        resources: {limits: {cpu: 100m, memory: 1Gi}, requests: {cpu: 10m}}
        volumeMounts: [{name: scratch, mountPath: /scratch, readOnly: true, subPath: x}]
        readinessProbe: {httpGet: {path: /, port: http, scheme: HTTP}, periodSeconds: 1}
        livenessProbe: {exec: {command: ["true"]}, initialDelaySeconds: 5, terminationGracePeriodSeconds: 3}
        startupProbe: {tcpSocket: {port: 80}, failureThreshold: 30}
        lifecycle: {preStop: {exec: {command: [sleep, "1"]}}, postStart: {sleep: {seconds: 1}}}
        securityContext: {privileged: false, capabilities: {add: [NET_ADMIN], drop: [ALL]}}
"""


@cache
def descriptors() -> dict[str, list[Field]]:
    return kubectl_descriptors.messages(Path(real_clients.kubectl()))


def encode(obj: JSON, message: str) -> bytes:
    """An object as a Go client writes it, by kubectl's descriptors."""
    return b"".join(encode_field(obj, one) for one in descriptors()[message])


def encode_field(obj: JSON, one: Field) -> bytes:
    if one.name not in obj:
        # A struct that Go embeds has no name in JSON: its fields stand here.
        if one.type != MESSAGE or one.repeated or not EMBEDDED & {one.message.rpartition(".")[2]}:
            return b""
        return tagged(one.number, encode(obj, one.message))
    value = obj[one.name]
    if one.repeated and isinstance(value, dict):
        entry = descriptors()[one.message]
        pairs = (encode_one(key, entry[0]) + encode_one(inner, entry[1]) for key, inner in value.items())
        return b"".join(tagged(one.number, pair) for pair in pairs)
    return b"".join(encode_one(inner, one) for inner in (value if one.repeated else [value]))


def encode_one(value: Any, one: Field) -> bytes:
    if one.type == MESSAGE:
        return tagged(one.number, encode_message(value, one.message))
    if isinstance(value, int):
        return varint(one.number << 3) + varint(value & (1 << 64) - 1)
    return tagged(one.number, base64.b64decode(value) if one.type == 12 else value.encode())


def encode_message(value: Any, message: str) -> bytes:
    if message.endswith(".Quantity"):
        return tagged(1, value.encode())
    if message.endswith(".IntOrString"):
        text = isinstance(value, str)
        return b"\x08" + varint(int(text)) + (tagged(3, value.encode()) if text else b"\x10" + varint(value))
    return encode(value, message)


def tagged(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*data, value])


def body_of(obj: JSON, message: str) -> bytes:
    kind = tagged(1, tagged(1, obj["apiVersion"].encode()) + tagged(2, obj["kind"].encode()))
    return protobuf.MAGIC + kind + tagged(2, encode(obj, message))


def test_the_numbers_are_those_of_kubectl() -> None:
    assert kubectl_descriptors.table(Path(real_clients.kubectl())) == protobuf_fields.FILE.read_text()


def test_a_whole_deployment_arrives_as_its_json_would(kubectl: Kubectl) -> None:
    wanted = yaml.safe_load(DEPLOYMENT)
    settings = yaml.safe_load(Path(kubectl.cluster.kubeconfig).read_text())
    token = settings["users"][0]["user"]["token"]
    url = f"{kubectl.cluster.url}/apis/apps/v1/namespaces/{kubectl.namespace}/deployments"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/vnd.kubernetes.protobuf"}
    with httpx.Client(verify=False, headers=headers) as client:
        made = client.post(url, content=body_of(wanted, "k8s.io.api.apps.v1.Deployment"))
    assert made.status_code == 201, made.text
    from_protobuf = kubectl.json("get", "deployment", "whole")["spec"]
    wanted["metadata"]["name"] = "json"
    kubectl.create(wanted)
    assert from_protobuf == kubectl.json("get", "deployment", "json")["spec"]


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (kubectl_world.config_map("settings", a="1"), "core.v1.ConfigMap"),
        (yaml.safe_load(DEPLOYMENT), "apps.v1.Deployment"),
    ],
    ids=["ConfigMap", "Deployment"],
)
def test_what_is_encoded_is_decoded(obj: JSON, message: str) -> None:
    envelope = protobuf.open_envelope(body_of(obj, f"k8s.io.api.{message}"))
    decoded = protobuf.decode(envelope.raw, message, protobuf_fields.load())
    expected = {name: value for name, value in obj.items() if name not in ("apiVersion", "kind")}
    assert json.dumps(decoded, sort_keys=True) == json.dumps(expected, sort_keys=True)
