"""Rules for names, labels, ports and keys: each function returns the messages for a value, none if it is fine.

Follows k8s.io/apimachinery/pkg/util/validation/validation.go and pkg/api/validation/path/name.go (1.32).
"""

import ipaddress
import re
from functools import lru_cache

_DNS1123_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DNS1123_SUBDOMAIN = rf"{_DNS1123_LABEL}(\.{_DNS1123_LABEL})*"
_DNS1035_LABEL = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_QUALIFIED_NAME})?"
_CONFIG_MAP_KEY = "[-._a-zA-Z0-9]+"
_ENV_VAR_NAME = "[-._a-zA-Z][-._a-zA-Z0-9]*"
_C_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"
_HTTP_HEADER = "[-A-Za-z0-9]+"
_PERCENT = "[0-9]+%"

_ALPHANUMERIC_ENDS = "and must start and end with an alphanumeric character"
_QUALIFIED_TEXT = f"must consist of alphanumeric characters, '-', '_' or '.', {_ALPHANUMERIC_ENDS}"
_PORT_TEXT = "must be between 1 and 65535, inclusive"

_label_re = re.compile(_DNS1123_LABEL)
_subdomain_re = re.compile(_DNS1123_SUBDOMAIN)
_label1035_re = re.compile(_DNS1035_LABEL)
_qualified_re = re.compile(_QUALIFIED_NAME)
_value_re = re.compile(_LABEL_VALUE)
_config_map_key_re = re.compile(_CONFIG_MAP_KEY)
_env_var_re = re.compile(_ENV_VAR_NAME)
_http_header_re = re.compile(_HTTP_HEADER)
_percent_re = re.compile(_PERCENT)
_port_name_re = re.compile("[-a-z0-9]+")
_letter_re = re.compile("[a-z]")


def max_length(limit: int) -> str:
    """The message for text that is too long."""
    return f"must be no more than {limit} characters"


def regex_error(message: str, pattern: str, *examples: str) -> str:
    """Upstream's RegexError, including its doubled blanks between examples."""
    if not examples:
        return f"{message} (regex used for validation is '{pattern}')"
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{message} (e.g. {shown}regex used for validation is '{pattern}')"


@lru_cache(maxsize=8192)
def dns1123_subdomain(value: str) -> tuple[str, ...]:
    """The rule for most object names."""
    messages = [max_length(253)] if len(value.encode()) > 253 else []
    if not _subdomain_re.fullmatch(value):
        text = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
            f"{_ALPHANUMERIC_ENDS}"
        )
        messages.append(regex_error(text, _DNS1123_SUBDOMAIN, "example.com"))
    return tuple(messages)


@lru_cache(maxsize=4096)
def dns1123_label(value: str) -> tuple[str, ...]:
    """The rule for namespaces, containers and volumes."""
    messages = [max_length(63)] if len(value.encode()) > 63 else []
    if not _label_re.fullmatch(value):
        if _subdomain_re.fullmatch(value):
            messages.append("must not contain dots")
        else:
            text = (
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
                f"{_ALPHANUMERIC_ENDS}"
            )
            messages.append(regex_error(text, _DNS1123_LABEL, "my-name", "123-abc"))
    return tuple(messages)


@lru_cache(maxsize=1024)
def dns1035_label(value: str) -> tuple[str, ...]:
    """The rule for Services."""
    messages = [max_length(63)] if len(value.encode()) > 63 else []
    if not _label1035_re.fullmatch(value):
        text = (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
            "start with an alphabetic character, and end with an alphanumeric character"
        )
        messages.append(regex_error(text, _DNS1035_LABEL, "my-name", "abc-123"))
    return tuple(messages)


def path_segment(value: str) -> tuple[str, ...]:
    """The rule for names that must only fit into a URL path."""
    if value in (".", ".."):
        return (f"may not be '{value}'",)
    return tuple(f"may not contain '{char}'" for char in ("/", "%") if char in value)


