"""Following a page notices where the page is not true."""

from __future__ import annotations

from pathlib import Path

from tests.docs.walkthrough import follow

PAGE = """Write this into `sub/greeting.txt`:

```text
good morning
```

```sh
cd sub
cat greeting.txt
```

```text
good …
```

It stays in that folder:

```sh
ls
```

```text
greeting.txt
```
"""


def test_a_page_that_is_true_has_no_findings(tmp_path: Path) -> None:
    assert follow(PAGE, tmp_path, {}) == []


def test_a_wrong_promise_is_found(tmp_path: Path) -> None:
    (finding,) = follow(PAGE.replace("good …", "bad …"), tmp_path, {})
    assert finding.reason == "does not say: bad …"


def test_a_command_that_fails_is_found(tmp_path: Path) -> None:
    findings = follow(PAGE.replace("ls\n", "ls nothing-there\n"), tmp_path, {})
    assert [finding.reason.split(":")[0] for finding in findings] == ["ended with status 2", "does not say"]


def test_a_command_that_is_shown_failing_has_to_fail(tmp_path: Path) -> None:
    assert follow("```sh fails\nfalse\n```\n", tmp_path, {}) == []
    assert len(follow("```sh fails\ntrue\n```\n", tmp_path, {})) == 1
