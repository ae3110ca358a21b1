"""A strict reader of the Prometheus text format 0.0.4: what a lenient one would
let pass is an error here."""

import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
HELP = re.compile(r"# HELP (%s) ((?:[^\\]|\\\\|\\n)+)" % NAME)
TYPE = re.compile(r"# TYPE (%s) (counter|gauge|histogram)" % NAME)
SAMPLE = re.compile(r"(%s)(?:\{(.+)\})? (\S+)" % NAME)
LABEL = re.compile(
    r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\\\|\\"|\\n)*)"(?:,(?=.)|$)')


class Family:

    def __init__(self, name):
        self.name = name
        self.type = None
        self.series = {}  # (sample name, frozenset of labels) -> value


def _read_labels(text):
    labels, position = {}, 0
    while position < len(text):
        match = LABEL.match(text, position)
        assert match, "bad labels: " + text
        assert match.group(1) not in labels, "label twice: " + text
        labels[match.group(1)] = match.group(2)
        position = match.end()
    return labels


def _check_histogram(family):
    """Buckets go up to +Inf, in order, and agree with count."""
    groups = {}
    for (name, labels), value in family.series.items():
        rest = frozenset(pair for pair in labels if pair[0] != "le")
        group = groups.setdefault(rest, {"buckets": []})
        suffix = name[len(family.name):]
        if suffix == "_bucket":
            group["buckets"].append((dict(labels)["le"], value))
        else:
            assert suffix in ("_sum", "_count"), name
            group[suffix] = value
    for group in groups.values():
        bounds = [float(bound) for bound, _ in group["buckets"]]
        counts = [count for _, count in group["buckets"]]
        assert bounds == sorted(set(bounds)), family.name
        assert counts == sorted(counts), family.name
        assert group["buckets"][-1] == ("+Inf", group["_count"]), family.name
        assert group["_sum"] >= 0, family.name


def _check(family):
    assert family.type is not None, "no TYPE: " + family.name
    assert family.series, "no samples: " + family.name
    if family.type == "histogram":
        _check_histogram(family)
        return
    for (name, _), value in family.series.items():
        assert name == family.name, name
        if family.type == "counter":
            assert name.endswith("_total"), name
            assert value >= 0, name
        else:
            assert not name.endswith("_total"), name


def parse(text):
    """Returns {name: Family}; an AssertionError says what is wrong."""
    assert text.endswith("\n"), "the last line does not end"
    families, family = {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            match = HELP.fullmatch(line)
            assert match, "bad line: " + line
            assert match.group(1) not in families, "family twice: " + line
            if family:
                _check(family)
            family = families[match.group(1)] = Family(match.group(1))
            continue
        if line.startswith("#"):
            match = TYPE.fullmatch(line)
            assert match and match.group(1) == family.name, "bad line: " + line
            assert family.type is None and not family.series, line
            family.type = match.group(2)
            continue
        match = SAMPLE.fullmatch(line)
        assert match, "bad line: " + line
        name, labels, value = match.groups()
        assert name.startswith(family.name), "not in its family: " + line
        labels = frozenset(_read_labels(labels or "").items())
        assert (name, labels) not in family.series, "series twice: " + line
        family.series[name, labels] = float(value)
    _check(family)
    return families