@lru_cache(maxsize=8192)
def qualified_name(value: str) -> tuple[str, ...]:
    """The rule for label keys: `[prefix/]name`."""
    parts = value.split("/")
    messages: list[str] = []
    if len(parts) > 2:
        text = regex_error(_QUALIFIED_TEXT, _QUALIFIED_NAME, "MyName", "my.name", "123-abc")
        return (f"a qualified name {text} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",)
    if len(parts) == 2:
        if not parts[0]:
            messages.append("prefix part must be non-empty")
        else:
            messages.extend(f"prefix part {message}" for message in dns1123_subdomain(parts[0]))
    name = parts[-1]
    if not name:
        messages.append("name part must be non-empty")
    elif len(name) > 63:
        messages.append(f"name part {max_length(63)}")
    if not _qualified_re.fullmatch(name):
        text = regex_error(_QUALIFIED_TEXT, _QUALIFIED_NAME, "MyName", "my.name", "123-abc")
        messages.append(f"name part {text}")
    return tuple(messages)


@lru_cache(maxsize=8192)
def label_value(value: str) -> tuple[str, ...]:
    """The rule for label values."""
    messages = [max_length(63)] if len(value.encode()) > 63 else []
    if not _value_re.fullmatch(value):
        text = (
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
            f"{_ALPHANUMERIC_ENDS}"
        )
        messages.append(regex_error(text, _LABEL_VALUE, "MyValue", "my_value", "12345"))
    return tuple(messages)


def config_map_key(value: str) -> tuple[str, ...]:
    """The rule for keys of ConfigMaps and Secrets, which become file names."""
    messages = [max_length(253)] if len(value.encode()) > 253 else []
    if not _config_map_key_re.fullmatch(value):
        text = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        messages.append(regex_error(text, _CONFIG_MAP_KEY, "key.name", "KEY_NAME", "key-name"))
    return (*messages, *_directory_prefix(value))


def _directory_prefix(value: str) -> tuple[str, ...]:
    if value in (".", ".."):
        return (f"must not be '{value}'",)
    return ("must not start with '..'",) if value.startswith("..") else ()


def env_var_name(value: str) -> tuple[str, ...]:
    """The strict rule for environment variables (also for prefixes of envFrom)."""
    messages: list[str] = []
    if not _env_var_re.fullmatch(value):
        text = (
            "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', "
            "and must not start with a digit"
        )
        messages.append(regex_error(text, _ENV_VAR_NAME, "my.env-name", "MY_ENV.NAME", "MyEnvName1"))
    return (*messages, *_directory_prefix(value))


def relaxed_env_var_name(value: str) -> tuple[str, ...]:
    """The rule for environment variables since 1.32: printable ASCII without `=`."""
    messages = [] if value else ["environment variable name must be non-empty"]
    if any(not " " <= char <= "~" or char == "=" for char in value):
        text = "a valid environment variable name must consist only of printable ASCII characters other than '='"
        messages.append(text)
    return tuple(messages)


def http_header_name(value: str) -> tuple[str, ...]:
    """The rule for names of HTTP headers in probes and hooks."""
    if _http_header_re.fullmatch(value):
        return ()
    text = "a valid HTTP header must consist of alphanumeric characters or '-'"
    return (regex_error(text, _HTTP_HEADER, "X-Header-Name"),)


def port_number(value: int) -> tuple[str, ...]:
    """The rule for port numbers."""
    return () if 1 <= value <= 65535 else (_PORT_TEXT,)


def port_name(value: str) -> tuple[str, ...]:
    """The rule for port names that targetPort and probes refer to (IANA service names)."""
    messages = [max_length(15)] if len(value) > 15 else []
    if not _port_name_re.fullmatch(value):
        messages.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not _letter_re.search(value):
        messages.append("must contain at least one letter (a-z)")
    if "--" in value:
        messages.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        messages.append("must not begin or end with a hyphen")
    return tuple(messages)


def percent(value: str) -> tuple[str, ...]:
    """The rule for `25%`."""
    if _percent_re.fullmatch(value):
        return ()
    text = "a valid percent string must be a numeric string followed by an ending '%'"
    return (regex_error(text, _PERCENT, "1%", "93%"),)


def ip_address(value: str) -> tuple[str, ...]:
    """The rule for IPv4 and IPv6 addresses."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return ("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",)
    return ()
