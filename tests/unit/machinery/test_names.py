"""Rules for names."""

import pytest

from seatrial.machinery import names

SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
LABEL1035 = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
NAME_PART = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
CONFIG_KEY = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
CASES = [
    (names.dns1123_subdomain, "a.b-c.d1", []),
    (names.dns1123_subdomain, "A", [SUBDOMAIN]),
    (names.dns1123_subdomain, "a\n", [SUBDOMAIN]),
    (names.dns1123_subdomain, "a" * 254, ["must be no more than 253 characters"]),
    (names.dns1123_label, "1-a", []),
    (names.dns1123_label, "a.b", ["must not contain dots"]),
    (names.dns1123_label, "a_b", [LABEL]),
    (names.dns1123_label, "a" * 64, ["must be no more than 63 characters"]),
    (names.dns1035_label, "a-1", []),
    (names.dns1035_label, "1-a", [LABEL1035]),
    (names.qualified_name, "example.com/My_Name", []),
    (names.qualified_name, "/a", ["prefix part must be non-empty"]),
    (names.qualified_name, "A/a", [f"prefix part {SUBDOMAIN}"]),
    (names.qualified_name, "a/", ["name part must be non-empty", NAME_PART]),
    (names.qualified_name, "a" * 64, ["name part must be no more than 63 characters"]),
    (names.label_value, "", []),
    (names.label_value, "a" * 64, ["must be no more than 63 characters"]),
    (names.path_segment, "a:b", []),
    (names.path_segment, "..", ["may not be '..'"]),
    (names.path_segment, "a/b%", ["may not contain '/'", "may not contain '%'"]),
    (names.config_map_key, "..", ["must not be '..'"]),
    (names.config_map_key, "..a", ["must not start with '..'"]),
    (names.config_map_key, "a b", [CONFIG_KEY]),
    (names.port_number, 0, ["must be between 1 and 65535, inclusive"]),
    (names.port_number, 65535, []),
    (names.port_name, "http-8", []),
    (names.port_name, "80", ["must contain at least one letter (a-z)"]),
    (names.port_name, "a--b", ["must not contain consecutive hyphens"]),
    (names.port_name, "a-", ["must not begin or end with a hyphen"]),
    (names.port_name, "a" * 16, ["must be no more than 15 characters"]),
    (
        names.percent,
        "5",
        [
            "a valid percent string must be a numeric string followed by an ending '%' "
            "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
        ],
    ),
    (names.ip_address, "10.0.0.1", []),
    (names.ip_address, "10.0.0.256", ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]),
    (
        names.relaxed_env_var_name,
        "a=b",
        ["a valid environment variable name must consist only of printable ASCII characters other than '='"],
    ),
    (names.relaxed_env_var_name, "1 a", []),
]


@pytest.mark.parametrize(
    ("rule", "value", "messages"), CASES, ids=[f"{c[0].__name__} {str(c[1])[:12]!r}" for c in CASES]
)
def test_each_rule_has_kubernetes_words(rule, value, messages):
    assert list(rule(value)) == messages
